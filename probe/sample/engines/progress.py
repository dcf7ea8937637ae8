"""Since when a slot that reads a prompt tells what it tells: servers count a prompt only when a part of it is done."""

from ..engine import EngineMoment, SlotMoment


def with_progress(before: EngineMoment | None, now: EngineMoment) -> EngineMoment:
    """The moment `now` after `before`, with the clock of the last step in each slot that reads a prompt."""
    if all(slot.state != "prompt" for slot in now.slots):
        return now
    old = {(slot.slot, slot.task): slot for slot in (before.slots if before is not None else ())}

    def marked(slot: SlotMoment) -> SlotMoment:
        if slot.state != "prompt":
            return slot
        last = old.get((slot.slot, slot.task))
        stands = last is not None and last.state == "prompt" and last.prompt_done == slot.prompt_done
        since_s = last.moved_s if last is not None and stands else None
        return slot.model_copy(update={"moved_s": now.clock_s if since_s is None else since_s})

    return now.model_copy(update={"slots": tuple(map(marked, now.slots))})

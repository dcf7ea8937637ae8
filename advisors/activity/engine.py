"""What a server did between two moments: tokens/s and means, from counters and slots."""

from collections.abc import Mapping

from ...probe.sample.engine import EngineMoment, MeanOf, SlotMoment
from .activity import EngineActivity, SlotActivity

WHEN_DONE = "counter, moves when a request ends"


def engine_activity(before: EngineMoment | None, now: EngineMoment) -> EngineActivity:
    """Rates since `before`. None where there is none, where it is the same moment, or where it cannot be told."""
    seconds = now.clock_s - before.clock_s if before is not None else 0.0
    # One that hangs has no slots: those that it has when it answers again are not new.
    if before is None or seconds <= 0 or before.hangs or now.hangs:
        return _unknown(now)
    tasks = {slot.slot: slot for slot in before.slots}
    answered = _answered(before, now)
    cached, queried = _grown(before.cached_tokens, now.cached_tokens), _grown(before.cache_queries, now.cache_queries)
    drafted = _grown(before.drafted_tokens, now.drafted_tokens)
    decode, basis = _decode(answered, seconds, now)
    return EngineActivity(
        decode_tokens_per_s=decode,
        prompt_tokens_per_s=_prompt_rate(before, now, seconds),
        decode_basis=basis,
        first_token_s=_mean(before.first_token, now.first_token),
        between_tokens_s=_mean(before.between_tokens, now.between_tokens),
        queued_s=_mean(before.queued, now.queued),
        cached_share=_share(cached, queried),
        accepted_share=_share(_grown(before.accepted_tokens, now.accepted_tokens), drafted),
        preemptions_per_s=_rate(_grown(before.preemptions, now.preemptions), seconds),
        read_bytes_per_s=_rate(_grown(before.read_bytes_estimate, now.read_bytes_estimate), seconds),
        prompt_tokens_read=_read_prompt(before, now),
        slots=tuple(_slot(tasks, slot, before.clock_s, now.clock_s) for slot in now.slots),
    )


def _unknown(now: EngineMoment) -> EngineActivity:
    rate, basis = _decode(None, 0.0, now)
    return EngineActivity(
        decode_tokens_per_s=rate,
        prompt_tokens_per_s=None,
        decode_basis=basis,
        first_token_s=None,
        between_tokens_s=None,
        queued_s=None,
        cached_share=None,
        accepted_share=None,
        preemptions_per_s=None,
        read_bytes_per_s=None,
        slots=tuple(
            SlotActivity(slot=one.slot, decode_tokens_per_s=None, prompt_tokens_per_s=None) for one in now.slots
        ),
    )


def _decode(answered: float | None, seconds: float, now: EngineMoment) -> tuple[float | None, str]:
    if now.generated_when_done:
        basis = "slots" if now.slots else WHEN_DONE if now.generated_tokens is not None else "not told"
        if now.rate_tokens_per_s is None or now.slots:
            return _rate(answered, seconds), basis
    elif now.generated_tokens is not None:
        return _rate(answered, seconds), "counter"
    if now.rate_tokens_per_s is not None:
        return now.rate_tokens_per_s, "gauge"
    return None, "not told"


def _answered(before: EngineMoment, now: EngineMoment) -> float | None:
    """Tokens answered in between.

    Where the counter moves when a request ends, slots tell what is under way: of a request in both moments what was
    added, of a new one all. What had been told of those that have ended is in the counter's growth too: the rest of
    that growth is their tail, and that of requests that nobody saw.
    """
    counted = _grown(before.generated_tokens, now.generated_tokens)
    if not now.generated_when_done or not (now.slots or before.slots):
        return counted
    old, new = _under_way(before.slots), _under_way(now.slots)
    seen = sum(max(decoded - old.get(task, 0), 0) for task, decoded in new.items())
    if counted is None:
        return float(seen)
    return seen + max(counted - sum(decoded for task, decoded in old.items() if task not in new), 0.0)


def _under_way(slots: tuple[SlotMoment, ...]) -> dict[tuple[int, int | None], int]:
    return {(slot.slot, slot.task): slot.decoded or 0 for slot in slots if slot.state != "idle"}


def _read_prompt(before: EngineMoment, now: EngineMoment) -> float | None:
    """Prompt tokens computed in between; the counter moves late while nothing else is computed."""
    counted = _grown(before.prompt_tokens, now.prompt_tokens)
    old, new = _prompts_under_way(before), _prompts_under_way(now)
    if counted is None:
        if not now.slots:
            return None
        old, new = (
            {(one.slot, one.task): one.prompt_done or 0 for one in slots if one.state != "idle"}
            for slots in (before.slots, now.slots)
        )
        return float(sum(max(done - old.get(task, 0), 0) for task, done in new.items()))
    return max(counted + sum(new.values()) - sum(old.values()), 0.0)


def _prompt_rate(before: EngineMoment, now: EngineMoment, seconds: float) -> float | None:
    """Mean over the time in which it was read: servers tell of it in steps, some of them a minute apart."""
    read = _read_prompt(before, now)
    if not read:
        return None if any(slot.state == "prompt" for slot in now.slots) else read
    tasks = {(slot.slot, slot.task): slot for slot in now.slots if slot.state != "idle"}
    told = []
    for old in before.slots:
        new = tasks.get((old.slot, old.task))
        if old.state == "prompt" and new is not None and (grown := (new.prompt_done or 0) - (old.prompt_done or 0)) > 0:
            told.append((grown, now.clock_s - _moved(old, before.clock_s)))
    steps = sum(grown for grown, _ in told)
    mean = sum(grown / span for grown, span in told)
    # The counter may have less than the slots, which it follows late, or more: requests that nobody saw.
    return mean * read / steps if steps >= read else mean + (read - steps) / seconds


def _moved(slot: SlotMoment, seen_s: float) -> float:
    """When it told what it tells; never later than it was seen."""
    return seen_s if slot.moved_s is None else min(slot.moved_s, seen_s)


def _prompts_under_way(now: EngineMoment) -> Mapping[tuple[int, int | None], int]:
    """What slots have read and the counter does not have yet.

    Older builds of llama-server count a prompt when it is read. Newer ones, which tell of cached tokens, count with
    each batch that gives an answer to anybody.
    """
    if now.cached_tokens is not None and any(slot.state == "generating" for slot in now.slots):
        return {}
    return {(slot.slot, slot.task): slot.prompt_done or 0 for slot in now.slots if slot.state == "prompt"}


def _slot(before: Mapping[int, SlotMoment], now: SlotMoment, before_s: float, now_s: float) -> SlotActivity:
    if now.state == "idle":
        return SlotActivity(slot=now.slot, decode_tokens_per_s=0.0, prompt_tokens_per_s=0.0)
    old = before.get(now.slot)
    same = old if old is not None and old.task == now.task and old.state != "idle" else None

    def grown(told: int | None, had: int | None, since_s: float) -> float | None:
        return None if told is None else max(told - (had or 0), 0) / (now_s - since_s)

    since_s = _moved(same, before_s) if same and same.state == "prompt" else before_s
    read = grown(now.prompt_done, same.prompt_done if same else 0, since_s)
    return SlotActivity(
        slot=now.slot,
        decode_tokens_per_s=grown(now.decoded, same.decoded if same else 0, before_s),
        prompt_tokens_per_s=read or (None if now.state == "prompt" else read),
    )


def _grown(before: float | None, now: float | None) -> float | None:
    """A counter's growth; one that went back began anew."""
    if before is None or now is None:
        return None
    return now - before if now >= before else now


def _rate(count: float | None, seconds: float) -> float | None:
    return None if count is None or seconds <= 0 else count / seconds


def _share(part: float | None, whole: float | None) -> float | None:
    return min(part / whole, 1.0) if part is not None and whole else None


def _mean(before: MeanOf | None, now: MeanOf | None) -> float | None:
    """Of those that were counted in between."""
    if before is None or now is None or now.count <= before.count or now.seconds < before.seconds:
        return None
    return (now.seconds - before.seconds) / (now.count - before.count)

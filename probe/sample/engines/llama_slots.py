"""llama-server's /slots, of builds from 2024 on: what each of them calls a prompt differs."""

from itertools import islice
from typing import Any

from ..engine import SlotMoment, SlotState
from .made import integer

MAX_SLOTS = 1024


def parse_slots(answer: object) -> tuple[SlotMoment, ...] | None:
    """The slots; None where the answer is no list of them."""
    if not isinstance(answer, list):
        return None
    return tuple(_slot(one, place) for place, one in enumerate(islice(answer, MAX_SLOTS)) if isinstance(one, dict))


def _slot(one: dict[str, Any], place: int) -> SlotMoment:
    following = one.get("next_token")
    if isinstance(following, list):
        following = following[0] if following else None
    following = following if isinstance(following, dict) else {}
    decoded = integer(following.get("n_decoded"))
    processing = one.get("is_processing")
    if not isinstance(processing, bool):
        processing = bool(integer(one.get("state")))  # Until the end of 2024: 0 is idle.
    state: SlotState = "idle" if not processing else "generating" if decoded else "prompt"
    total, done = integer(one.get("n_prompt_tokens")), integer(one.get("n_prompt_tokens_processed"))
    cached = integer(one.get("n_prompt_tokens_cache"))
    slot = integer(one.get("id"))
    return SlotMoment(
        slot=place if slot is None else slot,
        task=integer(one.get("id_task")),
        state=state,
        prompt_tokens=_prompt_tokens(state, total, done, cached),
        prompt_done=done,
        decoded=decoded,
        context_used=_context_used(state, total, done, cached, decoded or 0),
        context_size=integer(one.get("n_ctx")),
    )


def _prompt_tokens(state: SlotState, total: int | None, done: int | None, cached: int | None) -> int | None:
    """Of the request. Newer builds count what lies in the context so far, so while they read it is not known."""
    if state == "generating" and done is not None and cached is not None:
        return done + cached
    return None if done is not None and cached is not None else total


def _context_used(
    state: SlotState, total: int | None, done: int | None, cached: int | None, decoded: int
) -> int | None:
    """Tokens in the slot's context. Older builds tell the prompt alone, newer ones all of it."""
    if total is None:
        return None
    if done is None or cached is None:
        return total + decoded
    if state == "prompt":
        return min(total, done + cached)
    return total + decoded if total == done + cached and decoded > 1 else total

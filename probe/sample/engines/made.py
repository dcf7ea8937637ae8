"""What all engines' readers share: an empty moment, and how an answer that is none is told."""

import json
import time
from typing import Any

from ...loopback import Response
from ...reading import Unreadable
from ..engine import EndpointState, EngineMoment

_STATES: dict[str, EndpointState] = {"missing": "unreachable", "timed out": "timed out", "denied": "denied"}
_NOTHING: dict[str, Any] = {
    "generated_tokens": None,
    "generated_when_done": False,
    "prompt_tokens": None,
    "cached_tokens": None,
    "cache_queries": None,
    "generation_seconds": None,
    "prompt_seconds": None,
    "running": None,
    "waiting": None,
    "preemptions": None,
    "kv_share": None,
    "kv_tokens": None,
    "kv_size_tokens": None,
    "drafted_tokens": None,
    "accepted_tokens": None,
    "first_token": None,
    "between_tokens": None,
    "queued": None,
    "slots": (),
    "models": (),
    "version": None,
}
MAX_TEXT = 4096


def moment(state: EndpointState, detail: str = "", **told: Any) -> EngineMoment:
    """A moment that is now, of which only `told` is known."""
    return EngineMoment(**(_NOTHING | {"clock_s": time.monotonic(), "state": state, "detail": detail} | told))


def failed(why: Unreadable) -> EngineMoment:
    """A server that could not be asked."""
    return moment(_STATES.get(why.reason, "bad answer"), why.detail)


def refused(response: Response) -> EngineMoment | None:
    """What a status says that is not about one page: a key is needed, or the model is not loaded yet."""
    if response.status in (401, 403):
        return moment("denied", "it wants an API key, which llmtune does not ask for or store")
    if response.status == 503:
        return moment("loading", "loads its model" if b"oading" in response.body[:1000] else "does not serve yet")
    return None


def parsed(response: Response) -> Any:
    """The body as JSON; raises `Unreadable`."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise Unreadable("malformed", "an answer that is no JSON") from None


def number(value: object) -> float | None:
    """A JSON number that is finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        return None
    return float(value)


def integer(value: object) -> int | None:
    """A JSON integer that is not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 60 else None


def text(value: object) -> str | None:
    """A JSON string that is not empty."""
    return value[:MAX_TEXT] if isinstance(value, str) and value else None

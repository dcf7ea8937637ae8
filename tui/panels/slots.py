"""The table of a server's slots."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...advisors.activity.activity import SlotActivity
from ...probe.sample.engine import SlotMoment
from ...probe.sample.sample import ServerMoment
from ..line import Line, Span
from ..view import View
from .bars import bar
from .columns import Column, Field, fields, table
from .common import dimmed, note
from .engine_words import is_old, tokens_text
from .names import engine_of
from .units import count_text, percent

_ORDER = {"generating": 0, "prompt": 1, "idle": 2}
_WORDS = {"generating": "answering", "prompt": "reading prompt", "idle": "idle"}


def slot_lines(view: View, server: ServerMoment, width: int, places: int) -> list[Line]:
    """Busy slots first; how many more there are is told in the last line."""
    slots = server.endpoint.slots if server.endpoint is not None else ()
    if not slots or places < 1:
        return []
    lines = _lines(view, server, slots, width, places)
    return dimmed(lines) if is_old(server.endpoint) else lines


def _lines(view: View, server: ServerMoment, slots: Sequence[SlotMoment], width: int, places: int) -> list[Line]:
    ordered = sorted(slots, key=lambda slot: (_ORDER[slot.state], slot.slot))
    if places < 3 and len(slots) + 1 > places:
        return [_in_one_line(view, server, ordered, width)]
    full = len(ordered) + 1 > places
    shown = ordered[: places - 2] if full else ordered
    made = table(_columns(view, server, shown), width, None, view.ascii_only)
    if full:
        left = ordered[len(shown) :]
        idle = sum(slot.state == "idle" for slot in left)
        told = [f"{len(left) - idle} busy"] if len(left) > idle else []
        told += [f"{idle} idle"] if idle else []
        made.append(note(f"and {len(left)} more slots: {', '.join(told)}", width))
    return made


def _in_one_line(view: View, server: ServerMoment, slots: Sequence[SlotMoment], width: int) -> Line:
    busy = [slot for slot in slots if slot.state != "idle"]
    rates = _rates(view, server)
    parts = [Field("slots", f"{len(busy)} of {len(slots)} busy", 0)]
    for place, slot in enumerate(busy[:8]):
        rate = _rate(rates, slot)
        told = f"reads {_prompt(slot)}" if slot.state == "prompt" else "answering" if rate == "-" else f"{rate} t/s"
        parts.append(Field(f"{slot.slot}:", told, 1 + place, width=12))
    return fields(parts, width)


def _rates(view: View, server: ServerMoment) -> Mapping[int, SlotActivity]:
    engine = engine_of(view, server.pid)
    return {one.slot: one for one in engine.slots} if engine is not None else {}


def _rate(rates: Mapping[int, SlotActivity], slot: SlotMoment) -> str:
    found = rates.get(slot.slot)
    if found is None or slot.state == "idle":
        return "-"
    value = found.prompt_tokens_per_s if slot.state == "prompt" else found.decode_tokens_per_s
    return "-" if value is None else tokens_text(value)


def _columns(view: View, server: ServerMoment, slots: Sequence[SlotMoment]) -> list[Column]:
    rates = _rates(view, server)

    def column(title: str, priority: int, tell: Callable[[SlotMoment], Any], **more: Any) -> Column:
        made = []
        for slot in slots:
            value = tell(slot)
            made.append(
                value if isinstance(value, tuple) and not isinstance(value, Span) else (Span(value, _style(slot)),)
            )
        return Column(title, priority, made, **more)

    return [
        column("slot", 0, lambda slot: str(slot.slot), width=4),
        column("state", 0, lambda slot: _WORDS[slot.state], right=False, width=14),
        column("tokens/s", 1, lambda slot: _rate(rates, slot), width=8),
        column("prompt", 4, _prompt, width=11),
        column("answered", 3, lambda slot: count_text(slot.decoded), width=8),
        column("context", 2, _context, width=11),
        column("", 6, lambda slot: bar(_share(slot), 10, view.ascii_only), right=False, width=10),
        column("full", 5, lambda slot: percent(_share(slot)), width=4),
    ]


def _style(slot: SlotMoment) -> Any:
    return "dim" if slot.state == "idle" else "plain"


def _share(slot: SlotMoment) -> float | None:
    return slot.context_used / slot.context_size if slot.context_used is not None and slot.context_size else None


def _prompt(slot: SlotMoment) -> str:
    if slot.prompt_tokens is None:
        return "-"
    if slot.state == "prompt" and slot.prompt_done is not None:
        return f"{count_text(slot.prompt_done)}/{count_text(slot.prompt_tokens)}"
    return count_text(slot.prompt_tokens)


def _context(slot: SlotMoment) -> str:
    if slot.context_used is None:
        return "-"
    return count_text(slot.context_used) + ("" if slot.context_size is None else f"/{count_text(slot.context_size)}")

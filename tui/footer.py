"""The last line: what the screen shows, and the keys."""

import time

from .cells import line_cells, shorten
from .keys import KEYS
from .line import Line, Span, line


def footer(width: int, mode: str, note: str, status: str, ascii_only: bool) -> Line:
    """`mode` (PAUSED and the like) and a note, or the keys, and on the right the feed's status."""
    right = Span(f" {status}", "dim")
    left: list[Span] = [Span(f"{mode} ", "selected"), Span(" ")] if mode else []
    room = width - line_cells((*left, right))
    if room < 8:
        right, room = Span(""), width - line_cells(left)
    if note:
        left.append(Span(shorten(note, room, ascii_only), "bold"))
    else:
        left += _keys(room)
    missing = width - line_cells((*left, right))
    return line(*left, " " * max(missing, 0), right)


def _keys(room: int) -> list[Span]:
    found: list[Span] = []
    for key in KEYS:
        if not key.short:
            continue
        spans = [Span(key.shown.split(" ")[0], "accent"), Span(f" {key.short}  ", "dim")]
        if line_cells((*found, *spans)) > room + 2:
            break
        found += spans
    return found


def clock(moment_s: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(moment_s))

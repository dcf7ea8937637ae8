"""The last line: what the screen shows, and the keys."""

import time

from .cells import cells, line_cells, shorten_path
from .keys import KEYS
from .line import Line, Span, line


def footer(width: int, mode: str, note: str, status: str, ascii_only: bool) -> Line:
    """`mode` (PAUSED and the like) and a note, or the keys, and on the right the feed's status."""
    right = Span(f" {status}", "dim")
    if note and line_cells((right, Span(f"{mode}  " if mode else ""))) + cells(note) > width:
        right = Span("")  # For a few seconds what is told is worth more than what is always told.
    left: list[Span] = [Span(f"{mode} ", "selected"), Span(" ")] if mode else []
    room = width - line_cells((*left, right))
    if room < 8:
        right, room = Span(""), width - line_cells(left)
    if note:
        left.append(Span(shorten_path(note, room, ascii_only), "bold"))
    else:
        left += _keys(room)
    missing = width - line_cells((*left, right))
    return line(*left, " " * max(missing, 0), right)


def _keys(room: int) -> list[Span]:
    found: list[Span] = []
    for key in KEYS:
        if not key.short:
            continue
        between = [Span("  ")] if found else []
        spans = [*between, Span(key.shown.split(" ")[0], "accent"), Span(f" {key.short}", "dim")]
        if line_cells((*found, *spans)) > room:
            break
        found += spans
    return found


def clock(moment_s: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(moment_s))

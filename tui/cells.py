"""Cells of a terminal: how wide text is, and how it is made to fit."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from .line import Line, Span

_NARROW = re.compile("[\x20-\x7e\u00b7\u2026\u2500-\u259f\u2800-\u28ff]*")
"""What bars and charts are made of."""
_ASCII = {"…": "~", "·": "|", "─": "-"}


@lru_cache(maxsize=4096)
def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cells(text: str) -> int:
    """How many cells of a terminal `text` takes; it is printable already."""
    return len(text) if text.isascii() or _NARROW.fullmatch(text) else sum(map(_cell, text))


def line_cells(spans: Iterable[Span]) -> int:
    """How many cells a line takes."""
    return sum(cells(part.text) for part in spans)


def cut(text: str, width: int) -> str:
    """As much of `text` as `width` cells hold."""
    if text.isascii():
        return text[: max(width, 0)]
    taken = 0
    for place, character in enumerate(text):
        taken += _cell(character)
        if taken > width:
            return text[:place]
    return text


def shorten(text: str, width: int, ascii_only: bool = False) -> str:
    """`text` in at most `width` cells, an ellipsis telling where it was cut."""
    if cells(text) <= width:
        return text
    mark = "..." if ascii_only and width >= 6 else "~" if ascii_only else "…"
    return cut(text, width - len(mark)).rstrip() + mark if width > len(mark) else cut(text, width)


def shorten_middle(text: str, width: int, ascii_only: bool = False) -> str:
    """Like `shorten`, but keeps the end: names of models differ there (`...-Q4_K_M.gguf`)."""
    if cells(text) <= width or width < 12:
        return shorten(text, width, ascii_only)
    mark = "..." if ascii_only else "…"
    tail_cells = (width - len(mark)) * 2 // 5
    tail = text
    while cells(tail) > tail_cells:
        tail = tail[max(1, (cells(tail) - tail_cells) // 2) :]
    return cut(text, width - len(mark) - cells(tail)) + mark + tail


def shorten_path(text: str, width: int, ascii_only: bool = False) -> str:
    """Like `shorten`, but keeps the last name of a path and what follows it, where that fits."""
    mark = "..." if ascii_only else "…"
    _, slash, name = text.rpartition("/")
    left = width - len(mark) - cells(slash + name)
    if not slash or cells(text) <= width or left < 1:
        return shorten_middle(text, width, ascii_only) if slash else shorten(text, width, ascii_only)
    return cut(text, left) + mark + slash + name


def pad(text: str, width: int, right: bool = False) -> str:
    """`text` followed by spaces (or, aligned right, after them) up to `width` cells."""
    missing = width - cells(text)
    return text if missing <= 0 else " " * missing + text if right else text + " " * missing


def clip(spans: Line, width: int, ascii_only: bool = False) -> Line:
    """A line in at most `width` cells."""
    if line_cells(spans) <= width:
        return spans
    kept: list[Span] = []
    left = width
    for part in spans:
        if cells(part.text) > left - (1 if part is not spans[-1] else 0):
            kept.append(Span(shorten(part.text + " ", left, ascii_only), part.style))
            break
        kept.append(part)
        left -= cells(part.text)
    return tuple(kept)


def ascii_line(spans: Line) -> Line:
    """The same cells in ASCII, for terminals that have nothing else."""
    return tuple(part if part.text.isascii() else Span(_ascii(part.text), part.style) for part in spans)


def _ascii(text: str) -> str:
    return "".join(one if one.isascii() else _ASCII.get(one, "?" * _cell(one)) for one in text)


def padded(spans: Line, width: int) -> Line:
    """A line of exactly `width` cells or, where it is longer, as it is."""
    missing = width - line_cells(spans)
    return (*spans, Span(" " * missing)) if missing > 0 else spans

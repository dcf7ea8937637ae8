"""Charts of past values as lines of text: a filled area in braille, or of `#`."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from .cells import clip, line_cells, padded
from .line import Line, Span

_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
BRAILLE = tuple(tuple(chr(0x2800 + left + right) if left or right else " " for right in _RIGHT) for left in _LEFT)
"""By how many of its four dots are filled from below, left and right."""


def points_of(width: int, ascii_only: bool) -> int:
    """How many values an area of `width` cells shows."""
    return width if ascii_only else 2 * width


def area(values: Sequence[float | None], width: int, height: int, top: float, ascii_only: bool = False) -> list[str]:
    """`height` rows of `width` cells, from the top down; a value that is not known leaves a gap.

    A value above nothing shows at least one dot: that something happened is seen.
    """
    steps = height * (1 if ascii_only else 4)
    scale = steps / top if top > 0 else 0.0
    points = points_of(width, ascii_only)
    filled = [
        0 if value is None or value <= 0 else min(max(1, round(value * scale)), steps)
        for value in list(values)[-points:]
    ]
    filled = [0] * (points - len(filled)) + filled
    if ascii_only:
        return ["".join("#" if dots > below else " " for dots in filled) for below in range(height - 1, -1, -1)]
    columns = [_column(left, right, height) for left, right in zip(filled[::2], filled[1::2], strict=True)]
    return ["".join(row) for row in zip(*columns, strict=True)]


@lru_cache(maxsize=4096)
def _column(left: int, right: int, height: int) -> str:
    """Two values from the top down: charts are made of few different ones."""
    return "".join(
        BRAILLE[min(max(left - below, 0), 4)][min(max(right - below, 0), 4)]
        for below in range(4 * (height - 1), -1, -4)
    )


def nice_top(values: Sequence[float | None], least: float) -> float:
    """The end of an axis: a round number at or above the largest value, which does not move with each value."""
    largest = max((value for value in values if value is not None), default=0.0)
    step = least
    while step < largest:
        for factor in (1, 1.5, 2, 3, 4, 5, 6, 8):
            if step * factor >= largest:
                return step * factor
        step *= 10
    return step


def chart(
    title: str,
    values: Sequence[float | None],
    width: int,
    height: int,
    top: float,
    tell: Callable[[float], str],
    ascii_only: bool = False,
    recent: int | None = None,
) -> list[Line]:
    """A caption with the newest value and the end of the axis, and the area below it: `height` lines.

    Of older values than the `recent` last ones none is told as the newest.
    """
    newest = next((value for value in reversed(values[-recent:] if recent else values) if value is not None), None)
    ever = newest is not None or any(value is not None for value in values)
    now = tell(newest).strip() if newest is not None else "no value now" if ever else "no value yet"
    left = (Span(title, "dim"), Span(" "), Span(now))
    right = (Span(f"top {tell(top).strip()}", "dim"),)
    gap = width - line_cells(left) - line_cells(right)
    caption = (*left, Span(" " * gap), *right) if gap >= 2 else left
    rows = area(values, width, height - 1, top, ascii_only)
    return [clip(caption, width, ascii_only), *((Span(row, "accent"),) for row in rows)]


def beside(blocks: Sequence[Sequence[Line]], widths: Sequence[int], gap: str = "   ") -> list[Line]:
    """Blocks of lines next to one another."""
    height = max(map(len, blocks), default=0)
    lines: list[Line] = []
    for row in range(height):
        spans: list[Span] = []
        for place, (block, width) in enumerate(zip(blocks, widths, strict=True)):
            spans += [Span(gap, "dim")] if place else []
            here = block[row] if row < len(block) else ()
            spans += padded(here, width) if place < len(blocks) - 1 else here
        lines.append(tuple(spans))
    return lines

"""Bars in one line of text."""

from collections.abc import Sequence

from ..chart import BRAILLE
from ..line import Line, Span
from .columns import Field, fields

_LEVELS = "▁▂▃▄▅▆▇█"


def bar(share: float | None, width: int, ascii_only: bool = False) -> tuple[Span, ...]:
    """A bar of `width` cells, filled by a share of 0 to 1; its load is not coloured."""
    if share is None or width < 1:
        return (Span(" " * max(width, 0)),)
    share = min(max(share, 0.0), 1.0)
    if ascii_only:
        full = round(share * width)
        return (Span("#" * full), Span("-" * (width - full), "dim"))
    halves = round(share * width * 2)
    full, half = divmod(halves, 2)
    return (Span("━" * full + "╸" * half), Span("─" * (width - full - half), "dim"))


def with_bar(share: float | None, parts: Sequence[Field], width: int, ascii_only: bool) -> Line:
    """One line of fields, behind a bar where there is room for one."""
    if width < 56:
        return fields(parts, width)
    cells = 10 if width < 100 else 16
    return (*bar(share, cells, ascii_only), Span("  "), *fields(parts, width - cells - 2))


def many_bars(shares: Sequence[float], width: int, ascii_only: bool = False) -> tuple[str, int]:
    """One small upright bar for each share, in at most `width` cells, and how many shares each bar stands for.

    Blocks while they fit, two bars of braille in a cell where not; where that is too wide as well, means of neighbours.
    """
    if not shares or width < 1:
        return "", 1
    if len(shares) <= width or ascii_only:
        grouped, of_each = means(shares, width)
        if ascii_only:
            return "".join(str(min(int(share * 10), 9)) for share in grouped), of_each
        return "".join(_LEVELS[min(int(share * 8), 7)] for share in grouped), of_each
    grouped, of_each = means(shares, 2 * width)
    dots = [min(max(round(share * 4), 1), 4) for share in grouped]
    dots += [0] * (len(dots) % 2)
    return "".join(BRAILLE[left][right] for left, right in zip(dots[::2], dots[1::2], strict=True)), of_each


def means(shares: Sequence[float], bars: int) -> tuple[Sequence[float], int]:
    """Means of as few neighbours as make at most `bars` bars of them."""
    of_each = -(-len(shares) // bars)
    if of_each == 1:
        return shares, 1
    groups = [shares[start : start + of_each] for start in range(0, len(shares), of_each)]
    return [sum(group) / len(group) for group in groups], of_each

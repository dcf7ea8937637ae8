"""The whole screen as text: the verdict on top, panels below by priority."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import NamedTuple

from .cells import clip, shorten
from .chart import beside
from .line import Line, Span
from .panels import cpu, engine, gpus, io, log, memory
from .verdict import verdict_lines
from .view import View

PANELS: Mapping[str, ModuleType] = {
    "gpus": gpus,
    "cpu": cpu,
    "memory": memory,
    "io": io,
    "engine": engine,
    "log": log,
}
"""In the order of their keys, 1 to 6."""

PRIORITY = ("engine", "gpus", "cpu", "memory", "io", "log")
"""What stays longest on a small screen, and what is shown first."""
_WIDE = 110
"""From here on the small panels stand side by side, in pairs."""
_PAIRS = (("cpu", "memory"), ("io", "log"))
_FEWEST = 2
"""Lines below which a panel is not worth its title."""
_PLENTY = 500


class _Block(NamedTuple):
    """Panels that stand side by side, with their widths."""

    names: tuple[str, ...]
    widths: tuple[int, ...]


def compose(view: View, focus: str | None, width: int, height: int) -> list[Line]:
    """Exactly `height` lines of at most `width` cells.

    The focused panel is served first; those that find no place are named in the last line.
    """
    if width < 1 or height < 1:
        return []
    lines = [clip(one, width, view.ascii_only) for one in verdict_lines(view, width, 2 if height < 20 else 4)][:height]
    left = height - len(lines)
    wanted = {name: len(PANELS[name].body(view, width, _PLENTY)) for name in PRIORITY}
    blocks = _blocks(width)
    order = sorted(blocks, key=lambda block: focus not in block.names)
    heights: dict[_Block, int] = {}
    for block in order:
        least = 1 + min(_FEWEST, max(wanted[name] for name in block.names))
        if left >= least:
            heights[block] = least
            left -= least
    for block in order:
        if block in heights:
            more = min(left, 1 + max(wanted[name] for name in block.names) - heights[block])
            heights[block] += max(more, 0)
            left -= max(more, 0)
    for block in order:
        if block in heights and left > 0:
            more = min(left, 8)
            heights[block] += more
            left -= more
    for block in blocks:
        if block in heights:
            lines += _draw(view, block, focus, heights[block])
    return [*lines[:height], *[()] * (height - len(lines))]


def _blocks(width: int) -> list[_Block]:
    if width < _WIDE:
        return [_Block((name,), (width,)) for name in PRIORITY]
    half = (width - 3) // 2
    singles = [_Block((name,), (width,)) for name in PRIORITY[:2]]
    return singles + [_Block(pair, (half, width - 3 - half)) for pair in _PAIRS]


def _draw(view: View, block: _Block, focus: str | None, height: int) -> list[Line]:
    made: list[Sequence[Line]] = []
    for name, width in zip(block.names, block.widths, strict=True):
        inside = PANELS[name].lines(view, width, height - 1)
        made.append([title(view, name, focus, width), *inside, *[()] * (height - 1 - len(inside))])
    return beside(made, block.widths)


def title(view: View, name: str, focus: str | None, width: int) -> Line:
    """A rule with the panel's key and name."""
    key = list(PANELS).index(name) + 1
    rule = "-" if view.ascii_only else "─"
    text = shorten(f"{key} {PANELS[name].TITLE}", max(width - 6, 1), view.ascii_only)
    style = "accent" if name == focus else "title"
    head: Line = (Span(f"{rule}{rule} ", "dim"), Span(text, style), Span(" "))  # type: ignore[arg-type]
    return (*head, Span(rule * max(0, width - len(text) - 4), "dim"))

"""The whole screen as text: the verdict on top, panels below by priority."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from .cells import ascii_line, clip, line_cells, shorten
from .chart import beside
from .line import Line, Span, span, text_of
from .panels import cpu, engine, gpus, io, log, memory
from .panels.common import below
from .verdict import verdict_lines
from .view import Choice, View

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
_HIGH = 30
"""From here on the first panel has charts at any time."""
_CHARTS = (6, 8, 13)
"""Lines for charts, with the empty line above them: what is given to all, then more, first to the important ones."""


@dataclass(slots=True)
class _Part:
    """One panel of one moment."""

    name: str
    width: int
    natural: list[Line]
    """All of its text."""
    has_charts: bool

    @property
    def quiet(self) -> bool:
        """It has one sentence to say, which the title can hold."""
        return len(self.natural) == 1 and not self.has_charts and len(self.natural[0]) == 1


@dataclass(slots=True)
class _Block:
    """Panels that stand side by side."""

    parts: list[_Part]
    height: int = 0
    keeps_charts: bool = False
    """Its text is shortened rather than its charts left out: they stay as more servers come."""

    @property
    def full(self) -> int:
        """Lines for all text."""
        return max(1 if part.quiet else 1 + len(part.natural) for part in self.parts)

    @property
    def has_charts(self) -> bool:
        """More lines would be used."""
        return any(part.has_charts for part in self.parts)


class _Views:
    """What the user chose is for the focused panel; the others show their usual rows, none of them selected."""

    def __init__(self, view: View, focus: str | None) -> None:
        self._focused, self._focus = view, focus
        self._others = replace(view, choice=Choice(row=-1))

    def __call__(self, name: str) -> View:
        return self._focused if name == self._focus else self._others


def compose(view: View, focus: str | None, width: int, height: int) -> list[Line]:
    """Exactly `height` lines of at most `width` cells.

    The focused panel is served first; panels that find no place are named in the last line.
    """
    if width < 1 or height < 1:
        return []
    lines = verdict_lines(view, width, 2 if height < 20 else 3 if height < 36 else 4)[:height]
    views = _Views(view, focus)
    blocks = _blocks(views, width, height)
    order = sorted(blocks, key=lambda block: all(part.name != focus for part in block.parts))
    room = height - len(lines)
    _share_out(order, focus, room, height)
    hidden = any(not block.height for block in blocks)
    if hidden and room > 4:
        _share_out(order, focus, room - 1, height)
    drawn = _draw_all(views, order, focus)
    for block in blocks:
        lines += drawn.get(id(block), [])
    if hidden and len(lines) < height:
        lines.append(_hidden(view, [part for block in blocks if not block.height for part in block.parts], width))
    lines = [clip(one, width, view.ascii_only) for one in lines[:height]]
    if view.ascii_only:
        lines = [ascii_line(one) for one in lines]
    return [*lines, *[()] * (height - len(lines))]


def _draw_all(views: _Views, order: Sequence[_Block], focus: str | None) -> dict[int, list[Line]]:
    """Each block's lines; what one leaves empty goes to the next that has more to say."""
    drawn: dict[int, list[Line]] = {}
    spare = 0
    for block in order:
        if not block.height:
            continue
        more = max(0, min(spare, block.full - block.height))
        block.height += more
        spare -= more
        made = _draw(views, block, focus)
        while len(made) > 1 and not any(part.text.strip() for part in made[-1]):
            made.pop()
            spare += 1
        drawn[id(block)] = made
    return drawn


def _share_out(order: Sequence[_Block], focus: str | None, left: int, height: int) -> None:
    """Give each block its lines: a title at first, then its most important lines, then more."""
    for block in order:
        block.height = 1 if left else 0
        left -= block.height
    there = [block for block in order if block.height]
    # Long tables take no more than their part before all others have something.
    for most in (None, max(8, height // 3), height):
        for block in there:
            main = any(part.name in (focus, *PRIORITY[:2]) for part in block.parts)
            focused = any(part.name == focus for part in block.parts)
            limit = height if focused else most if most is not None else max(4, height // 3) if main else 1 + _FEWEST
            more = min(left, min(block.full, limit) - block.height)
            # A title alone tells as much as a title with one line.
            if more > (1 if block.height == 1 and block.full > 2 else 0):
                block.height += more
                left -= more
        if most is None and height >= _HIGH:
            left -= _keep_charts(there, left, height)
    for rows in _CHARTS:
        for block in there:
            more = block.full + rows - block.height
            if block.has_charts and 0 < more <= left:
                block.height += more
                left -= more


def _keep_charts(there: Sequence[_Block], left: int, height: int) -> int:
    """Lines for the text and the charts of the first panel, in half of the screen; how many it took."""
    for block in there:
        if block.has_charts and block.parts[0].name == PRIORITY[0]:
            more = min(left, max(min(block.full + _CHARTS[0], height // 2) - block.height, 0))
            block.height += more
            block.keeps_charts = block.height > 2 * _CHARTS[0]
            return more
    return 0


def _blocks(views: _Views, width: int, height: int) -> list[_Block]:
    if width < _WIDE:
        return [_Block([_part(views(name), name, width, height)]) for name in PRIORITY]
    half = (width - 3) // 2
    singles = [_Block([_part(views(name), name, width, height)]) for name in PRIORITY[:2]]
    pairs = [
        _Block([_part(views(left), left, half, height), _part(views(right), right, width - 3 - half, height)])
        for left, right in _PAIRS
    ]
    for block in pairs:
        # Charts side by side begin on one line.
        longest = max(len(part.natural) for part in block.parts)
        for part in block.parts:
            part.natural += [()] * (longest - len(part.natural) if part.has_charts else 0)
    return singles + pairs


def _part(view: View, name: str, width: int, height: int) -> _Part:
    panel = PANELS[name]
    try:
        return _Part(name, width, panel.body(view, width, height), bool(panel.charts(view)))
    except Exception as error:  # A bug in one panel must not take the others from the screen.
        return _Part(name, width, [_failed(error)], False)


def _failed(error: Exception) -> Line:
    return (Span("this panel failed: ", "bad"), span(f"{type(error).__name__}: {error}"))


def _draw(views: _Views, block: _Block, focus: str | None) -> list[Line]:
    made: list[Sequence[Line]] = []
    places = block.height - 1
    for part in block.parts:
        view = views(part.name)
        try:
            told, inside = _inside(view, part, places, block)
        except Exception as error:  # As above.
            told, inside = "", [_failed(error)]
        head = title(view, part.name, focus, part.width, told)
        made.append([head, *inside[:places], *[()] * (places - len(inside))])
    return list(made[0]) if len(made) == 1 else beside(made, [part.width for part in block.parts])


def _inside(view: View, part: _Part, places: int, block: _Block) -> tuple[str, list[Line]]:
    """What its title tells, and what stands below."""
    panel = PANELS[part.name]
    if part.quiet and (len(block.parts) == 1 or not places):
        return text_of(part.natural[0]), []
    if not places:
        return panel.brief(view), []
    if block.keeps_charts and places < len(part.natural) + _CHARTS[0]:
        text = panel.body(view, part.width, places - _CHARTS[0])
        return "", below(view, text[: places - _CHARTS[0]], panel.charts(view), part.width, places)
    if places < len(part.natural):
        return "", panel.lines(view, part.width, places)
    if part.has_charts:
        return "", below(view, part.natural, panel.charts(view), part.width, places)
    return "", list(part.natural)


def _hidden(view: View, parts: Sequence[_Part], width: int) -> Line:
    """Which panels wait behind their keys."""
    names = ", ".join(f"{_key(part.name)} {PANELS[part.name].TITLE}" for part in parts)
    rule = "-" if view.ascii_only else "─"
    return (Span(shorten(f"{rule}{rule} not shown: {names}", width, view.ascii_only), "dim"),)


def _key(name: str) -> int:
    return list(PANELS).index(name) + 1


def title(view: View, name: str, focus: str | None, width: int, told: str = "") -> Line:
    """A rule with the panel's key and name, and perhaps all that it has to say."""
    rule = "-" if view.ascii_only else "─"
    name_of = f"{_key(name)} {PANELS[name].TITLE}"
    head: Line = (Span(f"{rule}{rule} ", "dim"), Span(name_of, "accent" if name == focus else "title"))
    if told:
        head += (Span(f"  {shorten(told, max(width - line_cells(head) - 6, 1), view.ascii_only)}", "dim"),)
    head = clip((*head, Span(" ")), width, view.ascii_only)
    return (*head, Span(rule * max(0, width - line_cells(head)), "dim"))

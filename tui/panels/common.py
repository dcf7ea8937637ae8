"""What panels share: the user's choice of rows, words for what is missing, charts below the text."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ..cells import ascii_line, clip, shorten
from ..chart import beside, chart, nice_top, points_of
from ..line import Line, Span, span
from ..view import View

T = TypeVar("T")
_CHART_ROWS = 4
"""A chart lower than that tells too little for its place."""
_CHART_CELLS = 36
_MAX_CHART_ROWS = 12
_MANY_ROWS = 16
_RECENT_S = 5
"""An older value is not told as what is so now."""

Chart = tuple[str, str, float, Callable[[float], str]]
"""Title, name of the series, the least end of the axis (negative: the end itself), and how a value is told."""


def chosen(
    view: View, items: Iterable[T], keys: dict[str, Callable[[T], Any]], words: Callable[[T], str], default: str
) -> list[T]:
    """Those that the user's filter lets through, in his order; unknown values come last."""
    wanted = view.choice.filter.casefold()
    kept = [one for one in items if wanted in words(one).casefold()] if wanted else list(items)
    key = keys.get(view.choice.sort or default, keys[default])
    known = [one for one in kept if key(one) is not None]
    known.sort(key=key, reverse=view.choice.reverse)
    return known + [one for one in kept if key(one) is None]


def selected_place(view: View, count: int) -> int:
    """The selected row, inside of what there is."""
    return min(max(view.choice.row, 0), count - 1) if count else 0


def window(count: int, selected: int, places: int) -> range:
    """Which rows are shown where not all fit, the selected one among them."""
    places = max(places, 1)
    if count <= places:
        return range(count)
    first = min(max(0, selected - places // 2), count - places)
    return range(first, first + places)


def note(text: str, width: int, style: str = "dim") -> Line:
    """A sentence in one line."""
    return (Span(shorten(text, width), style),)  # type: ignore[arg-type]


def sentences(text: str, width: int, indent: str = "") -> list[Line]:
    """A sentence in as many lines as it needs."""
    lines: list[Line] = []
    row = ""
    for word in span(text).text.split():
        if row and len(indent) + len(row) + 1 + len(word) > width:
            lines.append((Span(indent + row, "dim"),))
            row = ""
        row = f"{row} {word}".strip()
    return [clip(one, width) for one in [*lines, (Span(indent + row, "dim"),)]]


def dimmed(lines: Iterable[Line]) -> list[Line]:
    """What was so, and perhaps is not any more."""
    return [tuple(Span(part.text, "dim") for part in one) for one in lines]


def waiting(width: int) -> list[Line]:
    """What every panel says before the first reading."""
    return [note("waiting for the first reading", width)]


def with_charts(
    view: View, body: Callable[[View, int, int], list[Line]], charts: Sequence[Chart], width: int, height: int
) -> list[Line]:
    """The text and, where there is room below it, charts side by side; long tables leave some room for them."""
    kept = _CHART_ROWS + 2 if charts and height >= _MANY_ROWS else 0
    text = body(view, width, height - kept)
    return below(view, text, charts, width, height)


def below(view: View, text: Sequence[Line], charts: Sequence[Chart], width: int, height: int) -> list[Line]:
    """Charts below a text."""
    lines = [clip(one, width, view.ascii_only) for one in text[:height]]
    if view.ascii_only:
        lines = [ascii_line(one) for one in lines]
    room = min(height - len(lines) - 1, _MAX_CHART_ROWS) if lines else height
    if room < _CHART_ROWS or not charts:
        return lines
    across = max(1, min(len(charts), (width + 3) // (_CHART_CELLS + 3)))
    there = charts[:across]
    if width < 16:
        return lines
    each = (width - 3 * (len(there) - 1)) // len(there)
    blocks = [draw(view, one, each, room) for one in there]
    return [*lines, (), *beside(blocks, [each] * len(there))]


def known(view: View, charts: Sequence[Chart]) -> list[Chart]:
    """Those of which there are values."""
    names = set(view.series.names())
    return [one for one in charts if one[1] in names]


def draw(view: View, one: Chart, width: int, height: int) -> list[Line]:
    """One chart of a series over the window that the user chose."""
    title, name, least, tell = one
    points = points_of(width, view.ascii_only)
    values = view.series.values(name, points, view.window_s)
    top = -least if least < 0 else nice_top(values, least)
    recent = math.ceil(points * _RECENT_S / view.window_s) + 1
    return chart(title, values, width, height, top, tell, view.ascii_only, recent)

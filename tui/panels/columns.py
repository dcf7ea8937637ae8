"""Aligned columns and fields that leave whole, the least important first, where a line is too narrow."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..cells import cells, line_cells, pad, shorten, shorten_middle
from ..line import Line, Span, Style

GAP = 2
"""Cells between two columns."""
_COLOURLESS = ("plain", "dim", "bold")
_BETWEEN = 3
"""Cells between two fields."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `cells` holds what each row shows in it."""

    title: str
    priority: int
    """0 never leaves; the highest leaves first."""
    cells: Sequence[tuple[Span, ...]]
    width: int = 0
    """At least so wide, so that it does not jump as numbers grow."""
    right: bool = True
    least: int = 0
    """Foreign names may be shortened to this; 0: never shortened."""
    keep_end: bool = False
    """Shortened in the middle."""
    full: int = field(init=False, default=0)
    """As wide as the widest cell."""

    sizes: Sequence[int] = field(init=False, default=())
    """How wide each cell is."""

    def __post_init__(self) -> None:
        sizes = [cells(one[0].text) if len(one) == 1 else line_cells(one) for one in self.cells]
        full = max(self.width, cells(self.title), *sizes) if sizes else max(self.width, cells(self.title))
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "full", full)
        object.__setattr__(self, "least", min(self.least, full))

    def known(self) -> bool:
        """Some row has something to tell here."""
        return any(part.text.strip(" -/") for one in self.cells for part in one)


def table(columns: Sequence[Column], width: int, selected: int | None = None, ascii_only: bool = False) -> list[Line]:
    """A heading and the rows. Columns in which no row knows anything are left out."""
    kept = _fitting(columns, width)
    widths = _widths(kept, width)
    lines = [_heading(kept, widths)]
    for row in range(len(kept[0].cells) if kept else 0):
        spans = _row(row, kept, widths, ascii_only)
        if row == selected:
            spans = tuple(Span(part.text, "selected" if part.style in _COLOURLESS else part.style) for part in spans)
        lines.append(spans)
    return lines


def _heading(columns: Sequence[Column], widths: Sequence[int]) -> Line:
    titles = [pad(column.title, width, column.right) for column, width in zip(columns, widths, strict=True)]
    return (Span((" " * GAP).join(titles).rstrip(), "dim"),)


def _fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The most important ones that go beside one another, in their order."""
    there = [column for column in columns if column.priority == 0 or column.known()]
    taken, kept = -GAP, set()
    for column in sorted(there, key=lambda one: one.priority):
        needs = GAP + (column.least or column.full)
        if column.priority == 0 or taken + needs <= width:
            kept.add(id(column))
            taken += needs
    return [column for column in there if id(column) in kept]


def _least(columns: Sequence[Column]) -> int:
    return sum(column.least or column.full for column in columns) + GAP * (len(columns) - 1)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Shortened columns take what is left, the most important first."""
    left = width - _least(columns)
    widths = {id(column): column.least or column.full for column in columns}
    for column in sorted((one for one in columns if one.least), key=lambda one: one.priority):
        more = max(0, min(column.full - column.least, left))
        widths[id(column)] += more
        left -= more
    return [widths[id(column)] for column in columns]


def _row(row: int, columns: Sequence[Column], widths: Sequence[int], ascii_only: bool) -> Line:
    spans: list[Span] = []
    last = len(columns) - 1
    for place, column in enumerate(columns):
        parts, width, size = column.cells[row], widths[place], column.sizes[row]
        if size > width:
            cutter = shorten_middle if column.keep_end else shorten
            parts = (Span(cutter("".join(part.text for part in parts), width, ascii_only), parts[0].style),)
            size = line_cells(parts)
        before = (GAP if place else 0) + (width - size if column.right else 0)
        after = width - size if not column.right and place < last else 0
        if before:
            spans.append(Span(" " * before))
        spans += parts
        if after:
            spans.append(Span(" " * after))
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class Field:
    """`label value` in a line of such."""

    label: str
    value: str
    priority: int = 5
    """0 never leaves; the highest leaves first."""
    style: Style = "plain"
    width: int = 0
    """The value is padded to this, so that what follows stays in its place."""


def fields(parts: Sequence[Field], width: int, indent: str = "") -> Line:
    """One line; what does not fit leaves whole."""
    return _laid(_kept(parts, width - len(indent)), indent)


def _kept(parts: Sequence[Field], width: int) -> list[Field]:
    taken, kept = -_BETWEEN, set()
    for place, one in sorted(enumerate(parts), key=lambda pair: _rank(pair[1])):
        needs = _BETWEEN + _field_cells(one)
        if one.priority == 0 or taken + needs <= width:
            kept.add(place)
            taken += needs
    return [one for place, one in enumerate(parts) if place in kept]


def _rank(one: Field) -> int:
    """What is not as it should be stays before all that is."""
    most = {"bad": 1, "notice": 2}.get(one.style)
    return 2 * one.priority if most is None else min(2 * one.priority, most)


def _laid(parts: Sequence[Field], indent: str) -> Line:
    spans: list[Span] = [Span(indent)] if indent else []
    for place, one in enumerate(parts):
        spans += [Span(" " * _BETWEEN)] if place else []
        spans += [Span(f"{one.label} ", "dim")] if one.label else []
        value = one.value.strip()
        spans.append(Span(pad(value, _value_cells(one)) if place < len(parts) - 1 else value, one.style))
    return tuple(spans)


def fields_and_faults(parts: Sequence[Field], width: int) -> list[Line]:
    """One line; what is bad and does not fit gets a second one."""
    kept = _kept(parts, width)
    left = [one for one in parts if one not in kept and one.style in ("notice", "bad")]
    return [_laid(kept, ""), *([fields(left, width, "  ")] if left else [])]


def wrapped(parts: Sequence[Field], width: int, indent: str = "") -> list[Line]:
    """As many lines as they need; none leaves."""
    lines: list[Line] = []
    waiting: list[Field] = []
    for one in parts:
        if waiting and sum(_field_cells(each) + _BETWEEN for each in (*waiting, one)) - _BETWEEN > width - len(indent):
            lines.append(_laid(waiting, indent))
            waiting = []
        waiting.append(one)
    return [*lines, _laid(waiting, indent)] if waiting else lines


def _value_cells(one: Field) -> int:
    """A number keeps the place that it was padded to, and begins at its left end."""
    return max(cells(one.value), one.width)


def _field_cells(one: Field) -> int:
    return _value_cells(one) + (cells(one.label) + 1 if one.label else 0)

"""`View`: everything that a panel may show, of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..advisors.activity.activity import Activity
from ..advisors.bottleneck.facts import Facts
from ..advisors.bottleneck.verdict import Bottleneck
from ..probe.sample.sample import Sample
from .line import Line


class Series(Protocol):
    """Past values, by name; see `history.py` for the names."""

    def values(self, name: str, points: int, window_s: float) -> Sequence[float | None]:
        """The means of `points` equal stretches of the last `window_s` seconds, oldest first; None: not known."""
        ...

    def names(self) -> Sequence[str]:
        """Every series that has a value."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """A verdict that came and perhaps went."""

    began_s: float
    """Seconds since 1970."""
    ended_s: float | None
    verdict: Bottleneck


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose for one panel."""

    row: int = 0
    """The selected row, counted after sorting and filtering; -1: none is shown as selected."""
    sort: str | None = None
    reverse: bool = False
    filter: str = ""
    detail: bool = False
    """The selected row is shown at length."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment; what is not known yet is None, and a panel says so."""

    sample: Sample | None
    activity: Activity | None
    facts: Facts | None
    verdict: Bottleneck | None
    others: tuple[Bottleneck, ...]
    """What else binds, after the first."""
    events: Sequence[Event]
    series: Series
    window_s: float
    """Of charts: 60, 600 or 3600."""
    choice: Choice
    ascii_only: bool = False
    """Terminals without Unicode: no braille, no block characters."""


class Panel(Protocol):
    """One panel: a module of `panels/` has these names."""

    TITLE: str
    SORTS: tuple[str, ...]
    """What its rows can be sorted by; the first is the default. Empty where it has no rows."""

    def rows(self, view: View) -> Sequence[str]:
        """What identifies each row, sorted and filtered: a pid, a GPU's index, a drive's name."""
        ...

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        """At most `height` lines of at most `width` cells; the most important first."""
        ...

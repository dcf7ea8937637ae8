"""Verdicts that do not flicker: one must hold before it is shown, and be gone for a while before it goes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .judge import ranked
from .trouble import ENDED
from .verdict import Bottleneck

HOLD_S = 3.0
"""A new verdict is there this long before it is shown. Requests come and go within seconds."""
HOLD_BAD_S = 1.0
"""A severe one."""
LINGER_S = 3.0
"""A verdict that is not made any more is shown this long; a severe one, which people must be able to read, longer."""
LINGER_BAD_S = 5.0

Key = tuple[str, str | None]


class Entry(NamedTuple):
    """One verdict over time."""

    since_s: float
    """Without a pause until now."""
    seen_s: float
    shown: bool
    verdict: Bottleneck


class State(NamedTuple):
    """What is remembered from moment to moment."""

    clock_s: float | None = None
    entries: Mapping[Key, Entry] = {}

    @property
    def shown(self) -> tuple[Bottleneck, ...]:
        """What is told, first what binds most."""
        return ranked([entry.verdict for entry in self.entries.values() if entry.shown])


def settle(state: State, verdicts: Sequence[Bottleneck], clock_s: float, living: frozenset[str] | None = None) -> State:
    """The next state: what is new waits its time, what is the same takes the newest numbers.

    `living`: the numbers of the processes that are there; of others nothing lingers.
    """
    if state.clock_s is not None and clock_s < state.clock_s:
        state = State()  # A replay that jumped back.
    now = {(one.kind, one.subject): one for one in reversed(verdicts)}
    entries: dict[Key, Entry] = {}
    for key, old in state.entries.items():
        if key not in now and old.shown and not _dead(key, living) and clock_s - old.seen_s < _linger_s(old.verdict):
            entries[key] = old._replace(since_s=clock_s)
    for key, one in now.items():
        before = state.entries.get(key)
        since = before.since_s if before is not None else clock_s
        shown = (before is not None and before.shown) or clock_s - since >= _hold_s(one) or _dead(key, living)
        entries[key] = Entry(since, clock_s, shown, one)
    if verdicts and not any(entry.shown for entry in entries.values()):
        first = ranked(verdicts)[0]
        key = (first.kind, first.subject)
        entries[key] = entries[key]._replace(shown=True)
    return State(clock_s, entries)


def _dead(key: Key, living: frozenset[str] | None) -> bool:
    """Whether it is about a process that has ended: that it did is sure at once, and all else of it is past."""
    number = (key[1] or "").removeprefix(ENDED)
    return living is not None and number.isdigit() and number not in living


def _hold_s(verdict: Bottleneck) -> float:
    return HOLD_BAD_S if verdict.badness == "bad" else HOLD_S


def _linger_s(verdict: Bottleneck) -> float:
    return LINGER_BAD_S if verdict.badness == "bad" else LINGER_S


class Steady:
    """A state that is kept: what the screen, `watch` and the exporter hold."""

    def __init__(self) -> None:
        self._state = State()

    def update(
        self, clock_s: float, verdicts: Sequence[Bottleneck], living: frozenset[str] | None = None
    ) -> tuple[Bottleneck, ...]:
        """What to show after these verdicts of this moment; never empty where there are some."""
        self._state = settle(self._state, verdicts, clock_s, living)
        return self._state.shown

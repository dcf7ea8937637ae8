"""`State`: what the user has chosen, apart from any terminal."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..advisors.bottleneck.observer import Observation
from .feed import Moment
from .history import History
from .view import Choice, Event, View

WINDOWS_S = (60.0, 600.0, 3600.0)
MAX_EVENTS = 500
PANELS = ("gpus", "cpu", "memory", "io", "engine", "log")
"""In the order of the keys 1 to 6."""


@dataclass(slots=True)
class State:
    """Everything that decides what the screen shows, but for its size."""

    ascii_only: bool = False
    focus: str | None = None
    """None: all panels."""
    window_s: float = WINDOWS_S[0]
    history: History = field(default_factory=History)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    newest: Moment | None = None
    still: Moment | None = None
    """What is shown while the screen stands still or an earlier moment is looked at."""
    choices: dict[str, Choice] = field(default_factory=dict)

    def take(self, moment: Moment) -> None:
        """A new moment has come."""
        self.newest = moment
        seen = moment.observation
        self.history.add(seen.sample, seen.activity)
        self._log(seen)

    def restart(self) -> None:
        """What follows is from another time."""
        self.history, self.newest, self.still = History(), None, None
        self.events.clear()

    @property
    def shown(self) -> Moment | None:
        """The moment on the screen."""
        return self.still or self.newest

    @property
    def choice(self) -> Choice:
        """Of the panel in focus."""
        return self.choices.get(self.focus or "", Choice())

    def choose(self, **changes: object) -> None:
        """Change the choice of the panel in focus."""
        self.choices[self.focus or ""] = replace(self.choice, **changes)  # type: ignore[arg-type]

    def view(self) -> View:
        """What the panels are made of."""
        moment = self.shown
        seen = moment.observation if moment is not None else None
        return View(
            sample=seen.sample if seen is not None else None,
            activity=seen.activity if seen is not None else None,
            facts=moment.facts if moment is not None else None,
            verdict=seen.verdict if seen is not None else None,
            others=seen.others if seen is not None else (),
            events=self._events_until(seen),
            series=self.history.until(seen.sample.clock_s)
            if self.still is not None and seen is not None
            else self.history,
            window_s=self.window_s,
            choice=self.choice,
            ascii_only=self.ascii_only,
        )

    def step_focus(self, step: int) -> None:
        """The next panel; past the last, all of them."""
        order: list[str | None] = [None, *PANELS]
        self.focus = order[(order.index(self.focus) + step) % len(order)]

    def step_window(self) -> None:
        """The next width of charts."""
        self.window_s = WINDOWS_S[(WINDOWS_S.index(self.window_s) + 1) % len(WINDOWS_S)]

    def step_row(self, step: int, rows: int) -> None:
        """Select another row."""
        self.choose(row=min(max(min(self.choice.row, rows - 1) + step, 0), max(rows - 1, 0)))

    def step_sort(self, sorts: Sequence[str]) -> None:
        """Sort by the next column."""
        if sorts:
            now = self.choice.sort if self.choice.sort in sorts else sorts[0]
            self.choose(sort=sorts[(sorts.index(now) + 1) % len(sorts)], row=0)

    def _events_until(self, seen: Observation | None) -> Sequence[Event]:
        if self.still is None or seen is None:
            return tuple(self.events)
        now_s = seen.sample.time_s
        return tuple(
            replace(one, ended_s=None) if one.ended_s is not None and one.ended_s > now_s else one
            for one in self.events
            if one.began_s <= now_s
        )

    def _log(self, seen: Observation) -> None:
        for gone in seen.ended:
            key = (gone.verdict.kind, gone.verdict.subject)
            for place in range(len(self.events) - 1, -1, -1):
                event = self.events[place]
                if event.ended_s is None and (event.verdict.kind, event.verdict.subject) == key:
                    self.events[place] = Event(event.began_s, event.began_s + gone.seconds, gone.verdict)
                    break
        for new in seen.began:
            self.events.append(Event(new.began_s, None, new.verdict))

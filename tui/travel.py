"""Back in time: through the last hour of a running monitor, or through a record."""

from .feed import Feed, Moment
from .footer import clock
from .state import State


class Travel:
    """Which moment the screen shows."""

    def __init__(self, feed: Feed, state: State) -> None:
        self._feed = feed
        self._state = state
        self._number: int | None = None
        """Of the past moment that is shown."""

    def mode(self) -> str:
        """A word for the last line; empty: now."""
        if not self._feed.live:
            return self._feed.mode()
        if self._state.still is None or self._state.newest is None:
            return ""
        if self._number is None:
            return "PAUSED"
        ago_s = self._state.newest.observation.sample.time_s - self._state.still.observation.sample.time_s
        return f"{ago_s:.0f} s AGO" if ago_s < 120 else f"{ago_s / 60:.1f} min AGO"

    @property
    def in_past(self) -> bool:
        """Of a live feed: an earlier moment is shown."""
        return self._number is not None

    def pause(self) -> None:
        """Stand still, or go on."""
        if not self._feed.live:
            self._feed.pause()
        elif self._state.still is None:
            self._state.still = self._state.newest
        else:
            self.now()

    def now(self) -> None:
        """The newest moment."""
        if not self._feed.live:
            self._feed.seek(float("inf"))
        self._state.still, self._number = None, None

    def oldest(self) -> None:
        """As far back as is kept."""
        if not self._feed.live:
            self._feed.seek(float("-inf"))
        elif self._feed.past is not None and self._feed.past.end:
            self._show(self._feed.past.first)

    def by(self, seconds: float) -> str | None:
        """Some seconds forward or, below zero, back; a sample at least. Why not, where it cannot be."""
        if not self._feed.live:
            return self._feed.seek(seconds)
        past = self._feed.past
        if past is None or past.end - past.first < 2:
            return "there is no past yet"
        number = self._number if self._number is not None else past.end - 1
        wanted = past.number_at(past.time_of(max(number, past.first)) + seconds)
        number = min(wanted, number - 1) if seconds < 0 else max(wanted, number + 1)
        if number >= past.end - 1:
            self.now()
            return None
        if number < past.first:
            number = past.first
            self._show(number)
            return f"no samples from before {clock(past.time_of(number))} are kept"
        self._show(number)
        return None

    def _show(self, number: int) -> None:
        past, newest = self._feed.past, self._state.newest
        if past is None or newest is None:
            return
        seen = past.observe(number, newest.facts)
        if seen is not None:
            self._number = number
            self._state.still = Moment(seen, newest.facts)

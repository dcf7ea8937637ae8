"""Where the screen's moments come from: the machine (`live.py`) or a record (`replay.py`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # The first paint waits for none of them.
    from ..advisors.bottleneck.facts import Facts
    from ..advisors.bottleneck.observer import Observation
    from ..probe.sample.sample import Sample
    from .past import Past

MIN_INTERVAL_S = 0.25
MAX_INTERVAL_S = 60.0
INTERVALS_S = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Moment:
    """One sample, judged."""

    observation: "Observation"
    facts: "Facts | None"
    """None until the machine was looked at."""
    paint: bool = True
    """False: another one follows at once."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong in the feed's thread; it goes on where it can."""

    text: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows is from another time: charts begin anew."""


News = Moment | Trouble | Restart


class Feed(Protocol):
    """A thread that delivers moments. None of its methods waits."""

    @property
    def live(self) -> bool:
        """Of what happens now, not of a record."""
        ...

    def start(self, deliver: Callable[[News], None]) -> None:
        """Begin; `deliver` is called in the feed's thread."""
        ...

    def stop(self) -> None:
        """Deliver no more."""
        ...

    def status(self) -> str:
        """In few words for the last line of the screen."""
        ...

    def faster(self) -> str:
        """A shorter interval, or a faster replay; tells what holds now."""
        ...

    def slower(self) -> str:
        """The opposite."""
        ...

    def toggle_record(self) -> str:
        """Begin or end a record; tells which, or why not."""
        ...

    @property
    def past(self) -> "Past | None":
        """Of a live feed: what can be looked back at."""
        ...

    # Of replays; a live feed does nothing.

    def mode(self) -> str:
        """A word on how it plays."""
        ...

    def pause(self) -> None:
        """Stop playing, or go on."""
        ...

    def seek(self, seconds: float) -> str | None:
        """By so many seconds; without bounds: to the first or the last sample. Why not, where it cannot be."""
        ...


class FactsSource(Protocol):
    """Looks at the machine in a thread of its own, and again when other servers run."""

    facts: "Facts | None"

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Look no more."""
        ...

    def follow(self, sample: "Sample") -> None:
        """What runs now."""
        ...


def next_of(steps: Sequence[float], now: float, direction: int) -> float:
    """The next larger or smaller one of some steps, or the last."""
    if direction > 0:
        return min((one for one in steps if one > now), default=steps[-1])
    return max((one for one in steps if one < now), default=steps[0])

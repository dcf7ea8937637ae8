"""`Past`: the samples of the last hour, packed, for looking back while the monitor runs."""

import threading
from collections.abc import Sequence

from ..advisors.bottleneck.facts import Facts
from ..advisors.bottleneck.observer import Observation, Observer
from ..probe.reading import Malformed
from ..probe.sample.log_memory import MemoryLog
from ..probe.sample.sample import Sample

KEPT_SAMPLES = 3600
LOOK_BACK_SAMPLES = 12
"""How many samples before a moment are judged with it: so that a verdict that needs some is there."""


class Past:
    """Filled by the thread that samples, looked at by the one that paints."""

    def __init__(self, limit: int = KEPT_SAMPLES) -> None:
        self._log = MemoryLog(limit)
        self._lock = threading.Lock()

    def append(self, sample: Sample) -> None:
        """The newest."""
        with self._lock:
            self._log.append(sample)

    @property
    def first(self) -> int:
        """The oldest number that is kept."""
        return self._log.first

    @property
    def end(self) -> int:
        """One more than the newest."""
        return self._log.end

    def number_at(self, time_s: float) -> int:
        """The number of the last sample at or before a time."""
        with self._lock:
            return self._log.index_at(time_s)

    def time_of(self, number: int) -> float:
        """Seconds since 1970."""
        with self._lock:
            return self._log.time_of(number)

    def observe(self, number: int, facts: Facts | None) -> Observation | None:
        """That moment, judged anew; None where it is no longer kept."""
        return observe_last(self._before(number), facts)

    def _before(self, number: int) -> list[Sample]:
        found = []
        with self._lock:
            for one in range(max(number - LOOK_BACK_SAMPLES, self._log.first), min(number + 1, self._log.end)):
                try:
                    found.append(self._log[one])
                except (IndexError, Malformed):
                    continue
        return found


def observe_last(samples: Sequence[Sample], facts: Facts | None) -> Observation | None:
    """The last of some samples, judged with those before it."""
    observer, observation = Observer(facts), None
    for sample in samples:
        observation = observer.observe(sample)
    return observation

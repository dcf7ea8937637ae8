"""`Observer`: samples one after another, and what is to be said of each: the one path of screen, watch and exporter."""

from collections import deque
from dataclasses import dataclass

from ...probe.sample.sample import Sample
from ..activity.activity import Activity
from ..activity.between import activity
from .facts import Facts
from .judge import judge
from .steady import Steady
from .verdict import Bottleneck

HISTORY_SECONDS = 60.0
"""What verdicts may look back on."""
MAX_SAMPLES = 240
"""At the shortest interval of a quarter of a second, the whole history."""
MAX_GAP_SECONDS = 300.0
"""Past that (a machine that slept, a jump in a replay) two samples tell nothing of what lies between."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """A verdict and how long it holds, or held."""

    verdict: Bottleneck
    """As it was at last."""
    began_s: float
    """Seconds since 1970."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample and what it means."""

    sample: Sample
    activity: Activity | None
    """None with the first sample, and after a gap."""
    verdicts: tuple[Bottleneck, ...]
    """What to show, first what binds most; steady, so that it does not flicker."""
    began: tuple[Lasting, ...]
    ended: tuple[Lasting, ...]

    @property
    def verdict(self) -> Bottleneck | None:
        """The one line."""
        return self.verdicts[0] if self.verdicts else None

    @property
    def others(self) -> tuple[Bottleneck, ...]:
        """What else binds."""
        return self.verdicts[1:]


@dataclass(slots=True)
class _Open:
    verdict: Bottleneck
    began_clock_s: float
    began_s: float


class Observer:
    """Remembers what a verdict needs: the last minute, and which verdicts hold."""

    def __init__(self, facts: Facts | None = None) -> None:
        self.facts = facts
        """May be replaced at any time: a server has come, its model has been read."""
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._steady = Steady()
        self._open: dict[tuple[str, str | None], _Open] = {}

    def observe(self, sample: Sample) -> Observation:
        """Take the next sample."""
        before = self._samples[-1] if self._samples else None
        ended: list[Lasting] = []
        if before is not None and not 0 < sample.clock_s - before.clock_s <= MAX_GAP_SECONDS:
            ended = self._close(before.clock_s, set())
            self._samples.clear()
            self._steady = Steady()
            before = None
        self._samples.append(sample)
        while sample.clock_s - self._samples[0].clock_s > HISTORY_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        raw = judge(tuple(self._samples), self.facts)
        # One moment says next to nothing: it is no event, and must not linger.
        living = frozenset(str(one.pid) for one in sample.servers)
        verdicts = self._steady.update(sample.clock_s, raw, living) if before is not None else raw
        ended += self._close(sample.clock_s, {(one.kind, one.subject) for one in verdicts})
        return Observation(
            sample=sample,
            activity=activity(before, sample) if before is not None else None,
            verdicts=verdicts,
            began=tuple(self._begin(sample, verdicts)) if before is not None else (),
            ended=tuple(ended),
        )

    def lasting(self) -> tuple[Lasting, ...]:
        """The verdicts that hold now."""
        now_s = self._samples[-1].clock_s if self._samples else 0.0
        return tuple(Lasting(one.verdict, one.began_s, now_s - one.began_clock_s) for one in self._open.values())

    def _begin(self, sample: Sample, verdicts: tuple[Bottleneck, ...]) -> list[Lasting]:
        began = []
        for verdict in verdicts:
            key = (verdict.kind, verdict.subject)
            if key in self._open:
                self._open[key].verdict = verdict
            else:
                self._open[key] = _Open(verdict, sample.clock_s, sample.time_s)
                began.append(Lasting(verdict, sample.time_s, 0.0))
        return began

    def _close(self, clock_s: float, still: set[tuple[str, str | None]]) -> list[Lasting]:
        gone = [key for key in self._open if key not in still]
        closed = [self._open.pop(key) for key in gone]
        return [Lasting(one.verdict, one.began_s, clock_s - one.began_clock_s) for one in closed]

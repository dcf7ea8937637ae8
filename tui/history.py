"""`History`: past values of everything that charts show, in memory that does not grow.

Names of series: `decode/PID`, `prompt/PID` (tokens/s), `kv/PID` (0 to 1), `gpu/N/use` (%), `gpu/N/memory` (bytes),
`gpu/N/power` (mW), `cpu/busy` (CPUs), `psi/cpu`, `psi/memory`, `psi/io` (0 to 1), `faults` (major, a second),
`swap` (bytes/s, in and out), `cached` (bytes), `drive/NAME/read`, `drive/NAME/write` (bytes/s), `drive/NAME/use` (%).
N is a GPU's `key`.
"""

import math
from array import array
from collections.abc import Iterator, Sequence

from ..advisors.activity.activity import Activity
from ..probe.sample.sample import Sample

HOUR_S = 3600
COARSE_S = 10
FINE_WINDOW_S = 600.0
"""Wider windows are drawn from buckets of ten seconds: a chart has far fewer points than an hour has seconds."""
MAX_SERIES = 512
SWEEP_S = 60.0
_UNKNOWN = math.nan


def measured(sample: Sample, activity: Activity | None) -> Iterator[tuple[str, float | None]]:
    """The value of every series at one moment."""
    for gpu in sample.gpus:
        yield f"gpu/{gpu.key}/use", gpu.utilization_percent
        yield f"gpu/{gpu.key}/memory", gpu.used_bytes
        yield f"gpu/{gpu.key}/power", gpu.power_mw
    if sample.memory is not None:
        yield "cached", sample.memory.cached_bytes
    for server in sample.servers:
        # One that is too busy to answer keeps what it told before.
        if server.endpoint is not None and server.endpoint.state != "timed out":
            yield f"kv/{server.pid}", server.endpoint.kv_share
    if activity is None:
        return
    for pid, one in activity.servers.items():
        if one.engine is not None:
            yield f"decode/{pid}", one.engine.decode_tokens_per_s
            yield f"prompt/{pid}", one.engine.prompt_tokens_per_s
    yield "cpu/busy", activity.cpu.busy_cpus if activity.cpu is not None else None
    yield "psi/cpu", activity.stalls.cpu_some
    yield "psi/memory", activity.stalls.memory_some
    yield "psi/io", activity.stalls.io_some
    memory = activity.memory
    yield "faults", memory.major_faults_per_s
    swapped = [value for value in (memory.swap_in_bytes_per_s, memory.swap_out_bytes_per_s) if value is not None]
    yield "swap", sum(swapped) if swapped else None
    for name, rates in activity.drives.items():
        yield f"drive/{name}/read", rates.read_bytes_per_s
        yield f"drive/{name}/write", rates.write_bytes_per_s
        yield f"drive/{name}/use", rates.util_percent


def _known(value: float) -> float | None:
    return value if value == value else None


def _mean(values: Sequence[float]) -> float | None:
    total = sum(values)
    if total == total:
        return total / len(values)
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else None


class _Ring:
    """Means of equal stretches of time; those without a value are not a number."""

    __slots__ = ("_count", "_newest", "_sum", "_values")

    def __init__(self, size: int) -> None:
        self._values = array("f", [_UNKNOWN]) * size
        self._newest = -1
        self._sum = 0.0
        self._count = 0

    def put(self, bucket: int, value: float, since: int) -> None:
        """Add a value to `bucket`; buckets after `since` that nothing was put into get it too."""
        size = len(self._values)
        if bucket > self._newest:
            # In a new ring nothing is known anyway: an hour of it need not be gone through to say so.
            first = self._newest + 1 if self._newest >= 0 else max(since + 1, 0)
            for between in range(max(first, bucket - size + 1), bucket):
                self._values[between % size] = value if between > since else _UNKNOWN
            self._newest, self._sum, self._count = bucket, 0.0, 0
        if bucket == self._newest:
            self._sum += value
            self._count += 1
            self._values[bucket % size] = self._sum / self._count

    @property
    def newest(self) -> int:
        """The last bucket with a value; -1: none."""
        return self._newest

    def last(self, end: int, count: int) -> list[float]:
        """The `count` buckets before `end`; what is not known, or not kept any more, is not a number."""
        size = len(self._values)
        first, stop = max(end - count, self._newest - size + 1, 0), min(end, self._newest + 1)
        if first >= stop:
            return [_UNKNOWN] * count
        begin, until = first % size, (stop - 1) % size + 1
        found = self._values[begin:until] if begin < until else self._values[begin:] + self._values[:until]
        return [_UNKNOWN] * (first - (end - count)) + found.tolist() + [_UNKNOWN] * (end - stop)


class History:
    """An hour of every series. `values` ends at the newest moment; `until` looks back."""

    def __init__(self) -> None:
        self._fine: dict[str, _Ring] = {}
        self._coarse: dict[str, _Ring] = {}
        self._clock_s = 0.0
        self._seconds = 0.0
        self._swept_s = 0.0

    def add(self, sample: Sample, activity: Activity | None) -> None:
        """The next moment."""
        if sample.clock_s < self._clock_s:
            self._fine.clear()
            self._coarse.clear()
            self._swept_s = 0.0
        # A rate holds for the stretch it was measured over, unless that was a pause of ours.
        seconds = activity.seconds if activity is not None else 0.0
        filled_s = seconds if seconds <= 2.5 * max(self._seconds, 1.0) else 0.0
        self._clock_s, self._seconds = sample.clock_s, seconds
        for name, value in measured(sample, activity):
            if value is not None and math.isfinite(value):
                self._put(name, sample.clock_s, value, filled_s)
        if sample.clock_s - self._swept_s >= SWEEP_S:
            self._swept_s = sample.clock_s
            self._drop_old()

    def _put(self, name: str, clock_s: float, value: float, filled_s: float) -> None:
        fine = self._fine.get(name)
        if fine is None:
            if len(self._fine) >= MAX_SERIES:
                self._drop_oldest()
            fine = self._fine[name] = _Ring(HOUR_S)
            self._coarse[name] = _Ring(HOUR_S // COARSE_S)
        fine.put(int(clock_s), value, int(clock_s - filled_s))
        self._coarse[name].put(int(clock_s / COARSE_S), value, int((clock_s - filled_s) / COARSE_S))

    def _drop_old(self) -> None:
        """What servers that have gone left behind, once no chart reaches back to it."""
        for name in [name for name, ring in self._fine.items() if ring.newest <= self._clock_s - HOUR_S]:
            del self._fine[name], self._coarse[name]

    def _drop_oldest(self) -> None:
        name = min(self._fine, key=lambda one: self._fine[one].newest)
        del self._fine[name], self._coarse[name]

    def names(self) -> Sequence[str]:
        """Every series with a value in the last hour."""
        return [name for name, ring in self._fine.items() if ring.newest > self._clock_s - HOUR_S]

    def values(self, name: str, points: int, window_s: float) -> Sequence[float | None]:
        """The means of `points` equal stretches of the last `window_s` seconds, oldest first."""
        return self.values_until(self._clock_s, name, points, window_s)

    def values_until(self, clock_s: float, name: str, points: int, window_s: float) -> Sequence[float | None]:
        """The same before an earlier moment."""
        fine = window_s <= FINE_WINDOW_S
        ring = (self._fine if fine else self._coarse).get(name)
        if ring is None or points < 1:
            return [None] * max(points, 0)
        unit_s = 1.0 if fine else COARSE_S
        per_point = window_s / unit_s / points
        end = int(clock_s / unit_s) + 1
        if per_point <= 1:
            buckets = ring.last(end, math.ceil(per_point * points))
            return [_known(buckets[int(place * per_point)]) for place in range(points)]
        # Whole steps: otherwise each stretch would hold other buckets every time, and old parts of a chart would move.
        step = round(per_point)
        end = math.ceil(end / step) * step
        buckets = ring.last(end, step * points)
        return [_mean(buckets[place : place + step]) for place in range(0, step * points, step)]

    def until(self, clock_s: float) -> "PastSeries":
        """What was known at an earlier moment."""
        return PastSeries(self, clock_s)


class PastSeries:
    """`History` as it was at an earlier moment."""

    def __init__(self, history: History, clock_s: float) -> None:
        self._history = history
        self._clock_s = clock_s

    def names(self) -> Sequence[str]:
        """Every series with a value."""
        return self._history.names()

    def values(self, name: str, points: int, window_s: float) -> Sequence[float | None]:
        """The means of `points` equal stretches of the `window_s` seconds before."""
        return self._history.values_until(self._clock_s, name, points, window_s)

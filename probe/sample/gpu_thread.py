"""One GPU and the thread that reads it: one that is slow or hangs holds up nobody else."""

import threading
import time
from typing import Protocol

from ..host import Host, Source
from .gpu import GpuMoment
from .gpu_known import without_readings

SILENT_SECONDS = 5.0
LONGEST_PAUSE_S = 30.0
TROUBLED_PAUSE_S = 30.0
RESTING_PAUSE_S = 15.0
IDLE_ROUNDS = 5


class Pulse:
    """Since when an answer is waited for."""

    def __init__(self) -> None:
        self.since: float | None = None

    def beat(self, now: float) -> None:
        """A call begins."""
        self.since = now


class GpuReader(Protocol):
    """What a vendor's file gives."""

    pulse: Pulse
    latest: GpuMoment
    """What is known so far; before the first reading what the bus tells."""

    def read(self, host: Host) -> GpuMoment | None:
        """Now; None where the GPU turns out not to be ours to see."""
        ...

    def sleeps_when_idle(self, host: Host) -> bool:
        """Whether the kernel puts it to sleep when nobody asks."""
        ...

    def let_go(self) -> None:
        """Close what is open, which may keep it awake, until the next reading."""
        ...


class GpuThread:
    """Reads one GPU at its own pace: the next reading begins when the interval is over and the last one has ended."""

    def __init__(self, source: Source, reader: GpuReader, interval_s: float) -> None:
        self.interval_s = interval_s
        self._source = source
        self._reader = reader
        self._latest: GpuMoment | None = reader.latest
        self._stopped = threading.Event()
        self._idle_rounds = 0
        self._thread = threading.Thread(target=self._run, name=f"gpu {reader.latest.index}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more; a call that hangs is left to itself."""
        self._stopped.set()

    def moment(self, now: float) -> GpuMoment | None:
        """The latest reading, or that there is none for too long."""
        since = self._reader.pulse.since
        if since is None or now - since < SILENT_SECONDS:
            return self._latest
        return without_readings(self._reader.latest, now, f"does not answer since {now - since:.0f} s")

    def _run(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            self._reader.pulse.beat(began)
            host = Host(self._source)
            try:
                self._latest = self._reader.read(host)
            except Exception as error:  # Whatever a driver answers must not end the watch.
                self._latest = without_readings(self._reader.latest, began, f"{type(error).__name__}: {error}"[:200])
            finally:
                self._reader.pulse.since = None
            ended = time.monotonic()
            # One that takes long is not asked all the time.
            self._stopped.wait(min(max(began + self._pause(host) - ended, ended - began), LONGEST_PAUSE_S))
        self._reader.let_go()

    def _pause(self, host: Host) -> float:
        now = self._latest
        if now is None or (now.trouble and not now.asleep):
            return max(self.interval_s, TROUBLED_PAUSE_S)
        idle = not now.asleep and now.utilization_percent == 0 and not now.users
        self._idle_rounds = self._idle_rounds + 1 if idle else 0
        if self._idle_rounds >= IDLE_ROUNDS and self._reader.sleeps_when_idle(host):
            self._reader.let_go()
            return max(self.interval_s, RESTING_PAUSE_S)
        return self.interval_s

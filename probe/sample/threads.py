"""How long a process' threads were ready to run and waited for a CPU.

Reads /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
"""

from dataclasses import dataclass

from ..host import Host

AT_ONCE = 16
"""Threads read at one moment."""
AT_FIRST = 256
MOST_BUSY = 12
"""Of them at most so many that were busy when last seen; the rest is there to find others."""
BUSY_NS = 100_000
MAX_THREADS = 2048


@dataclass(slots=True)
class _Thread:
    """One thread at its last reading, and what of its waiting is still to be told."""

    ran_ns: int
    waited_ns: int
    read_s: float
    owed_ns: float = 0.0
    share: float = 0.0
    """Of the time; it is told at this rate."""


class ThreadWaits:
    """Adds up what the threads of one process waited since it is watched.

    Threads that were busy are read each time and the others take turns. Where more are busy than can be read at once
    they take turns as well. What a thread waited is told over as long a time as it was not read: the sum lags by a few
    readings but is whole, and between two readings it never grows by more than that time for each thread.
    """

    def __init__(self) -> None:
        self._told_ns: float | None = None
        self._threads: dict[int, _Thread] = {}
        self._busy: set[int] = set()
        self._turn = 0
        self._used_ticks: int | None = None
        self._clock_s: float | None = None

    def read(self, host: Host, pid: int, used_ticks: int, clock_s: float) -> int | None:
        """Microseconds so far; None where the kernel does not count them. `used_ticks`: CPU time of the process."""
        seconds = 0.0 if self._clock_s is None else max(0.0, clock_s - self._clock_s)
        self._clock_s = clock_s
        if used_ticks != self._used_ticks:  # Else nothing of it ran, and nothing could have changed much.
            self._used_ticks = used_ticks
            self._read_threads(host, pid, clock_s)
        for thread in self._threads.values():
            if thread.owed_ns > 0:
                part = min(thread.owed_ns, thread.share * seconds * 1e9)
                thread.owed_ns -= part
                self._told_ns = (self._told_ns or 0.0) + part
        return None if self._told_ns is None else int(self._told_ns / 1000)

    def _read_threads(self, host: Host, pid: int, clock_s: float) -> None:
        names = host.names(f"/proc/{pid}/task", natural=False)
        threads = sorted(int(name) for name in names if name.isascii() and name.isdigit())[:MAX_THREADS]
        if len(self._threads) > len(threads):
            running = set(threads)
            self._threads = {number: thread for number, thread in self._threads.items() if number in running}
            self._busy &= running
        for number in self._chosen(threads):
            self._read_thread(host, pid, number, clock_s)

    def _chosen(self, threads: list[int]) -> list[int]:
        if not self._threads:
            return threads[:AT_FIRST]  # What a thread waited can be told from its second reading on.
        self._turn += 1
        busy = _in_turn([thread for thread in threads if thread in self._busy], MOST_BUSY, self._turn)
        others = [thread for thread in threads if thread not in self._busy]
        return busy + _in_turn(others, AT_ONCE - len(busy), self._turn)

    def _read_thread(self, host: Host, pid: int, number: int, clock_s: float) -> None:
        words = (host.text(f"/proc/{pid}/task/{number}/schedstat", optional=True) or "").split()[:2]
        if len(words) < 2 or not all(len(word) <= 20 and word.isascii() and word.isdigit() for word in words):
            return
        ran_ns, waited_ns = map(int, words)
        self._told_ns = self._told_ns or 0.0
        thread = self._threads.get(number)
        if thread is None:  # The first reading of a thread tells what was before.
            self._threads[number] = _Thread(ran_ns, waited_ns, clock_s)
            return
        seconds = clock_s - thread.read_s
        ran, waited = ran_ns - thread.ran_ns, waited_ns - thread.waited_ns
        # The kernel counts a wait when it ends: it may have begun long before, when nobody asked. A number that falls
        # is a new thread with an old number.
        left_ns = thread.owed_ns / thread.share if thread.share else 0.0
        thread.owed_ns += max(0, min(waited, seconds * 1e9))
        over_ns = max(seconds * 1e9, left_ns)
        thread.share = min(1.0, thread.owed_ns / over_ns) if over_ns > 0 else 0.0
        thread.ran_ns, thread.waited_ns, thread.read_s = ran_ns, waited_ns, clock_s
        if ran + waited > BUSY_NS:
            self._busy.add(number)
        else:
            self._busy.discard(number)


def _in_turn(threads: list[int], count: int, turn: int) -> list[int]:
    """The `turn`th portion of `count` threads, in a circle."""
    if len(threads) <= count:
        return threads
    start = turn * count % len(threads)
    return (threads + threads)[start : start + count]

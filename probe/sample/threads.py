"""How long a process' threads were ready to run and waited for a CPU.

Reads /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
"""

from ..host import Host

AT_ONCE = 16
"""Threads read at one moment."""
AT_FIRST = 256
MOST_BUSY = 12
"""Of them at most so many that were busy when last seen; the rest is there to find others."""
BUSY_NS = 100_000
MAX_THREADS = 2048


class ThreadWaits:
    """Adds up what the threads of one process waited since it is watched.

    Threads that were busy are read each time and the others take turns. Where more are busy than can be read at once
    they take turns as well: the sum lags by a few readings but is whole.
    """

    def __init__(self) -> None:
        self._total_ns: int | None = None
        self._last_ns: dict[int, tuple[int, int]] = {}
        self._busy: set[int] = set()
        self._turn = 0
        self._used_ticks: int | None = None

    def read(self, host: Host, pid: int, used_ticks: int) -> int | None:
        """Microseconds so far; None where the kernel does not count them. `used_ticks`: CPU time of the process."""
        if used_ticks == self._used_ticks:
            return self._told()  # Nothing of it ran, so there is nothing to read that could have changed much.
        self._used_ticks = used_ticks
        names = host.names(f"/proc/{pid}/task", natural=False)
        threads = sorted(int(name) for name in names if name.isascii() and name.isdigit())[:MAX_THREADS]
        if len(self._last_ns) > len(threads):
            running = set(threads)
            self._last_ns = {thread: last for thread, last in self._last_ns.items() if thread in running}
            self._busy &= running
        for thread in self._chosen(threads):
            self._read_thread(host, pid, thread)
        return self._told()

    def _told(self) -> int | None:
        return None if self._total_ns is None else self._total_ns // 1000

    def _chosen(self, threads: list[int]) -> list[int]:
        if not self._last_ns:
            return threads[:AT_FIRST]  # What a thread waited can be told from its second reading on.
        self._turn += 1
        busy = _in_turn([thread for thread in threads if thread in self._busy], MOST_BUSY, self._turn)
        others = [thread for thread in threads if thread not in self._busy]
        return busy + _in_turn(others, AT_ONCE - len(busy), self._turn)

    def _read_thread(self, host: Host, pid: int, thread: int) -> None:
        words = (host.text(f"/proc/{pid}/task/{thread}/schedstat", optional=True) or "").split()[:2]
        if len(words) < 2 or not all(len(word) <= 20 and word.isascii() and word.isdigit() for word in words):
            return
        ran_ns, waited_ns = map(int, words)
        # The first reading of a thread tells what was before; a number that falls is a new thread with an old number.
        last_ran_ns, last_waited_ns = self._last_ns.get(thread, (ran_ns, waited_ns))
        self._total_ns = (self._total_ns or 0) + max(0, waited_ns - last_waited_ns)
        self._last_ns[thread] = ran_ns, waited_ns
        if ran_ns - last_ran_ns + waited_ns - last_waited_ns > BUSY_NS:
            self._busy.add(thread)
        else:
            self._busy.discard(thread)


def _in_turn(threads: list[int], count: int, turn: int) -> list[int]:
    """The `turn`th portion of `count` threads, in a circle."""
    if len(threads) <= count:
        return threads
    start = turn * count % len(threads)
    return (threads + threads)[start : start + count]

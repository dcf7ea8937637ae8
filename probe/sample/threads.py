"""How long a process' threads were ready to run and waited for a CPU.

Reads /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
"""

from ..host import Host

AT_ONCE = 16
"""Threads read at one moment. Of a process with more, each gets its turn, so the sum lags but is whole."""
MAX_THREADS = 2048


class ThreadWaits:
    """Adds up what the threads of one process waited since it is watched."""

    def __init__(self) -> None:
        self._total_ns = 0
        self._last_ns: dict[int, int] = {}
        self._turn = 0

    def read(self, host: Host, pid: int) -> int | None:
        """Microseconds so far; None where the kernel does not count them."""
        names = host.names(f"/proc/{pid}/task", natural=False)
        threads = sorted(int(name) for name in names if name.isascii() and name.isdigit())[:MAX_THREADS]
        if not threads:
            return None
        start = self._turn % len(threads)
        turn = (threads + threads)[start : start + min(AT_ONCE, len(threads))]
        self._turn = start + len(turn)
        known = self._last_ns.keys() - set(threads) if len(self._last_ns) > len(threads) else ()
        for thread in known:
            del self._last_ns[thread]
        told = [self._read_thread(host, pid, thread) for thread in turn]
        return self._total_ns // 1000 if any(told) else None

    def _read_thread(self, host: Host, pid: int, thread: int) -> bool:
        words = (host.text(f"/proc/{pid}/task/{thread}/schedstat", optional=True) or "").split()
        if len(words) < 2 or not (words[1].isascii() and words[1].isdigit()):
            return False
        waited_ns = int(words[1][:20])
        # The first reading of a thread tells what was before; a number that falls is a new thread with an old number.
        self._total_ns += max(0, waited_ns - self._last_ns.get(thread, waited_ns))
        self._last_ns[thread] = waited_ns
        return True

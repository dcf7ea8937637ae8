"""Which processes are new, and what /proc/PID/stat says of one (proc_pid_stat(5)).

A process may become another program after it was begun, so young ones are looked at again, and all of them now and
then: its number, too, may go to another. The kernel's own threads, thousands on large machines, are looked at once.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..busy import TICKS_PER_S
from ..host import Host
from ..reading import Malformed

SETTLED_SECONDS = 10.0
AGAIN_SECONDS = 60.0
AT_ONCE = 500
"""After the first time, so that no moment takes much longer than others."""
_KERNEL_THREAD = 0x200000


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """The parts of /proc/PID/stat that are of use."""

    name: str
    state: str
    parent: int
    kernel: bool
    """A thread of the kernel's own."""
    major_faults: int
    user_ticks: int
    system_ticks: int
    threads: int
    started_ticks: int


def parse_process_stat(text: str) -> ProcessStat:
    """/proc/PID/stat; the name may hold spaces and brackets."""
    before, _, after = text.rpartition(")")
    words = after.split()
    numbers = [words[at] for at in (1, 6, 9, 11, 12, 17, 19)] if len(words) > 19 else []
    if not numbers or not all(word.isascii() and word.isdigit() and len(word) <= 20 for word in numbers):
        raise Malformed(f"not a process' stat: {text[:60]!r}")
    parent, flags, faults, user, system, threads, started = map(int, numbers)
    return ProcessStat(
        name=before.partition("(")[2],
        state=words[0][:1],
        parent=parent,
        kernel=bool(flags & _KERNEL_THREAD),
        major_faults=faults,
        user_ticks=user,
        system_ticks=system,
        threads=threads,
        started_ticks=started,
    )


class NewProcesses:
    """Remembers which processes need no further look."""

    def __init__(self) -> None:
        self._kernel: set[int] = set()
        self._settled: set[int] = set()
        self._forgot_s: float | None = None
        self.more = False
        """Whether some were left for the next time."""

    def look(self, host: Host, running: set[int], known: Iterable[int]) -> Iterator[tuple[int, ProcessStat]]:
        """Of the processes `running` those that may have become something, newest first, without those `known`."""
        now_s = time.monotonic()
        limit = AT_ONCE
        if self._forgot_s is None or now_s - self._forgot_s >= AGAIN_SECONDS:
            limit = len(running) if self._forgot_s is None else AT_ONCE
            self._settled, self._forgot_s = set(), now_s
        self._kernel &= running
        self._settled &= running
        waiting = sorted(running - self._kernel - self._settled - set(known), reverse=True)
        self.more = len(waiting) > limit
        settled_before_ticks = (time.clock_gettime(time.CLOCK_BOOTTIME) - SETTLED_SECONDS) * TICKS_PER_S
        for pid in waiting[:limit]:
            stat = host.parsed(f"/proc/{pid}/stat", parse_process_stat, optional=True)
            if stat is None:
                continue
            if stat.kernel:
                self._kernel.add(pid)
                continue
            if stat.started_ticks < settled_before_ticks:
                self._settled.add(pid)
            yield pid, stat

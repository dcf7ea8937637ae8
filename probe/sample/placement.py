"""`PlacementWatch`: on which NUMA nodes the pages of servers lie.

Reads /proc/PID/numa_maps (proc_pid_numa_maps(5)), for which the kernel walks all page tables while it keeps the process
from changing its mappings: 8 ms a GiB. So it is read rarely, and the more rarely the longer it took.
"""

import threading
import time
from collections.abc import Iterable
from typing import TypedDict

from ..host import Host, Source
from ..servers import parse_numa_maps
from .sample import NodeBytes

EVERY_SECONDS = 15.0
SHARE = 50
"""At most one fiftieth of the time goes into it."""


class Placed(TypedDict):
    """The fields of a `ServerMoment` that come from here."""

    nodes: tuple[NodeBytes, ...]
    nodes_clock_s: float | None


class PlacementWatch:
    """Reads in a thread of its own, which begins with the first process to follow."""

    def __init__(self, source: Source, every_s: float = EVERY_SECONDS) -> None:
        self._source = source
        self._every_s = every_s
        self._lock = threading.Lock()
        self._pids: tuple[int, ...] = ()
        self._found: dict[int, Placed] = {}
        self._ended = threading.Event()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Ready to follow."""
        self._ended.clear()

    def stop(self) -> None:
        """Read no more; a read that hangs does not keep the program from ending."""
        self._ended.set()
        self._wanted.set()

    def follow(self, pids: Iterable[int]) -> None:
        """From now on these processes, and no others. New ones are read soon."""
        wanted = tuple(pids)
        with self._lock:
            new = set(wanted) - set(self._pids)
            self._pids = wanted
            self._found = {pid: placed for pid, placed in self._found.items() if pid in wanted}
        if new and not self._ended.is_set():
            self._wanted.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="placement", daemon=True)
                self._thread.start()

    def moments(self) -> dict[int, Placed]:
        """What was found last, by process."""
        with self._lock:
            return dict(self._found)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wanted.clear()
            began_s = time.monotonic()
            for pid in self._pids:
                self._read(pid)
            took_s = time.monotonic() - began_s
            # However many processes come, pauses are kept: only the wait for the regular turn is cut short.
            self._ended.wait(took_s * SHARE)
            self._wanted.wait(max(0.0, self._every_s - took_s * SHARE))

    def _read(self, pid: int) -> None:
        text = Host(self._source).text(f"/proc/{pid}/numa_maps", optional=True)
        if self._ended.is_set() or not text:
            return
        nodes = tuple(NodeBytes(pages.node, pages.bytes) for pages in parse_numa_maps(text))
        with self._lock:
            if pid in self._pids:
                self._found[pid] = Placed(nodes=nodes, nodes_clock_s=time.monotonic())

"""`Collector`: one `Sample` a tick, without ever waiting for a slow part.

What /proc and /sys answer at once is read in the calling thread. GPUs, servers' endpoints and the placement of pages
are watched by threads of their own; a tick takes what they have found so far.
"""

import time

from ..host import Host, Source
from .cpu import read_cpu
from .drives import read_drives
from .engines.llama_cpp import shares_context
from .engines.watch import EngineWatch, Target
from .gpus import GpuWatch
from .memory import read_memory
from .nodes import read_nodes
from .placement import PlacementWatch
from .pressure import read_pressure
from .sample import Sample, ServerMoment
from .servers import ServerFinder, read_server


class Collector:
    """Samples of one machine. `start` and `stop` once each; ticks come from one thread."""

    def __init__(self, source: Source, interval_s: float) -> None:
        self._source = source
        self._finder = ServerFinder()
        self._gpus = GpuWatch(source, interval_s)
        self._engines = EngineWatch(interval_s)
        self._placement = PlacementWatch(source)

    @property
    def interval_s(self) -> float:
        """Seconds between two ticks, which the caller keeps; may be changed at any time."""
        return self._gpus.interval_s

    @interval_s.setter
    def interval_s(self, seconds: float) -> None:
        self._gpus.interval_s = seconds

    def start(self) -> None:
        """Begin to watch what answers slowly."""
        self._gpus.start()
        self._placement.start()

    def stop(self) -> None:
        """Let the watching threads end; those that hang do not keep the program from ending."""
        self._gpus.stop()
        self._engines.stop()
        self._placement.stop()

    def hurry_engines(self, since_s: float) -> bool:
        """Let servers be asked at once that have told nothing since then; False when all have. For a single reading."""
        return self._engines.hurry(since_s)

    def tick(self) -> Sample:
        """What is so now."""
        host = Host(self._source)
        clock_s, time_s = time.monotonic(), time.time()
        nodes = read_nodes(host)
        servers = self._servers(host, len(nodes))
        return Sample(
            clock_s=clock_s,
            time_s=time_s,
            cpu=read_cpu(host),
            memory=read_memory(host),
            pressure=read_pressure(host),
            drives=read_drives(host),
            nodes=nodes,
            gpus=self._gpus.moments(),
            servers=servers,
            gaps=tuple(host.gaps),
        )

    def _servers(self, host: Host, node_count: int) -> tuple[ServerMoment, ...]:
        found = {one.pid: (one, now) for one in self._finder.find(host) if (now := read_server(host, one)) is not None}
        self._engines.follow(
            Target(pid, known.engine, now.port, shares_context(known.argv) if known.engine == "llama.cpp" else None)
            for pid, (known, now) in found.items()
            if now.port is not None
        )
        self._placement.follow(found if node_count > 1 else ())
        endpoints, placements = self._engines.moments(), self._placement.moments()
        return tuple(
            now.model_copy(update={"endpoint": endpoints.get(pid), **placements.get(pid, {})})
            for pid, (_, now) in found.items()
        )

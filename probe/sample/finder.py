"""`ServerFinder`: which inference servers run. Looks every few seconds, and only at processes that are new.

Reads the names in /proc, of new processes stat and cmdline, and of servers cgroup, cwd and the sockets that they hold.
"""

import re
import time
from dataclasses import dataclass, field

from ..host import Host
from ..listening import Listener, listeners_of, read_listeners
from ..server_arguments import parse_server_arguments
from ..servers import MAX_SERVERS, PATTERN, engine_of
from .cgroups import Group, find_group, with_limits
from .containers import container_of
from .model_size import ModelSizes
from .processes import NewProcesses, ProcessStat
from .threads import ThreadWaits

SCAN_SECONDS = 5.0
_SIEVE = re.compile(PATTERN)
_FIRST_BYTES = 2000
_USUAL_PORTS = {"llama.cpp": 8080, "vLLM": 8000, "SGLang": 30000, "Ollama": 11434, "KoboldCpp": 5001, "TGI": 3000}


@dataclass(slots=True)
class KnownServer:
    """What does not change, or rarely, of a server that runs."""

    pid: int
    engine: str
    argv: tuple[str, ...]
    parent: int
    started_ticks: int
    model: str | None
    model_bytes: int | None
    port: int | None
    decode_threads: int | None
    cgroup_text: str
    container: str | None
    group: Group | None
    """Only with the ancestors that limit it."""
    whole_group: Group | None = None
    listens: bool = False
    """Whether the port was seen, not only named."""
    gone: bool = False
    waits: ThreadWaits = field(default_factory=ThreadWaits)


class ServerFinder:
    """The servers of one machine."""

    def __init__(self, scan_s: float = SCAN_SECONDS) -> None:
        self._scan_s = scan_s
        self._known: dict[int, KnownServer] = {}
        self._processes = NewProcesses()
        self._sizes = ModelSizes()
        self._scanned_s: float | None = None

    def find(self, host: Host) -> tuple[KnownServer, ...]:
        """The servers, as of a scan at most five seconds ago; processes that went since are `gone` at their reading."""
        now_s = time.monotonic()
        due = self._scanned_s is None or now_s - self._scanned_s >= self._scan_s
        if due or self._processes.more or any(server.gone for server in self._known.values()):
            self._scanned_s = now_s
            self._scan(host)
        return tuple(self._known.values())

    def _scan(self, host: Host) -> None:
        running = {int(name) for name in host.names("/proc", natural=False) if name.isascii() and name.isdigit()}
        self._known = {pid: known for pid, known in self._known.items() if pid in running and not known.gone}
        new = self._processes.look(host, running, self._known)
        found = [server for pid, stat in new if (server := self._look_at(host, pid, stat)) is not None]
        self._add(found)
        self._refresh(host)

    def _look_at(self, host: Host, pid: int, stat: ProcessStat) -> KnownServer | None:
        if not _SIEVE.search(stat.name):
            first = (host.span(f"/proc/{pid}/cmdline", 0, _FIRST_BYTES, optional=True) or b"").split(b"\0")[:4]
            if not _SIEVE.search(b" ".join(first).decode("utf-8", "replace").strip()):
                return None
        argv = host.arguments(pid)
        engine = engine_of(stat.name, argv)
        if engine is None:
            return None
        arguments = parse_server_arguments(argv)
        return KnownServer(
            pid=pid,
            engine=engine,
            argv=argv,
            parent=stat.parent,
            started_ticks=stat.started_ticks,
            model=arguments.model,
            model_bytes=None,
            port=arguments.port,
            decode_threads=arguments.threads,
            cgroup_text="",
            container=None,
            group=None,
        )

    def _add(self, found: list[KnownServer]) -> None:
        # Workers that were forked carry their parent's arguments; they are no servers of their own.
        argvs = {known.pid: known.argv for known in (*self._known.values(), *found)}
        added = [new for new in found if argvs.get(new.parent) != new.argv]
        self._known |= {new.pid: new for new in added[: MAX_SERVERS - len(self._known)]}

    def _refresh(self, host: Host) -> None:
        """What may come late or change: the port once it listens, the control group, the model file's size."""
        silent = [known for known in self._known.values() if not known.listens]
        listeners = read_listeners(host) if silent else ()
        for known in silent:
            _find_port(host, known, listeners)
        for known in self._known.values():
            text = host.text(f"/proc/{known.pid}/cgroup", optional=True)
            if text is not None and text != known.cgroup_text:
                known.cgroup_text = text
                known.container = container_of(text)
                known.whole_group = find_group(host, known.pid)
            known.group = with_limits(host, known.whole_group) if known.whole_group else None
            if known.model_bytes is None and known.model is not None:
                contained = known.container is not None and not known.container.endswith(".service")
                known.model_bytes = self._sizes.size(host, known.pid, known.model, contained)


def _find_port(host: Host, known: KnownServer, listeners: tuple[Listener, ...]) -> None:
    held = listeners_of(host, known.pid, listeners)
    if held:
        known.port = known.port if known.port in {one.port for one in held} else held[0].port
        known.listens = True
    elif known.port is None and (usual := _USUAL_PORTS.get(known.engine)) in {one.port for one in listeners}:
        known.port = usual  # Its sockets are not ours to see, but this is where it listens unless told otherwise.

"""Two moments of the servers that run, half a second apart: what `doctor` judges.

The same readers as the monitor's, asked through one `Host` with the number of the moment, so that a recording holds
both. A server's slots are not asked for: they hold what its users wrote.
"""

import re
from typing import NamedTuple

from ..host import Answer, Host, Question
from ..loopback import Response
from ..reading import Unreadable
from ..servers import Server
from .cgroups import find_group, with_limits
from .containers import container_of
from .cpu import read_cpu
from .drives import read_drives
from .engine import EngineMoment
from .engines.made import failed
from .engines.read import read_engine
from .finder import KnownServer
from .memory import read_memory
from .nodes import read_nodes
from .pressure import read_pressure
from .processes import parse_process_stat
from .sample import NodeBytes, Sample, ServerMoment
from .servers import read_server

SECONDS = 0.5
"""Processes' time is counted in hundredths of a second, quotas in periods of a tenth."""
FIRST, BEFORE_WAIT, SECOND = 21, 22, 23
"""Moments apart from those of the disks' sample and of the CPUs' load."""
MAX_SERVERS = 4
_STATUS = re.compile(r"HTTP ([1-5][0-9][0-9])")


class Begun(NamedTuple):
    """The first moment."""

    sample: Sample
    known: tuple[KnownServer, ...]


class AtMoment:
    """A source that asks a host for files and pages as they are at one moment."""

    def __init__(self, host: Host, moment: int) -> None:
        self.name = host.source.name
        self.live = host.live
        self._host = host
        self._moment = moment

    def ask(self, question: Question) -> Answer:
        """The answer at that moment; raises `Unreadable`."""
        changing = question[0] == "http" or (question[0] == "read" and len(question) == 2)
        return self._host.ask(*question, self._moment) if changing else self._host.ask(*question)


def begin_twice(host: Host, servers: tuple[Server, ...]) -> Begun | None:
    """Take the first moment; None where there is no server, or no clock (a directory tree, an older recording)."""
    if not servers or host.clock(FIRST) is None:
        return None
    known = tuple(known for server in servers[:MAX_SERVERS] if (known := _known(host, server)) is not None)
    servers = _those(servers, known)
    return Begun(_read(host, FIRST, servers, known), known)


def finish_twice(host: Host, begun: Begun | None, servers: tuple[Server, ...]) -> tuple[Sample, ...]:
    """Both moments, after waiting until half a second has passed; empty where there is no first one."""
    before = host.clock(BEFORE_WAIT) if begun is not None else None
    if begun is None or before is None:
        return ()
    missing = SECONDS - (before - begun.sample.clock_s)
    if missing > 0:
        host.wait(round(missing, 3), SECOND)
    if host.clock(SECOND) is None:
        return ()
    return (begun.sample, _read(host, SECOND, _those(servers, begun.known), begun.known))


def _those(servers: tuple[Server, ...], known: tuple[KnownServer, ...]) -> tuple[Server, ...]:
    pids = {one.pid for one in known}
    return tuple(server for server in servers if server.pid in pids)


def _known(host: Host, server: Server) -> KnownServer | None:
    stat = Host(AtMoment(host, FIRST)).parsed(f"/proc/{server.pid}/stat", parse_process_stat, optional=True)
    if stat is None:
        return None
    cgroup = host.text(f"/proc/{server.pid}/cgroup", optional=True) or ""
    group = find_group(host, server.pid)
    return KnownServer(
        pid=server.pid,
        engine=server.engine,
        argv=(),
        parent=server.parent or 0,
        started_ticks=stat.started_ticks,
        model=server.model,
        model_bytes=server.model_bytes,
        port=server.port,
        decode_threads=server.arguments.threads,
        cgroup_text=cgroup,
        container=container_of(cgroup),
        group=with_limits(host, group) if group else None,
    )


def _read(host: Host, moment: int, servers: tuple[Server, ...], known: tuple[KnownServer, ...]) -> Sample:
    clock_s = host.clock(moment) or 0.0
    then = Host(AtMoment(host, moment))
    moments = [_server(then, server, one, clock_s) for server, one in zip(servers, known, strict=False)]
    return Sample(
        clock_s=clock_s,
        time_s=0.0,
        cpu=read_cpu(then),
        memory=read_memory(then),
        pressure=read_pressure(then),
        drives=read_drives(then),
        nodes=read_nodes(then),
        gpus=(),
        servers=tuple(one for one in moments if one is not None),
    )


def _server(then: Host, server: Server, known: KnownServer, clock_s: float) -> ServerMoment | None:
    found = read_server(then, known, clock_s)
    if found is None:
        return None
    return found.model_copy(
        update={
            "nodes": tuple(NodeBytes(node=place.node, bytes=place.bytes) for place in server.nodes),
            "endpoint": _endpoint(then, server, clock_s),
        }
    )


def _endpoint(then: Host, server: Server, clock_s: float) -> EngineMoment | None:
    if server.port is None or server.api_key:
        return None

    def get(path: str) -> Response:
        if path.startswith("/slots"):
            return Response(501, b"")
        try:
            answer = then.ask("http", server.port or 0, path)
        except Unreadable as why:
            status = _STATUS.search(why.detail)
            if status is None and why.reason != "not asked":
                raise
            return Response(int(status[1]) if status else 404, b"")
        return Response(200, answer.encode() if isinstance(answer, str) else b"")

    try:
        return read_engine(get, server.engine).model_copy(update={"clock_s": clock_s})
    except Unreadable as why:
        return failed(why).model_copy(update={"clock_s": clock_s})

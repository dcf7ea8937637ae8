"""One inference server's process now.

Reads /proc/PID/{stat,status,io} (proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5)), its threads' schedstat and its
control group. `finder.py` tells which processes are servers.
"""

import time

from ..host import Host
from ..parse import parse_cpu_list, pick_numbers
from ..reading import Malformed
from .cgroups import read_cgroup
from .finder import KnownServer, ServerFinder
from .processes import ProcessStat, parse_process_stat
from .sample import ServerMoment

__all__ = ["KnownServer", "ServerFinder", "parse_status", "read_server"]

_SIZES = ("RssAnon:", "RssFile:", "VmSwap:", "VmLck:")
_ALLOWED = "\nCpus_allowed_list:"
_ENDED = "ZXx"


def read_server(host: Host, known: KnownServer, clock_s: float | None = None) -> ServerMoment | None:
    """The server now, in parts where some are not ours to see; None when it has ended. `clock_s`: now, recorded."""
    stat = host.parsed(f"/proc/{known.pid}/stat", parse_process_stat, optional=True)
    status = host.text(f"/proc/{known.pid}/status", optional=True)
    if stat is None or status is None or stat.state in _ENDED or _another(known, stat):
        known.gone = True
        return None
    sizes, allowed = parse_status(status)
    io = pick_numbers(host.text(f"/proc/{known.pid}/io", optional=True) or "", ("read_bytes:",))
    return ServerMoment(
        pid=known.pid,
        started_ticks=stat.started_ticks,
        engine=known.engine,
        model=known.model,
        model_bytes=known.model_bytes,
        port=known.port,
        container=known.container,
        threads=stat.threads,
        decode_threads=known.decode_threads,
        cpus_allowed=allowed,
        user_ticks=stat.user_ticks,
        system_ticks=stat.system_ticks,
        run_delay_us=known.waits.read(
            host, known.pid, stat.user_ticks + stat.system_ticks, time.monotonic() if clock_s is None else clock_s
        ),
        major_faults=stat.major_faults,
        anon_bytes=sizes.get("RssAnon"),
        file_bytes=sizes.get("RssFile"),
        swapped_bytes=sizes.get("VmSwap"),
        locked_bytes=sizes.get("VmLck"),
        read_bytes=io.get("read_bytes:"),
        nodes=(),
        nodes_clock_s=None,
        cgroup=read_cgroup(host, known.group) if known.group else None,
        endpoint=None,
        state=stat.state,
    )


def parse_status(text: str) -> tuple[dict[str, int], tuple[int, ...] | None]:
    """/proc/PID/status -> sizes in bytes, and the CPUs that the process may use."""
    sizes = {name[:-1]: kib << 10 for name, kib in pick_numbers(text, _SIZES).items()}
    _, found, rest = text.partition(_ALLOWED)
    try:
        return sizes, parse_cpu_list(rest.partition("\n")[0]) if found else None
    except Malformed:
        return sizes, None


def _another(known: KnownServer, stat: ProcessStat) -> bool:
    """Whether the number has gone to another process."""
    return known.started_ticks != stat.started_ticks

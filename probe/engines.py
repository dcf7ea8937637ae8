"""Engines: what is installed and what runs."""

from .host import Host
from .reading import Reading
from .runtimes import Runtime, read_runtimes
from .servers import Server, read_servers


class Engines(Reading):
    """Inference engines of a machine."""

    runtimes: tuple[Runtime, ...]
    servers: tuple[Server, ...] | None
    """None where other users' processes cannot be seen."""


def read_engines(host: Host, node_count: int) -> Engines:
    """Look for them; `node_count` is the number of NUMA nodes."""
    return Engines(
        runtimes=read_runtimes(host),
        servers=read_servers(host, node_count) if host.exists("/proc/1") else None,
    )

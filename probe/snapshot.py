"""`Snapshot`: everything that was read about one machine at one moment."""

from collections.abc import Callable
from typing import TypeVar

from .cgroup import Cgroup, probe_cgroup
from .cpu import Cpu, probe_cpu
from .effective import Effective, read_effective
from .host import Host
from .reading import Gap, Reading

T = TypeVar("T")

SCHEMA_VERSION = 1


class Snapshot(Reading):
    """One field a subsystem; `gaps` tells what could not be read."""

    schema_version: int = SCHEMA_VERSION
    machine: str
    """`this machine`, or the name of what was read instead."""
    cpu: Cpu
    cgroup: Cgroup
    effective: Effective
    """What a new process can use of all this."""
    gaps: tuple[Gap, ...]


def take_snapshot(host: Host) -> Snapshot:
    """Run every probe once, in order; the gaps they leave are collected last."""
    cpu = _run(host, "cpu", probe_cpu)
    cgroup = _run(host, "cgroup", probe_cgroup)
    return Snapshot(
        machine=host.source.name,
        cpu=cpu,
        cgroup=cgroup,
        effective=_run(host, "effective", lambda host: read_effective(host, cpu, cgroup)),
        gaps=tuple(host.gaps),
    )


def _run(host: Host, name: str, probe: Callable[[Host], T]) -> T:
    with host.probing(name):
        return probe(host)

"""`Snapshot`: everything that was read about one machine at one moment."""

from collections.abc import Callable
from typing import TypeVar

from .cgroup import Cgroup, probe_cgroup
from .cpu import Cpu, probe_cpu
from .effective import Effective, read_effective
from .diskstats import SAMPLE_SECONDS, start_disk_sample
from .host import Host
from .measure.measurement import Measurement
from .reading import Gap, Reading
from .storage import Storage, probe_storage

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
    storage: Storage
    measured: tuple[Measurement, ...] = ()
    """Only what was asked for with --measure."""
    gaps: tuple[Gap, ...]


def take_snapshot(host: Host, disk_interval_s: float = SAMPLE_SECONDS) -> Snapshot:
    """Run every probe once, in order; the gaps they leave are collected last."""
    disk_sample = _run(host, "storage", start_disk_sample)
    cpu = _run(host, "cpu", probe_cpu)
    cgroup = _run(host, "cgroup", probe_cgroup)
    return Snapshot(
        machine=host.source.name,
        cpu=cpu,
        cgroup=cgroup,
        effective=_run(host, "effective", lambda host: read_effective(host, cpu, cgroup)),
        # Last: the other probes run while the disks are being watched.
        storage=_run(host, "storage", lambda host: probe_storage(host, disk_sample, disk_interval_s)),
        gaps=tuple(host.gaps),
    )


def _run(host: Host, name: str, probe: Callable[[Host], T]) -> T:
    with host.probing(name):
        return probe(host)

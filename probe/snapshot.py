"""`Snapshot`: everything that was read about one machine at one moment."""

from collections.abc import Callable
from typing import TypeVar

from .cpu import Cpu, probe_cpu
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
    gaps: tuple[Gap, ...]


def take_snapshot(host: Host) -> Snapshot:
    """Run every probe once, in order; the gaps they leave are collected last."""
    return Snapshot(
        machine=host.source.name,
        cpu=_run(host, "cpu", probe_cpu),
        gaps=tuple(host.gaps),
    )


def _run(host: Host, name: str, probe: Callable[[Host], T]) -> T:
    with host.probing(name):
        return probe(host)

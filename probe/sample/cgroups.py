"""The control group of a server: its limits, those of its ancestors, and what they cost.

Reads below the group's directory, version 1 and 2 (`cgroup_place.py` finds it): cpu.max, cpu.stat, memory.max,
memory.current, memory.stat, memory.events and the pressure files, or their names in version 1.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import cgroup_v1, cgroup_v2
from ..cgroup_limits import Quota
from ..cgroup_place import Place, find_places
from ..host import Host
from ..parse import pick_numbers
from .pressure import read_pressure
from .sample import CgroupMoment, PressureMoment

_REFAULTS = (
    "workingset_refault_file ",
    "total_workingset_refault_file ",
    "workingset_refault ",
    "total_workingset_refault ",
)
"""Version 1 tells our own pages and those of all groups below; kernels before 5.9 count file pages only."""
_HIDDEN_LIMIT = "hierarchical_memory_limit "
"""Version 1: the least of all ancestors, also of those that a container cannot see."""
NO_PRESSURE = PressureMoment(cpu=None, memory=None, io=None)


@dataclass(frozen=True, slots=True)
class Group:
    """Where a process' control groups lie; found rarely."""

    path: str
    cpu: Place | None
    memory: Place | None
    unified: Place | None
    limit_bytes: int | None = None
    limit_directory: str | None = None
    """Whose memory limit is the least of all."""


def find_group(host: Host, pid: int) -> Group | None:
    """The groups of a process, with all their ancestors; None where there are none, or none that can be seen."""
    places = find_places(host, str(pid))
    unified = places.get("unified")
    cpu, memory = places.get("cpu", unified), places.get("memory", unified)
    if cpu is None and memory is None:
        return None
    # In mixed hierarchies the one that says most of whose process it is.
    path = max((place.path for place in (unified, cpu, memory) if place), key=len)
    return Group(path=path, cpu=cpu, memory=memory, unified=unified)


def with_limits(host: Host, group: Group) -> Group:
    """The same group as it is limited now, with those of its ancestors only that limit it.

    What limits rarely changes; without this each reading would ask for files of every ancestor.
    """
    memory = _with_files(host, group.memory) if group.memory else None
    limits = (
        [(limit, d) for d in memory.directories if (limit := _limit(host, memory.version, d)) is not None]
        if memory
        else []
    )
    limit, directory = min(limits, default=(None, None))
    quotas = _quotas(host, group.cpu) if group.cpu else []
    limiting = tuple(quota.source.rpartition("/")[0] for quota in quotas)
    return replace(
        group,
        cpu=replace(group.cpu, directories=limiting) if group.cpu and limiting else None,
        memory=memory,
        limit_bytes=limit,
        limit_directory=directory,
    )


def _with_files(host: Host, place: Place) -> Place | None:
    """Without the directories for which the controller is not switched on."""
    name = "memory.limit_in_bytes" if place.version == 1 else "memory.max"
    found = tuple(d for d in place.directories if host.exists(f"{d}/{name}"))
    return replace(place, directories=found) if found else None


def read_cgroup(host: Host, group: Group) -> CgroupMoment:
    """The group now."""
    quotas = _quotas(host, group.cpu) if group.cpu else []
    memory = _memory(host, group, group.memory) if group.memory else None
    return CgroupMoment(
        path=group.path,
        quota_cpus=min((quota.cpus for quota in quotas), default=None),
        periods=max((quota.periods for quota in quotas if quota.periods is not None), default=None),
        throttled_periods=_sum([quota.throttled_periods for quota in quotas]),
        throttled_us=_sum([quota.throttled_us for quota in quotas]),
        memory_bytes=memory.used_bytes if memory else None,
        memory_limit_bytes=memory.limit_bytes if memory else None,
        oom_kills=memory.oom_kills if memory else None,
        refaulted_file_bytes=memory.refaulted_file_bytes if memory else None,
        pressure=read_pressure(host, group.unified.directories[0]) if group.unified else NO_PRESSURE,
    )


@dataclass(frozen=True, slots=True)
class _Memory:
    used_bytes: int | None
    limit_bytes: int | None
    oom_kills: int | None
    refaulted_file_bytes: int | None


def _quotas(host: Host, place: Place) -> list[Quota]:
    # Any of them can be the one that stops the group: what they did is added up.
    return cgroup_v1.read_quotas(host, place) if place.version == 1 else cgroup_v2.read_quotas(host, place)


def _memory(host: Host, group: Group, place: Place) -> _Memory:
    """The least limit, what is used of it, and what our own group had to read again."""
    own = place.directories[0]
    stat = host.text(f"{own}/memory.stat", optional=True) or ""
    limit, binding = group.limit_bytes, group.limit_directory or own
    hidden = pick_numbers(stat, (_HIDDEN_LIMIT,)).get(_HIDDEN_LIMIT)
    if hidden is not None and hidden < (cgroup_v1.UNLIMITED_BYTES if limit is None else limit):
        limit = hidden
    used, events = _NAMES[place.version]
    kills = [
        pick_numbers(host.text(f"{directory}/{events}", optional=True) or "", ("oom_kill ",)).get("oom_kill ")
        for directory in {own, binding}
    ]
    refaults = pick_numbers(stat, _REFAULTS).values()
    return _Memory(
        used_bytes=host.integer(f"{binding}/{used}", optional=True),
        limit_bytes=limit,
        oom_kills=max((count for count in kills if count is not None), default=None),
        refaulted_file_bytes=max(refaults) * os.sysconf("SC_PAGE_SIZE") if refaults else None,
    )


_NAMES = {1: ("memory.usage_in_bytes", "memory.oom_control"), 2: ("memory.current", "memory.events")}
"""By version: the files of what is used and of processes killed."""


def _limit(host: Host, version: int, directory: str) -> int | None:
    """The limit at which the kernel takes memory back; in version 2 also that at which it slows the group down."""
    names = ("memory.limit_in_bytes",) if version == 1 else ("memory.max", "memory.high")
    found = [cgroup_v2.read_limit(host, f"{directory}/{name}") for name in names]
    return min((limit for limit in found if limit is not None), default=None)


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None

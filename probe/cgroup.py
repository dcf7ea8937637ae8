"""Our control groups: how much CPU time, which CPUs and nodes, how much memory it may use.

`cgroup_place.py` finds our groups (/proc/self/cgroup, mountinfo), `cgroup_v1.py` and `cgroup_v2.py` read their limits.
"""

from typing import Literal, cast

from . import cgroup_v1, cgroup_v2
from .cgroup_limits import CgroupMemory, Quota
from .cgroup_place import Place, find_places, hierarchy_version
from .host import Host
from .reading import Reading


class Cgroup(Reading):
    """The limits that bind this process, of its own cgroup and of all that can be seen above it."""

    version: Literal["v1", "v2", "hybrid"] | None
    """None: no control groups, or none mounted where we can see them."""
    path: str | None
    """Our cgroup in the hierarchy that limits CPU time."""
    directory: str | None
    """The same as a directory of this machine."""
    quota: Quota | None
    """None: no quota."""
    cpus: tuple[int, ...] | None
    """The CPUs that the cpuset allows."""
    mems: tuple[int, ...] | None
    """The memory nodes that the cpuset allows."""
    memory: CgroupMemory | None


def probe_cgroup(host: Host) -> Cgroup:
    """Read the limits of our control groups."""
    places = find_places(host)
    unified = places.get("unified")
    cpu, cpuset, memory = (places.get(name, unified) for name in ("cpu", "cpuset", "memory"))
    known = next(
        (place for place in (cpu, cpuset, memory) if place and len(place.directories) > 1), cpu or cpuset or memory
    )
    return Cgroup(
        version=cast(Literal["v1", "v2", "hybrid"] | None, hierarchy_version(places)),
        path=known.path if known else None,
        directory=known.directories[0] if known else None,
        quota=_quota(host, cpu) if cpu else None,
        cpus=_cpuset(host, cpuset, "cpus") if cpuset else None,
        mems=_cpuset(host, cpuset, "mems") if cpuset else None,
        memory=_memory(host, memory) if memory else None,
    )


def _quota(host: Host, place: Place) -> Quota | None:
    return cgroup_v1.read_quota(host, place) if place.version == 1 else cgroup_v2.read_quota(host, place)


def _cpuset(host: Host, place: Place, what: str) -> tuple[int, ...] | None:
    return cgroup_v1.read_cpuset(host, place, what) if place.version == 1 else cgroup_v2.read_cpuset(host, place, what)


def _memory(host: Host, place: Place) -> CgroupMemory | None:
    return cgroup_v1.read_memory(host, place) if place.version == 1 else cgroup_v2.read_memory(host, place)

"""What of this machine a new process can really use: CPUs and memory after affinity, control groups and others' use.

Reads MemTotal and MemAvailable of /proc/meminfo and, where the cpuset names only some memory nodes, those nodes'
/sys/devices/system/node/node*/meminfo; the rest is put together from the CPU and the cgroup probes.
"""

from collections.abc import Iterable
from typing import Literal

from .cgroup import Cgroup
from .cpu import Cpu
from .host import Host
from .meminfo import parse_meminfo
from .reading import Reading

NODE_DIR = "/sys/devices/system/node"
Limiter = Literal["affinity", "isolated CPUs", "cpuset", "CPU quota", "memory limit", "memory nodes"]


class Effective(Reading):
    """What every advisor uses instead of the machine's own sizes."""

    cpus: float | None
    """CPUs' worth of time: the usable CPUs, or the quota if that is less."""
    cpu_list: tuple[int, ...]
    """The CPUs on which this process may run: online, within its affinity and cpuset."""
    cores: int | None
    """Physical cores with at least one CPU in `cpu_list`."""
    memory_bytes: int | None
    """What a new process could get now without swapping: MemAvailable, or less where a cgroup limits it."""
    memory_limit_bytes: int | None
    """What all processes here together can have: MemTotal, or the cgroup's limit."""
    limited_by: tuple[Limiter, ...]
    """Why this is less than the machine; empty where it is the whole machine."""


def read_effective(host: Host, cpu: Cpu, cgroup: Cgroup) -> Effective:
    """Put together what a new process can use."""
    usable, limiters = usable_cpus(cpu, cgroup)
    count: float | None = float(len(usable)) if usable else None
    if cgroup.quota is not None and (count is None or cgroup.quota.cpus < count):
        count = cgroup.quota.cpus
        limiters.append("CPU quota")
    memory = host.parsed("/proc/meminfo", parse_meminfo, optional=True) or {}
    total, available = memory.get("MemTotal"), _available(memory)
    if cgroup.mems and set(cgroup.mems) < set(host.numbered(NODE_DIR, "node")):
        nodes_total, nodes_available = _memory_of_nodes(host, cgroup.mems)
        if nodes_total is not None and total is not None and nodes_total < total:
            limiters.append("memory nodes")
            total, available = nodes_total, _least(available, nodes_available)
    if cgroup.memory is not None:
        limit = _least(cgroup.memory.limit_bytes, cgroup.memory.high_bytes)
        if limit is not None and (total is None or limit < total):
            limiters.append("memory limit")
        total, available = _least(total, limit), _least(available, cgroup.memory.available_bytes)
    return Effective(
        cpus=count,
        cpu_list=usable,
        cores=sum(1 for core in cpu.core_cpus if not set(usable).isdisjoint(core)) or None,
        memory_bytes=available,
        memory_limit_bytes=total,
        limited_by=tuple(limiters),
    )


def usable_cpus(cpu: Cpu, cgroup: Cgroup) -> tuple[tuple[int, ...], list[Limiter]]:
    """The CPUs we may run on, and what took the others away."""
    limiters: list[Limiter] = []
    usable = set(cpu.online_cpus)
    if cgroup.cpus is not None and usable & set(cgroup.cpus) < usable:
        usable &= set(cgroup.cpus)
        limiters.append("cpuset")
    if cpu.affinity_cpus is not None and usable & set(cpu.affinity_cpus) < usable:
        # The kernel leaves isolated CPUs out of every affinity that was not asked for.
        taken = usable - set(cpu.affinity_cpus)
        limiters.append("isolated CPUs" if taken <= set(cpu.isolated_cpus or ()) else "affinity")
        usable &= set(cpu.affinity_cpus)
    # An empty set is the sign of files that do not belong together; then nothing was learnt from them.
    return (tuple(sorted(usable)), limiters) if usable else (cpu.online_cpus, [])


def _available(memory: dict[str, int]) -> int | None:
    """MemAvailable, or for kernels before 3.14 what can be told without it."""
    if "MemAvailable" in memory:
        return memory["MemAvailable"]
    if "MemFree" in memory:
        return memory["MemFree"] + memory.get("Active(file)", 0) + memory.get("Inactive(file)", 0)
    return None


def _memory_of_nodes(host: Host, nodes: Iterable[int]) -> tuple[int | None, int | None]:
    """Total and available bytes of some memory nodes together."""
    total = available = 0
    for node in nodes:
        memory = host.parsed(f"{NODE_DIR}/node{node}/meminfo", parse_meminfo, optional=True)
        if not memory or "MemTotal" not in memory:
            return None, None
        total += memory["MemTotal"]
        available += _available(memory) or 0
    return total, available


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)

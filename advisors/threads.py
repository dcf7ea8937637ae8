"""How many CPU threads, and where: from affinity, quota, topology, and what the neighbours use now.

ggml's threads wait for each other at a barrier in every operation, so one thread too many costs more than one too few:
on 2 CPUs with one taken by a neighbour, 2 threads decoded 2 to 42 tokens/s where 1 thread gave 99 (measured with
llama.cpp b11434 and a model of 135 million weights; alone, 2 threads give 154 and 1 gives 97).
"""

from collections.abc import Sequence
from typing import TypeAlias

from ..probe.snapshot import Snapshot
from .plan import MemoryPolicy, NumaMode, Threads
from .resources import Processor

OFFLOADED_THREADS = 4
"""With every layer on GPUs the CPU looks up embeddings and samples: more threads only wait."""
_BUSY_ROUNDING = 0.35
"""A neighbour that uses less than this of a CPU leaves it to us."""


_Binding: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], MemoryPolicy, NumaMode]


def choose_threads(
    snapshot: Snapshot | None, processor: Processor, *, all_on_gpu: bool, host_bytes: int, gpu_node: int | None
) -> Threads:
    """Threads and binding for a plan that needs `host_bytes` of host memory. No snapshot: a machine of plain cores."""
    why: list[str] = []
    cores = _cores(snapshot, processor, why) if snapshot else processor.cpu_list
    count = len(cores)
    if processor.cpus < count:
        count = max(1, int(processor.cpus + 1e-9))
        why.append(f"the CPU quota allows {processor.cpus:g} CPUs' worth of time")
    busy = processor.busy_cpus
    free = int(processor.cpus - busy + _BUSY_ROUNDING)
    if busy >= _BUSY_ROUNDING and free < count:
        count = max(1, free)
        why.append(f"others use {busy:.1f} of {processor.cpus:g} CPUs now; a thread too many halves the speed")
    unbound: _Binding = ((), (), "default", "none")
    cpus, nodes, policy, numa = (
        _binding(snapshot, cores, all_on_gpu, host_bytes, gpu_node, why) if snapshot else unbound
    )
    if numa == "numactl":
        count = min(count, sum(1 for core in cores if core in set(cpus)) or count)
    if all_on_gpu and count > OFFLOADED_THREADS:
        count = OFFLOADED_THREADS
        why.append("every layer is on a GPU: the CPU has little to do")
    return Threads(
        decode=count, batch=count, cpus=cpus, memory_nodes=nodes, memory_policy=policy, numa=numa, why=tuple(why)
    )


def _cores(snapshot: Snapshot, processor: Processor, why: list[str]) -> Sequence[int]:
    """One CPU of every usable core, of the fast kind where there are several."""
    usable = set(processor.cpu_list)
    groups = [tuple(cpu for cpu in core if cpu in usable) for core in snapshot.cpu.core_cpus]
    firsts = [group[0] for group in groups if group] or sorted(usable)
    if len(firsts) < len(usable):
        why.append(f"{len(usable)} CPUs are {len(firsts)} cores; a core's second thread adds no memory bandwidth")
    fast = max(snapshot.cpu.kinds, key=lambda kind: (kind.capacity or 0, kind.max_khz or 0), default=None)
    if fast is not None and len(snapshot.cpu.kinds) > 1:
        chosen = [cpu for cpu in firsts if cpu in set(fast.cpus)]
        if chosen and len(chosen) < len(firsts):
            why.append(
                f"{len(chosen)} of {len(firsts)} cores are {fast.name} cores; threads on slower ones hold all up"
            )
            return chosen
    return firsts or (0,)


def _binding(
    snapshot: Snapshot,
    cores: Sequence[int],
    all_on_gpu: bool,
    host_bytes: int,
    gpu_node: int | None,
    why: list[str],
) -> _Binding:
    """CPUs, memory nodes, memory policy, and llama.cpp's --numa."""
    usable = set(snapshot.effective.cpu_list)
    allowed = set(snapshot.cgroup.mems or ())
    nodes = [
        node
        for node in snapshot.numa.nodes
        if usable & set(node.cpus) and (not allowed or node.id in allowed) and node.total_bytes
    ]
    if len(nodes) < 2:
        kinds = snapshot.cpu.kinds
        hybrid = len(kinds) > 1 and len(cores) < len(usable)
        return (tuple(cores) if hybrid and not all_on_gpu else ()), (), "default", "none"
    available = {node.id: (node.free_bytes or 0) + (node.file_bytes or 0) for node in nodes}
    home = next((node for node in nodes if node.id == gpu_node), None)
    if home is None:
        home = max(nodes, key=lambda node: (len(set(cores) & set(node.cpus)), available[node.id]))
    if all_on_gpu and gpu_node is None:
        return (), (), "default", "none"
    if host_bytes <= available[home.id]:
        why.append(
            f"all of it fits into memory node {home.id}"
            + (", where the GPU is attached" if home.id == gpu_node else "; from other nodes every read crosses a link")
        )
        return tuple(cpu for cpu in home.cpus if cpu in usable), (home.id,), "bind", "numactl"
    why.append(
        f"it needs more than one of the {len(nodes)} memory nodes has free: pages and threads are spread over all"
    )
    return (), tuple(node.id for node in nodes), "interleave", "distribute"

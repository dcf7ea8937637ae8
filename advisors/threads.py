"""How many CPU threads, and where: from affinity, quota, topology, and what the neighbours use now.

ggml's threads wait for each other at a barrier in every operation, so one thread too many costs more than one too few:
on 2 CPUs with one taken by a neighbour, 2 threads decoded 2 to 42 tokens/s where 1 thread gave 99 (measured with
llama.cpp b11434 and a model of 135 million weights; alone, 2 threads give 154 and 1 gives 97).
"""

from collections.abc import Sequence
from typing import TypeAlias

from ..probe.numa import NumaNode
from ..probe.snapshot import Snapshot
from .plan import MemoryPolicy, NumaMode, Threads
from .resources import Processor

OFFLOADED_THREADS = 4
"""With every layer on GPUs the CPU looks up embeddings and samples: more threads only wait."""
_WORTH_SPREADING = 1.15
"""Times one node's bandwidth: less is not worth remote reads."""
_MOST_NODES = 8
BUSY_ROUNDING = 0.35
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
    free = int(processor.left_cpus + BUSY_ROUNDING)
    if busy >= BUSY_ROUNDING and free < count:
        count = max(1, free)
        why.append(
            f"others use {busy:.1f} of {len(processor.cpu_list)} CPUs now; a thread too many halves the speed. "
            "Plan again when they are gone"
        )
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
    places = [place for place, node in enumerate(snapshot.numa.nodes) if node in nodes]
    spread = _gain_of_spreading(nodes, places)
    if host_bytes <= available[home.id] and (home.id == gpu_node or spread < _WORTH_SPREADING):
        why.append(
            f"all of it fits into memory node {home.id}"
            + (", where the GPU is attached" if home.id == gpu_node else "; from other nodes every read crosses a link")
        )
        return tuple(cpu for cpu in home.cpus if cpu in usable), (home.id,), "bind", "numactl"
    why.append(
        f"pages and threads are spread over {len(nodes)} memory nodes: about {spread:.1f} times one node's bandwidth."
        " A model that is in the page cache already stays where it is: drop that first"
    )
    numa: NumaMode = "distribute" if _can_distribute(nodes) else "numactl"
    return (), tuple(node.id for node in nodes), "interleave", numa


def _gain_of_spreading(nodes: Sequence[NumaNode], places: Sequence[int]) -> float:
    """How many times one node's bandwidth all nodes give together when pages lie evenly: links slow the remote part.

    The distances of the firmware's table are the costs (10 is local; one for each node online, `places` are ours).
    Two sockets at 10 and 21 give 1.29; measured were 1.23: 6.6 tokens/s with interleaved pages where a copy of the
    model in each node gave 10.7 (https://github.com/ikawrakow/ik_llama.cpp/discussions/201).
    """
    costs = [node.distances[place] for node in nodes for place in places if place < len(node.distances)]
    if len(costs) != len(nodes) ** 2 or not all(costs):
        return float(len(nodes)) * 0.6
    return len(nodes) * 10 * len(costs) / sum(costs)


def _can_distribute(nodes: Sequence[NumaNode]) -> bool:
    """llama.cpp's --numa knows up to 8 nodes, numbered from 0 without holes (ggml-cpu.c, b11434)."""
    return len(nodes) <= _MOST_NODES and [node.id for node in nodes] == list(range(len(nodes)))

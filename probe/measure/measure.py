"""Everything that `--measure` measures, on the live machine. Acts on the machine directly, not through `Host`'s
answers, so it cannot be replayed; its results are kept in the snapshot.
"""

import os
from collections.abc import Callable, Iterator

from ..host import Host
from ..parse import format_cpu_list
from ..snapshot import Snapshot
from .disk_read import measure_disk
from .measurement import Measurement
from .memory_bandwidth import CannotMeasure, buffer_bytes, measure_bandwidth, operations

NODE_DIR = "/sys/devices/system/node"


def measure(host: Host, snapshot: Snapshot, tell: Callable[[str], None]) -> Iterator[Measurement]:
    """Measure memory and disk; `tell` gets a line before each step and one for what cannot be measured."""
    yield from _memory(host, snapshot, tell)
    tell("reading the models' disk ...")
    cache = os.environ.get("XDG_CACHE_HOME", "")
    cache = cache if cache.startswith("/") else os.path.expanduser("~/.cache")
    directories = tuple(mount.path for mount in snapshot.storage.mounts)
    try:
        yield from measure_disk(directories, f"{cache}/llmtune", snapshot.effective.memory_bytes)
    except CannotMeasure as why:
        tell(f"not measured: {why}")


def _memory(host: Host, snapshot: Snapshot, tell: Callable[[str], None]) -> Iterator[Measurement]:
    cpus = snapshot.effective.cpu_list or tuple(sorted(os.sched_getaffinity(0)))
    cache = last_level_cache_bytes(snapshot)
    try:
        size = buffer_bytes(snapshot.effective.memory_bytes, cache)
        # Under a quota of CPU time more threads than that would only be put to sleep.
        whole = cpus[: max(1, round(snapshot.effective.cpus or len(cpus)))]
        for operation in operations():
            tell(f"memory {operation}, {len(whole)} threads ...")
            yield measure_bandwidth("machine", whole, operation, size, cache)
        nodes = _nodes(host, whole)
        for node, members in nodes.items() if len(nodes) > 1 else ():
            tell(f"memory read, node {node}, CPUs {format_cpu_list(members)} ...")
            yield measure_bandwidth(f"node {node}", members, operations()[0], size, cache)
    except CannotMeasure as why:
        tell(f"not measured: {why}")


def _nodes(host: Host, cpus: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """The NUMA nodes that have some of `cpus`, with them."""
    listed = {
        n: host.cpu_list(f"{path}/cpulist", optional=True) or () for n, path in host.numbered(NODE_DIR, "node").items()
    }
    wanted = set(cpus)
    return {node: members for node, all_of in listed.items() if (members := tuple(c for c in all_of if c in wanted))}


def last_level_cache_bytes(snapshot: Snapshot) -> int:
    """All caches of the highest level together."""
    data = [cache for cache in snapshot.cpu.caches if cache.size_bytes]
    top = max((cache.level for cache in data), default=0)
    return sum(cache.size_bytes or 0 for cache in data if cache.level == top)

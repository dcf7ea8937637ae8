"""NUMA nodes, from /sys/devices/system/node (Documentation/ABI/stable/sysfs-devices-node)."""

from .host import Host
from .hugetlb import HugePagePool, read_huge_page_pools
from .meminfo import parse_meminfo
from .parse import parse_cpu_list, parse_cpu_mask, parse_int
from .reading import Malformed, Reading

NODE_DIR = "/sys/devices/system/node"
MAX_NODES = 1 << 10  # Linux' largest CONFIG_NODES_SHIFT is 10.


class NumaNode(Reading):
    """One node: CPUs and the memory next to them. A node may lack either."""

    id: int
    cpus: tuple[int, ...]
    """Its online CPUs."""
    total_bytes: int | None
    free_bytes: int | None
    file_bytes: int | None
    """Page cache on this node; mmapped models are among it."""
    anon_bytes: int | None
    distances: tuple[int, ...]
    """To each node of `Numa.nodes`, in their order; 10 is local. Empty where the kernel does not say."""
    huge_page_pools: tuple[HugePagePool, ...]

    @property
    def memory_only(self) -> bool:
        """Memory without CPUs: CXL, persistent or GPU memory."""
        return not self.cpus and bool(self.total_bytes)


class Numa(Reading):
    """The nodes of a machine; none where the kernel has no node directory."""

    nodes: tuple[NumaNode, ...]

    def node_of_cpu(self, cpu: int) -> int | None:
        """The id of the node a CPU belongs to."""
        return next((node.id for node in self.nodes if cpu in node.cpus), None)


def probe_numa(host: Host) -> Numa:
    """Read the nodes that are online."""
    directories = host.numbered(NODE_DIR, "node")
    online = host.cpu_list(f"{NODE_DIR}/online", optional=True)
    wanted = set(online) if online is not None else set(directories)
    listed = [n for n in directories if n in wanted or not wanted & directories.keys()][:MAX_NODES]
    return Numa(nodes=tuple(_read_node(host, n, directories[n]) for n in listed))


def parse_distances(text: str) -> tuple[int, ...]:
    """`10 21 31` -> numbers."""
    words = text.split()
    if not words or len(words) > MAX_NODES:
        raise Malformed(f"{len(words)} distances")
    return tuple(parse_int(word, 0, 65535) for word in words)


def _read_node(host: Host, number: int, directory: str) -> NumaNode:
    memory = host.parsed(f"{directory}/meminfo", parse_meminfo, optional=True) or {}
    return NumaNode(
        id=number,
        cpus=_node_cpus(host, directory),
        total_bytes=memory.get("MemTotal"),
        free_bytes=memory.get("MemFree"),
        file_bytes=memory.get("FilePages"),
        anon_bytes=memory.get("AnonPages"),
        distances=host.parsed(f"{directory}/distance", parse_distances, optional=True) or (),
        huge_page_pools=read_huge_page_pools(host, f"{directory}/hugepages"),
    )


def _node_cpus(host: Host, directory: str) -> tuple[int, ...]:
    cpus = host.parsed(f"{directory}/cpumap", parse_cpu_mask, optional=True)
    if cpus is None:
        cpus = host.parsed(f"{directory}/cpulist", parse_cpu_list, optional=True)
    return cpus or ()

"""Each NUMA node's memory now, and whom its pages were given to.

Reads /sys/devices/system/node/node*/{meminfo,numastat} (Documentation/admin-guide/numastat.rst).
"""

from ..host import Host
from ..numa import MAX_NODES, NODE_DIR
from ..parse import pick_numbers
from .sample import NodeMoment


def read_nodes(host: Host) -> tuple[NodeMoment, ...]:
    """The nodes; none where the kernel has no node directory."""
    directories = list(host.numbered(NODE_DIR, "node").items())[:MAX_NODES]
    return tuple(_read_node(host, node, directory) for node, directory in directories)


def _read_node(host: Host, node: int, directory: str) -> NodeMoment:
    memory = host.text(f"{directory}/meminfo", optional=True) or ""
    # Lines begin with the node they speak of.
    kib = pick_numbers(memory, [f"Node {node} {name}:" for name in ("MemTotal", "MemFree", "FilePages")])
    total, free, file = (kib.get(f"Node {node} {name}:") for name in ("MemTotal", "MemFree", "FilePages"))
    pages = pick_numbers(host.text(f"{directory}/numastat", optional=True) or "", ("local_node ", "other_node "))
    return NodeMoment(
        node=node,
        total_bytes=None if total is None else total << 10,
        free_bytes=None if free is None else free << 10,
        file_bytes=None if file is None else file << 10,
        local_pages=pages.get("local_node "),
        foreign_pages=pages.get("other_node "),
    )

"""Each NUMA node's memory now, and whom its pages were given to.

Reads /sys/devices/system/node/node*/{meminfo,numastat} (Documentation/admin-guide/numastat.rst).
"""

import re

from ..host import Host
from ..meminfo import parse_meminfo
from ..numa import MAX_NODES, NODE_DIR
from .sample import NodeMoment

_STAT = re.compile(r"^(local_node|other_node) ([0-9]{1,20})$", re.M)


def read_nodes(host: Host) -> tuple[NodeMoment, ...]:
    """The nodes; none where the kernel has no node directory."""
    directories = list(host.numbered(NODE_DIR, "node").items())[:MAX_NODES]
    return tuple(_read_node(host, node, directory) for node, directory in directories)


def parse_numastat(text: str) -> dict[str, int]:
    """The two lines of numastat that tell near from far."""
    return {name: int(number) for name, number in _STAT.findall(text)}


def _read_node(host: Host, node: int, directory: str) -> NodeMoment:
    memory = host.parsed(f"{directory}/meminfo", parse_meminfo, optional=True) or {}
    pages = parse_numastat(host.text(f"{directory}/numastat", optional=True) or "")
    return NodeMoment(
        node=node,
        total_bytes=memory.get("MemTotal"),
        free_bytes=memory.get("MemFree"),
        file_bytes=memory.get("FilePages"),
        local_pages=pages.get("local_node"),
        foreign_pages=pages.get("other_node"),
    )

"""Pools of huge pages, per page size: the machine's in /sys/kernel/mm/hugepages, a node's below its own directory.

Kernel document: Documentation/admin-guide/mm/hugetlbpage.rst.
"""

import re

from .host import Host
from .reading import Reading


class HugePagePool(Reading):
    """One page size's pool."""

    page_bytes: int
    total_pages: int | None
    free_pages: int | None
    """Free, the reserved ones among them."""
    reserved_pages: int | None
    """Promised to mappings but not yet touched; only the machine's pools tell."""
    surplus_pages: int | None


def read_huge_page_pools(host: Host, directory: str = "/sys/kernel/mm/hugepages") -> tuple[HugePagePool, ...]:
    """The pools below `directory`, by page size; empty where the kernel has none."""
    pools = []
    for name in host.names(directory):
        match = re.fullmatch(r"hugepages-([0-9]{1,12})kB", name)
        if match:
            pools.append(
                HugePagePool(
                    page_bytes=int(match[1]) << 10,
                    total_pages=host.integer(f"{directory}/{name}/nr_hugepages", optional=True),
                    free_pages=host.integer(f"{directory}/{name}/free_hugepages", optional=True),
                    reserved_pages=host.integer(f"{directory}/{name}/resv_hugepages", optional=True),
                    surplus_pages=host.integer(f"{directory}/{name}/surplus_hugepages", optional=True),
                )
            )
    return tuple(sorted(pools, key=lambda pool: pool.page_bytes))

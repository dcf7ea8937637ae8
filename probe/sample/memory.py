"""The machine's memory now, and what moved between it and drives.

Reads /proc/meminfo (Documentation/filesystems/proc.rst), of /proc/vmstat the few lines that are of use, and the pools
of huge pages where there is more than the default size's.
"""

import os
import re

from ..host import Host
from ..hugetlb import read_huge_page_pools
from ..meminfo import parse_meminfo
from .sample import MemoryMoment

_LINES = re.compile(r"^(pgmajfault|pswpin|pswpout|workingset_refault(?:_file)?) ([0-9]{1,20})$", re.M)


def read_memory(host: Host) -> MemoryMoment | None:
    """The memory now."""
    memory = host.parsed("/proc/meminfo", parse_meminfo)
    if memory is None:
        return None
    counters = parse_vmstat(host.text("/proc/vmstat", optional=True) or "")
    huge_total, huge_free = _huge_pages(host, memory)
    return MemoryMoment(
        total_bytes=memory.get("MemTotal"),
        available_bytes=memory.get("MemAvailable"),
        free_bytes=memory.get("MemFree"),
        cached_bytes=memory.get("Cached"),
        dirty_bytes=memory.get("Dirty"),
        swap_total_bytes=memory.get("SwapTotal"),
        swap_free_bytes=memory.get("SwapFree"),
        hugepages_total_bytes=huge_total,
        hugepages_free_bytes=huge_free,
        major_faults=counters.get("pgmajfault"),
        swapped_in_bytes=_pages(counters.get("pswpin")),
        swapped_out_bytes=_pages(counters.get("pswpout")),
        # Kernels before 5.9 counted file pages only, without saying so.
        refaulted_file_bytes=_pages(counters.get("workingset_refault_file", counters.get("workingset_refault"))),
    )


def parse_vmstat(text: str) -> dict[str, int]:
    """The lines of /proc/vmstat, or of a control group's memory.stat, that tell of reading back from drives."""
    return {name: int(number) for name, number in _LINES.findall(text)}


def _pages(count: int | None) -> int | None:
    return None if count is None else count * os.sysconf("SC_PAGE_SIZE")


def _huge_pages(host: Host, memory: dict[str, int]) -> tuple[int | None, int | None]:
    """Bytes in all pools, and those of them that are free."""
    size = memory.get("Hugepagesize")
    total, free = memory.get("HugePages_Total"), memory.get("HugePages_Free")
    if size is None or total is None or free is None:
        return None, None
    if memory.get("Hugetlb", 0) <= total * size:
        return total * size, free * size  # Only the default size has pages: no need to ask for the others.
    pools = read_huge_page_pools(host)
    return (
        sum(pool.page_bytes * (pool.total_pages or 0) for pool in pools),
        sum(pool.page_bytes * (pool.free_pages or 0) for pool in pools),
    )

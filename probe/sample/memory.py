"""The machine's memory now, and what moved between it and drives.

Reads /proc/meminfo (Documentation/filesystems/proc.rst), of /proc/vmstat the few lines that are of use, and the pools
of huge pages where there is more than the default size's.
"""

import os

from ..host import Host
from ..hugetlb import read_huge_page_pools
from ..parse import pick_numbers
from ..reading import Malformed
from .sample import MemoryMoment

_SIZES = ("MemTotal", "MemAvailable", "MemFree", "Cached", "Dirty", "SwapTotal", "SwapFree", "Hugepagesize", "Hugetlb")
_COUNTS = ("HugePages_Total", "HugePages_Free")
_COUNTERS = ("pgmajfault ", "pswpin ", "pswpout ", "workingset_refault_file ", "workingset_refault ")


def read_memory(host: Host) -> MemoryMoment | None:
    """The memory now."""
    memory = host.parsed("/proc/meminfo", parse_sizes)
    if memory is None:
        return None
    counters = pick_numbers(host.text("/proc/vmstat", optional=True) or "", _COUNTERS)
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
        major_faults=counters.get("pgmajfault "),
        swapped_in_bytes=_pages(counters.get("pswpin ")),
        swapped_out_bytes=_pages(counters.get("pswpout ")),
        # Kernels before 5.9 counted file pages only, without saying so.
        refaulted_file_bytes=_pages(counters.get("workingset_refault_file ", counters.get("workingset_refault "))),
    )


def parse_sizes(text: str) -> dict[str, int]:
    """The lines of /proc/meminfo that are of use: bytes, or a count of pages."""
    sizes = pick_numbers(text, [f"{name}:" for name in _SIZES])
    counts = pick_numbers(text, [f"{name}:" for name in _COUNTS])
    if not sizes:
        raise Malformed(f"no line of the memory's size: {text[:60]!r}")
    return {name[:-1]: kib << 10 for name, kib in sizes.items()} | {name[:-1]: n for name, n in counts.items()}


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

"""Transparent huge pages, from /sys/kernel/mm/transparent_hugepage (Documentation/admin-guide/mm/transhuge.rst)."""

from .host import Host
from .parse import parse_selected
from .reading import Reading

THP_DIR = "/sys/kernel/mm/transparent_hugepage"


class Thp(Reading):
    """The settings; every field is None where the kernel has no transparent huge pages."""

    enabled: str | None
    """`always`, `madvise` or `never`."""
    defrag: str | None
    shmem_enabled: str | None
    khugepaged_defrag: bool | None
    khugepaged_pages_to_scan: int | None
    khugepaged_scan_sleep_ms: int | None
    page_bytes: int | None
    """The size of one huge page (hpage_pmd_size)."""


def read_thp(host: Host) -> Thp:
    """Read the settings."""
    daemon = f"{THP_DIR}/khugepaged"
    defrag = host.integer(f"{daemon}/defrag", 0, 1, optional=True)
    return Thp(
        enabled=host.parsed(f"{THP_DIR}/enabled", parse_selected, optional=True),
        defrag=host.parsed(f"{THP_DIR}/defrag", parse_selected, optional=True),
        shmem_enabled=host.parsed(f"{THP_DIR}/shmem_enabled", parse_selected, optional=True),
        khugepaged_defrag=None if defrag is None else bool(defrag),
        khugepaged_pages_to_scan=host.integer(f"{daemon}/pages_to_scan", optional=True),
        khugepaged_scan_sleep_ms=host.integer(f"{daemon}/scan_sleep_millisecs", optional=True),
        page_bytes=host.integer(f"{THP_DIR}/hpage_pmd_size", 1, optional=True),
    )

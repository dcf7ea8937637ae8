"""Memory: how much, how the kernel is set to treat it, and what has gone wrong with it since boot.

Reads /proc/meminfo, /proc/vmstat, /proc/sys/vm (Documentation/admin-guide/sysctl/vm.rst), kernel.numa_balancing,
/sys/kernel/mm/ksm, and what thp.py, hugetlb.py, swap.py, pressure.py and limits.py read.
"""

from .host import Host
from .hugetlb import HugePagePool, read_huge_page_pools
from .limits import Limits, read_limits
from .meminfo import parse_meminfo
from .parse import parse_int
from .pressure import Pressures, read_pressures
from .reading import Malformed, Reading
from .swap import Swap, read_swap
from .thp import Thp, read_thp

VM = "/proc/sys/vm"


class Faults(Reading):
    """Counters since boot."""

    major_faults: int | None
    """Page faults that had to read a disk."""
    oom_kills: int | None
    """Processes killed because memory ran out."""
    swapped_in_pages: int | None
    swapped_out_pages: int | None


class Ksm(Reading):
    """Kernel same-page merging."""

    running: bool | None
    saved_pages: int | None
    """How many pages more the merged ones stand for."""


class VmSettings(Reading):
    """The sysctls below vm. (and kernel.numa_balancing) that inference meets; None where the kernel lacks them."""

    swappiness: int | None
    overcommit_memory: int | None
    overcommit_ratio: int | None
    max_map_count: int | None
    zone_reclaim_mode: int | None
    min_free_kbytes: int | None
    dirty_ratio: int | None
    dirty_bytes: int | None
    numa_balancing: int | None


class Memory(Reading):
    """The memory of a machine, in bytes."""

    total_bytes: int | None
    available_bytes: int | None
    """What new processes can get without swapping (MemAvailable)."""
    free_bytes: int | None
    cached_bytes: int | None
    """Page cache, mmapped models among it."""
    shmem_bytes: int | None
    committed_bytes: int | None
    commit_limit_bytes: int | None
    anon_huge_bytes: int | None
    hugetlb_bytes: int | None
    """All huge page pools together; this RAM is not in `available_bytes`."""
    swap: Swap
    settings: VmSettings
    thp: Thp
    huge_page_pools: tuple[HugePagePool, ...]
    ksm: Ksm
    pressure: Pressures
    faults: Faults
    limits: Limits
    shm_total_bytes: int | None
    """Size of /dev/shm, which processes of one server share."""


def probe_memory(host: Host) -> Memory:
    """Read the memory."""
    info = host.parsed("/proc/meminfo", parse_meminfo) or {}
    pools = read_huge_page_pools(host)
    return Memory(
        total_bytes=info.get("MemTotal"),
        available_bytes=info.get("MemAvailable"),
        free_bytes=info.get("MemFree"),
        cached_bytes=info.get("Cached"),
        shmem_bytes=info.get("Shmem"),
        committed_bytes=info.get("Committed_AS"),
        commit_limit_bytes=info.get("CommitLimit"),
        anon_huge_bytes=info.get("AnonHugePages"),
        hugetlb_bytes=info.get("Hugetlb", sum(p.page_bytes * (p.total_pages or 0) for p in pools) if pools else None),
        swap=read_swap(host),
        settings=_settings(host),
        thp=read_thp(host),
        huge_page_pools=pools,
        ksm=_ksm(host),
        pressure=read_pressures(host),
        faults=_faults(host),
        limits=read_limits(host),
        shm_total_bytes=_shm_bytes(host),
    )


def parse_counters(text: str) -> dict[str, int]:
    """/proc/vmstat: `name value` lines."""
    words = [line.split() for line in text.splitlines()]
    pairs = {pair[0]: parse_int(pair[1]) for pair in words if len(pair) == 2}
    if not pairs:
        raise Malformed("no line of the form 'pgmajfault 12'")
    return pairs


def _settings(host: Host) -> VmSettings:
    def read(name: str) -> int | None:
        return host.integer(f"{VM}/{name}", optional=True)

    return VmSettings(
        swappiness=read("swappiness"),
        overcommit_memory=read("overcommit_memory"),
        overcommit_ratio=read("overcommit_ratio"),
        max_map_count=read("max_map_count"),
        zone_reclaim_mode=read("zone_reclaim_mode"),
        min_free_kbytes=read("min_free_kbytes"),
        dirty_ratio=read("dirty_ratio"),
        dirty_bytes=read("dirty_bytes"),
        numa_balancing=host.integer("/proc/sys/kernel/numa_balancing", optional=True),
    )


def _ksm(host: Host) -> Ksm:
    run = host.integer("/sys/kernel/mm/ksm/run", 0, 2, optional=True)
    return Ksm(
        running=None if run is None else run == 1,
        saved_pages=host.integer("/sys/kernel/mm/ksm/pages_sharing", optional=True),
    )


def _faults(host: Host) -> Faults:
    counters = host.parsed("/proc/vmstat", parse_counters, optional=True) or {}
    return Faults(
        major_faults=counters.get("pgmajfault"),
        oom_kills=counters.get("oom_kill"),
        swapped_in_pages=counters.get("pswpin"),
        swapped_out_pages=counters.get("pswpout"),
    )


def _shm_bytes(host: Host) -> int | None:
    if not host.exists("/dev/shm"):
        return None
    total = (host.space("/dev/shm") or {}).get("total_bytes")
    return total if isinstance(total, int) else None

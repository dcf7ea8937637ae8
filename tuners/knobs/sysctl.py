"""Sysctl keys that llmtune writes, with ranges in which they help or at least do no harm.

The kernel's acceptance is no validation: it takes 8 for vm.zone_reclaim_mode and 999999999 for a read-ahead. Ranges are
from Documentation/admin-guide/sysctl/{vm,kernel,net}.rst, narrowed where a value can take a machine down.
"""

from .kernel_file import LIVE, FileKnob, Tree
from .values import Integer

_INT_MAX = (1 << 31) - 1
_PAGE_BYTES = 4096

RANGES: dict[str, Integer] = {
    "kernel.numa_balancing": Integer(0, 2),
    "kernel.nmi_watchdog": Integer(0, 1),
    "kernel.sched_autogroup_enabled": Integer(0, 1),
    "kernel.timer_migration": Integer(0, 1),
    "net.core.somaxconn": Integer(128, 65535),
    "net.core.rmem_max": Integer(65536, 1 << 30, "bytes"),
    "net.core.wmem_max": Integer(65536, 1 << 30, "bytes"),
    "vm.compaction_proactiveness": Integer(0, 100),
    "vm.dirty_background_bytes": Integer(2 * _PAGE_BYTES, 1 << 40, "bytes", refuses="0"),
    "vm.dirty_background_ratio": Integer(0, 100, "percent", refuses="0"),
    "vm.dirty_bytes": Integer(2 * _PAGE_BYTES, 1 << 40, "bytes", refuses="0"),
    "vm.dirty_expire_centisecs": Integer(100, 360_000, "hundredths of a second"),
    "vm.dirty_ratio": Integer(1, 100, "percent"),
    "vm.dirty_writeback_centisecs": Integer(0, 360_000, "hundredths of a second"),
    "vm.max_map_count": Integer(65_530, _INT_MAX),
    # More than a few percent of memory, and the kernel kills everything at once (vm.rst).
    "vm.min_free_kbytes": Integer(1024, 8 << 20, "KiB"),
    "vm.nr_overcommit_hugepages": Integer(0, 1 << 24, "pages"),
    "vm.overcommit_kbytes": Integer(1, 1 << 40, "KiB", refuses="0"),
    "vm.overcommit_memory": Integer(0, 1),
    "vm.overcommit_ratio": Integer(1, 1000, "percent"),
    "vm.page-cluster": Integer(0, 8),
    "vm.stat_interval": Integer(1, 120, "s"),
    "vm.swappiness": Integer(0, 200),
    "vm.vfs_cache_pressure": Integer(1, 1000),
    "vm.watermark_boost_factor": Integer(0, 30_000),
    "vm.watermark_scale_factor": Integer(1, 1000),
    "vm.zone_reclaim_mode": Integer(0, 7),
}

PAIRS: tuple[tuple[str, str], ...] = (
    ("vm.dirty_bytes", "vm.dirty_ratio"),
    ("vm.dirty_background_bytes", "vm.dirty_background_ratio"),
    ("vm.overcommit_kbytes", "vm.overcommit_ratio"),
)
"""Writing one sets the other to 0; 0 is refused or means nothing, so the one that is not 0 is written."""
_PAIRED = frozenset(key for pair in PAIRS for key in pair)


def path_of(key: str) -> str:
    """The file of a sysctl key."""
    return "/proc/sys/" + key.replace(".", "/")


def sysctl_knob(key: str, scope: str | None, tree: Tree = LIVE) -> FileKnob | None:
    """The knob of a key on the list, else None."""
    values = RANGES.get(key)
    if values is None or scope is not None:
        return None
    unused = "0" if key in _PAIRED else None
    return FileKnob(key, path_of(key), values, tree, shown=f"sysctl -w {key}={{}}", unused=unused)


def sysctl_coupled(key: str, tree: Tree = LIVE) -> tuple[str, ...]:
    """The pair that a key belongs to, else the key alone."""
    del tree
    return next((pair for pair in PAIRS if key in pair), (key,))

"""Transparent huge pages: /sys/kernel/mm/transparent_hugepage.

Switching `enabled` or `shmem_enabled` raises vm.min_free_kbytes, and switching back does not lower it again
(mm/khugepaged.c, set_recommended_min_free_kbytes), so they are kept and restored together.
"""

from .kernel_file import LIVE, FileKnob, Tree
from .values import Bracketed, Integer, Values

_DIRECTORY = "/sys/kernel/mm/transparent_hugepage"
_KEYS: dict[str, tuple[str, Values]] = {
    "thp.enabled": ("enabled", Bracketed()),
    "thp.defrag": ("defrag", Bracketed()),
    "thp.shmem_enabled": ("shmem_enabled", Bracketed()),
    "thp.khugepaged_defrag": ("khugepaged/defrag", Integer(0, 1)),
    "thp.khugepaged_pages_to_scan": ("khugepaged/pages_to_scan", Integer(1, 1 << 20, "pages")),
    "thp.khugepaged_scan_sleep_ms": ("khugepaged/scan_sleep_millisecs", Integer(0, 3_600_000, "ms")),
    "thp.khugepaged_alloc_sleep_ms": ("khugepaged/alloc_sleep_millisecs", Integer(0, 3_600_000, "ms")),
}
KEYS = tuple(_KEYS)
_WITH_RESERVE = ("thp.enabled", "thp.shmem_enabled", "vm.min_free_kbytes")


def thp_knob(key: str, scope: str | None, tree: Tree = LIVE) -> FileKnob | None:
    """The knob of a `thp.` key, else None."""
    if key not in _KEYS or scope is not None:
        return None
    name, values = _KEYS[key]
    return FileKnob(key, f"{_DIRECTORY}/{name}", values, tree)


def thp_coupled(key: str, tree: Tree = LIVE) -> tuple[str, ...]:
    """What switches huge pages on and the kernel's reserve belong together."""
    del tree
    return _WITH_RESERVE if key in _WITH_RESERVE else (key,)

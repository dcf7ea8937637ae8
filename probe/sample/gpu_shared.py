"""The machine's memory as a GPU sees it that has none of its own (proc_meminfo(5))."""

from ..host import Host
from ..meminfo import parse_meminfo


def shared_memory(host: Host) -> dict[str, object]:
    """Kind, total and used bytes of memory that CPU and GPU share: what can be had without swapping is free."""
    counters = host.parsed("/proc/meminfo", parse_meminfo) or {}
    total, available = counters.get("MemTotal"), counters.get("MemAvailable")
    used = None if total is None or available is None else max(0, total - available)
    return {"memory_kind": "unified", "total_bytes": total, "used_bytes": used}

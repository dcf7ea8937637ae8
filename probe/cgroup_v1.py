"""Limits of control groups version 1: cpu.cfs_quota_us, cpuset.cpus, memory.limit_in_bytes.

Documentation/admin-guide/cgroup-v1/{cpusets,memory}.rst and Documentation/scheduler/sched-bwc.rst.
"""

from .cgroup_limits import CgroupMemory, Level, Quota, combine_levels, tightest_quota
from .cgroup_place import Place
from .host import Host
from .parse import parse_key_values

UNLIMITED_BYTES = 1 << 60
"""No limit reads as LONG_MAX rounded down to a page, 0x7ffffffffffff000 with 4 KiB pages."""
MAX_MICROSECONDS = 1 << 40


def read_quota(host: Host, place: Place) -> Quota | None:
    """The tightest CPU quota."""
    return tightest_quota(read_quotas(host, place))


def read_quotas(host: Host, place: Place) -> list[Quota]:
    """The CPU quotas of our group and its parents."""
    return [quota for d in place.directories if (quota := _quota_at(host, d)) is not None]


def _quota_at(host: Host, directory: str) -> Quota | None:
    quota = host.integer(f"{directory}/cpu.cfs_quota_us", -1, MAX_MICROSECONDS, optional=True)
    if quota is None or quota <= 0:
        return None
    period = host.integer(f"{directory}/cpu.cfs_period_us", 1, MAX_MICROSECONDS, optional=True)
    if period is None:
        return None
    stat = numbers(host.text(f"{directory}/cpu.stat", optional=True) or "")
    throttled_ns = stat.get("throttled_time")
    return Quota(
        cpus=quota / period,
        quota_us=quota,
        period_us=period,
        source=f"{directory}/cpu.cfs_quota_us",
        periods=stat.get("nr_periods"),
        throttled_periods=stat.get("nr_throttled"),
        throttled_us=None if throttled_ns is None else throttled_ns // 1000,
    )


def read_cpuset(host: Host, place: Place, what: str) -> tuple[int, ...] | None:
    """The CPUs (`cpus`) or memory nodes (`mems`) that the group may use, as hwloc reads them.

    The `effective` list differs only under the mount option cpuset_v2_mode; there an empty list means the parent's.
    """
    prefix = "" if place.noprefix else "cpuset."
    for directory in place.directories:
        for name in (f"{prefix}{what}", f"{prefix}effective_{what}"):
            listed = host.cpu_list(f"{directory}/{name}", optional=True)
            if listed:
                return listed
    return None


def read_memory(host: Host, place: Place) -> CgroupMemory | None:
    """The tightest memory limits."""
    levels = [level for d in place.directories if (level := _level(host, d)) is not None]
    return combine_levels(tuple(levels))


def _level(host: Host, directory: str) -> Level | None:
    source = f"{directory}/memory.limit_in_bytes"
    limit = host.integer(source, optional=True)
    if limit is None:
        return None
    stat = numbers(host.text(f"{directory}/memory.stat", optional=True) or "")
    # The kernel's own minimum over all parents, also those that a container cannot see.
    limit = min(limit, stat.get("hierarchical_memory_limit", limit))
    with_swap = host.integer(f"{directory}/memory.memsw.limit_in_bytes", optional=True)
    with_swap = None if with_swap is None else min(with_swap, stat.get("hierarchical_memsw_limit", with_swap))
    limited = limit < UNLIMITED_BYTES
    swap_limited = limited and with_swap is not None and with_swap < UNLIMITED_BYTES
    files = [stat.get(f"total_{name}") for name in ("inactive_file", "active_file")]
    oom = numbers(host.text(f"{directory}/memory.oom_control", optional=True) or "")
    return Level(
        limit_bytes=limit if limited else None,
        limit_source=source,
        high_bytes=None,
        high_source="",
        used_bytes=host.integer(f"{directory}/memory.usage_in_bytes", optional=True),
        reclaimable_bytes=None if None in files else sum(n for n in files if n is not None),
        swap_limit_bytes=max(0, with_swap - limit) if swap_limited and with_swap is not None else None,
        oom_kills=oom.get("oom_kill"),
    )


def numbers(text: str) -> dict[str, int]:
    """Lines of `key number`; others are passed over."""
    pairs = parse_key_values(text, " ")
    return {key: int(value) for key, value in pairs.items() if value.isascii() and value.isdigit() and len(value) < 21}

"""Limits of control groups version 2: cpu.max, cpuset.cpus.effective, memory.max, memory.high.

Documentation/admin-guide/cgroup-v2.rst.
"""

from .cgroup_limits import CgroupMemory, Level, Quota, combine_levels, tightest_quota
from .cgroup_place import Place
from .cgroup_v1 import MAX_MICROSECONDS, UNLIMITED_BYTES, numbers
from .host import Host
from .parse import parse_int
from .reading import Malformed


def read_quota(host: Host, place: Place) -> Quota | None:
    """The tightest CPU quota."""
    return tightest_quota(read_quotas(host, place))


def read_quotas(host: Host, place: Place) -> list[Quota]:
    """The CPU quotas of our group and its parents."""
    return [quota for d in place.directories if (quota := _quota_at(host, d)) is not None]


def parse_cpu_max(text: str) -> tuple[int, int] | None:
    """`50000 100000` -> quota and period in microseconds; `max 100000` -> None."""
    quota, _, period = text.partition(" ")
    period_us = parse_int(period or "100000", 1, MAX_MICROSECONDS)
    return None if quota == "max" else (parse_int(quota, 1, MAX_MICROSECONDS), period_us)


def _quota_at(host: Host, directory: str) -> Quota | None:
    limit = host.parsed(f"{directory}/cpu.max", parse_cpu_max, optional=True)
    if limit is None:
        return None
    stat = numbers(host.text(f"{directory}/cpu.stat", optional=True) or "")
    return Quota(
        cpus=limit[0] / limit[1],
        quota_us=limit[0],
        period_us=limit[1],
        source=f"{directory}/cpu.max",
        periods=stat.get("nr_periods"),
        throttled_periods=stat.get("nr_throttled"),
        throttled_us=stat.get("throttled_usec"),
    )


def read_cpuset(host: Host, place: Place, what: str) -> tuple[int, ...] | None:
    """The CPUs (`cpus`) or memory nodes (`mems`) that the group may use.

    Where the controller is not switched on for our group, its nearest parent with the file decides.
    """
    for directory in place.directories:
        for name in (f"cpuset.{what}.effective", f"cpuset.{what}"):
            listed = host.cpu_list(f"{directory}/{name}", optional=True)
            if listed:
                return listed
    return None


def read_memory(host: Host, place: Place) -> CgroupMemory | None:
    """The tightest memory limits."""
    levels = [level for d in place.directories if (level := _level(host, d)) is not None]
    return combine_levels(tuple(levels))


def parse_limit_bytes(text: str) -> int:
    """`max` or bytes; no limit is a number from UNLIMITED_BYTES on."""
    if text == "max":
        return UNLIMITED_BYTES
    try:
        return parse_int(text, 0)
    except Malformed:
        raise Malformed(f"neither max nor bytes: {text[:60]!r}") from None


def read_limit(host: Host, source: str) -> int | None:
    """A limit in bytes; None for none."""
    limit = host.parsed(source, parse_limit_bytes, optional=True)
    return None if limit is None or limit >= UNLIMITED_BYTES else limit


def _level(host: Host, directory: str) -> Level | None:
    used = host.integer(f"{directory}/memory.current", optional=True)
    limit, high = read_limit(host, f"{directory}/memory.max"), read_limit(host, f"{directory}/memory.high")
    if used is None and limit is None and high is None:
        return None
    stat = numbers(host.text(f"{directory}/memory.stat", optional=True) or "")
    files = [stat.get(name) for name in ("inactive_file", "active_file")]
    return Level(
        limit_bytes=limit,
        limit_source=f"{directory}/memory.max",
        high_bytes=high,
        high_source=f"{directory}/memory.high",
        used_bytes=used,
        reclaimable_bytes=None if None in files else sum(n for n in files if n is not None),
        swap_limit_bytes=read_limit(host, f"{directory}/memory.swap.max"),
        oom_kills=numbers(host.text(f"{directory}/memory.events", optional=True) or "").get("oom_kill"),
    )

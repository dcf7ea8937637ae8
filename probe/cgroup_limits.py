"""What a control group allows: the types that both versions' readers fill."""

from .reading import Reading


class Quota(Reading):
    """CPU time that is given per period; the tightest of our cgroup and its parents."""

    cpus: float
    """The quota in CPUs: 1.5 means 150 ms of CPU time in 100 ms."""
    quota_us: int
    period_us: int
    source: str
    """The file that holds it."""
    periods: int | None
    """Periods in which the group ran, since it was made."""
    throttled_periods: int | None
    """Periods in which it was stopped because the quota was spent."""
    throttled_us: int | None


class CgroupMemory(Reading):
    """Memory limits; the tightest of our cgroup and its parents."""

    limit_bytes: int | None
    """Above this the kernel reclaims, then kills."""
    limit_source: str | None
    high_bytes: int | None
    """Above this (version 2) the kernel slows the group down."""
    high_source: str | None
    used_bytes: int | None
    """By the group that holds the limit; by our own where there is none."""
    reclaimable_bytes: int | None
    """The part of it that is page cache and can be dropped."""
    available_bytes: int | None
    """What can still be taken under every limit; None where there is no limit."""
    swap_limit_bytes: int | None
    oom_kills: int | None
    """Processes killed for want of memory, in our cgroup and in the one that holds the limit, the larger number."""


class Level(Reading):
    """One cgroup's memory, as either version's files tell."""

    limit_bytes: int | None
    limit_source: str
    high_bytes: int | None
    high_source: str
    used_bytes: int | None
    reclaimable_bytes: int | None
    swap_limit_bytes: int | None
    oom_kills: int | None

    @property
    def tightest_bytes(self) -> int | None:
        """The lower of the two limits."""
        return min((n for n in (self.limit_bytes, self.high_bytes) if n is not None), default=None)

    @property
    def room_bytes(self) -> int | None:
        """What this level still admits."""
        tightest = self.tightest_bytes
        if tightest is None:
            return None
        return max(0, tightest - max(0, (self.used_bytes or 0) - (self.reclaimable_bytes or 0)))


def combine_levels(levels: tuple[Level, ...]) -> CgroupMemory | None:
    """The limits that bind: the smallest of all levels, ours first. None where no level tells anything."""
    if not levels:
        return None
    limited = min((n for n in levels if n.limit_bytes is not None), key=lambda n: n.limit_bytes or 0, default=None)
    slowed = min((n for n in levels if n.high_bytes is not None), key=lambda n: n.high_bytes or 0, default=None)
    told = limited or slowed or levels[0]
    swaps = [level.swap_limit_bytes for level in levels if level.swap_limit_bytes is not None]
    rooms = [room for level in levels if (room := level.room_bytes) is not None]
    kills = [level.oom_kills for level in (levels[0], told) if level.oom_kills is not None]
    return CgroupMemory(
        limit_bytes=limited.limit_bytes if limited else None,
        limit_source=limited.limit_source if limited else None,
        high_bytes=slowed.high_bytes if slowed else None,
        high_source=slowed.high_source if slowed else None,
        used_bytes=told.used_bytes,
        reclaimable_bytes=told.reclaimable_bytes,
        available_bytes=min(rooms, default=None),
        swap_limit_bytes=min(swaps, default=None),
        oom_kills=max(kills, default=None),
    )


def tightest_quota(quotas: list[Quota]) -> Quota | None:
    """The smallest quota."""
    return min(quotas, key=lambda quota: quota.cpus, default=None)

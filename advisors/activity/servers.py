"""What each server did between two moments."""

from ...probe.busy import TICKS_PER_S
from ...probe.sample.sample import CgroupMoment, ServerMoment
from .activity import ServerActivity
from .engine import engine_activity
from .rates import growth, rate
from .stalls import stall_shares


def server_activity(before: ServerMoment, now: ServerMoment, seconds: float) -> ServerActivity:
    """The rates of one process, which must be the same in both moments."""
    group = _same_group(before.cgroup, now.cgroup)
    old, new = group or (None, None)
    periods = growth(old.periods, new.periods) if old and new else None
    throttled = growth(old.throttled_periods, new.throttled_periods) if old and new else None
    return ServerActivity(
        pid=now.pid,
        cpus=_cpus(before, now, seconds),
        waiting_cpus=_waiting(before, now, seconds),
        major_faults_per_s=rate(before.major_faults, now.major_faults, seconds),
        read_bytes_per_s=rate(before.read_bytes, now.read_bytes, seconds),
        throttled_share=_throttled_share(periods, throttled),
        throttled_cpus=rate(old.throttled_us, new.throttled_us, seconds * 1_000_000) if old and new else None,
        refault_bytes_per_s=(
            rate(old.refaulted_file_bytes, new.refaulted_file_bytes, seconds) if old and new else None
        ),
        stalls=stall_shares(old.pressure if old else None, new.pressure if new else None, seconds),
        engine=engine_activity(before.endpoint, now.endpoint)
        if now.endpoint is not None and not now.endpoint.hangs and not now.stopped
        else None,
    )


def same_process(before: ServerMoment, now: ServerMoment) -> bool:
    """Whether two moments are of one process: its number alone may have gone to another."""
    return before.pid == now.pid and before.started_ticks == now.started_ticks


def _cpus(before: ServerMoment, now: ServerMoment, seconds: float) -> float | None:
    user = growth(before.user_ticks, now.user_ticks)
    system = growth(before.system_ticks, now.system_ticks)
    if user is None or system is None or seconds <= 0:
        return None
    return (user + system) / TICKS_PER_S / seconds


def _waiting(before: ServerMoment, now: ServerMoment, seconds: float) -> float | None:
    """Never more than it has threads, whatever a counter says."""
    found = rate(before.run_delay_us, now.run_delay_us, seconds * 1_000_000)
    return found if found is None or not now.threads else min(found, float(now.threads))


def _same_group(before: CgroupMoment | None, now: CgroupMoment | None) -> tuple[CgroupMoment, CgroupMoment] | None:
    """Both moments, unless the process was moved in between."""
    return (before, now) if before is not None and now is not None and before.path == now.path else None


def _throttled_share(periods: int | None, throttled: int | None) -> float | None:
    if periods is None or throttled is None:
        return None
    # A stretch without a period is one in which nothing of the group ran.
    return min(throttled / periods, 1.0) if periods else 0.0

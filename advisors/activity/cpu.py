"""What the processors did between two moments."""

from ...probe.sample.sample import CpuMoment
from .activity import CpuActivity


def cpu_activity(before: CpuMoment | None, now: CpuMoment | None, seconds: float) -> CpuActivity | None:
    """Shares of each CPU; None without both moments. CPUs that came, went or count backwards are left out."""
    if before is None or now is None or seconds <= 0:
        return None
    old = {ticks.cpu: ticks for ticks in before.ticks}
    shares: dict[int, float] = {}
    busy_cpus = iowait_cpus = steal_cpus = 0.0
    for ticks in now.ticks:
        last = old.get(ticks.cpu)
        if last is None:
            continue
        busy, idle, steal = ticks.busy - last.busy, ticks.idle - last.idle, ticks.steal - last.steal
        # Idle time alone may fall by a tick or two: the kernel adds up what it has not booked yet.
        idle = max(idle, 0)
        total = busy + idle + steal
        if busy < 0 or steal < 0:
            continue
        if total == 0:
            # A CPU without its timer tick books nothing for a while: the next moment tells.
            shares[ticks.cpu] = 0.0
            continue
        shares[ticks.cpu] = busy / total
        # By each CPU's own count of the time, for counters are read one after the other.
        busy_cpus += busy / total
        iowait_cpus += min(max(ticks.iowait - last.iowait, 0), idle) / total
        steal_cpus += steal / total
    return CpuActivity(busy_share=shares, busy_cpus=busy_cpus, iowait_cpus=iowait_cpus, steal_cpus=steal_cpus)

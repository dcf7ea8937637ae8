"""How busy the CPUs are: load, waiting tasks, time stolen by the hypervisor.

Reads /proc/loadavg and /proc/stat (proc(5)) and /proc/pressure/cpu (Documentation/accounting/psi.rst).
"""

import re

from .host import Host
from .pressure import parse_pressure
from .reading import Malformed, Reading

_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class Load(Reading):
    """How busy the CPUs are."""

    average_1min: float | None
    """Tasks that ran, waited for a CPU or for a disk, over the last minute."""
    running_tasks: int | None
    """Tasks that run or wait for a CPU at this moment, with the one that asks."""
    waiting_percent_10s: float | None
    """Share of the last ten seconds in which some task waited for a CPU (PSI)."""
    waiting_percent_300s: float | None
    steal_percent: float | None
    """CPU time since boot that the hypervisor gave to others, of the time that was wanted."""
    wanted_seconds: float | None
    """CPU time since boot that was not idle, by which the percentage is judged."""
    busy_cpus: float | None = None
    """CPUs' worth of time that others use now, of those that we may run on."""


def probe_load(host: Host) -> Load:
    """Read load and steal."""
    averages = host.parsed("/proc/loadavg", parse_loadavg, optional=True)
    times = host.parsed("/proc/stat", parse_cpu_times, optional=True) or {}
    pressure = host.parsed("/proc/pressure/cpu", parse_pressure, optional=True)
    waiting = pressure.some if pressure else None
    wanted = sum(ticks for name, ticks in times.items() if name not in ("idle", "iowait"))
    return Load(
        average_1min=averages[0] if averages else None,
        running_tasks=averages[1] if averages else None,
        waiting_percent_10s=waiting.avg10_percent if waiting else None,
        waiting_percent_300s=waiting.avg300_percent if waiting else None,
        steal_percent=round(100 * times["steal"] / wanted, 2) if wanted and "steal" in times else None,
        wanted_seconds=wanted / 100 if times else None,
    )


def parse_loadavg(text: str) -> tuple[float, int]:
    """`0.42 0.30 0.20 2/300 4711` -> the average of one minute and the runnable tasks."""
    match = re.match(r"(\d{1,7}\.\d\d) \d{1,7}\.\d\d \d{1,7}\.\d\d (\d{1,7})/\d", text, re.ASCII)
    if not match:
        raise Malformed(f"not a load average: {text[:60]!r}")
    return float(match[1]), int(match[2])


def parse_cpu_times(text: str) -> dict[str, int]:
    """The first line of /proc/stat -> name -> ticks (hundredths of a second on every Linux that is used)."""
    match = re.match(r"cpu((?: +\d{1,20}){4,})", text, re.ASCII)
    if not match:
        raise Malformed(f"no line of CPU times: {text[:60]!r}")
    return dict(zip(_TIMES, map(int, match[1].split()), strict=False))

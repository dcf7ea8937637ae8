"""Heat: how often CPUs were slowed down for it, temperatures, and cooling that slows CPUs now.

Reads /sys/devices/system/cpu/cpu*/thermal_throttle (x86, Documentation/ABI/testing/sysfs-devices-system-cpu) and
/sys/class/thermal (Documentation/driver-api/thermal/sysfs-api.rst).
"""

from .host import Host
from .parse import parse_cpu_list, parse_uptime
from .reading import Reading

CPU_DIR = "/sys/devices/system/cpu"
THERMAL_DIR = "/sys/class/thermal"
MAX_ZONES = 32
MAX_COOLERS = 64
MAX_COUNT = 1 << 62


class Zone(Reading):
    """One temperature."""

    name: str
    temperature_mc: int | None
    """Thousandths of a degree Celsius."""


class Cooler(Reading):
    """A cooling device that slows CPUs down at this moment."""

    name: str
    state: int
    max_state: int | None


class Thermal(Reading):
    """Heat and what it costs."""

    core_throttle_count: int | None
    """Throttling events of all cores since boot; None where the kernel does not count them."""
    package_throttle_count: int | None
    """The same of whole sockets."""
    package_throttle_ms: int | None
    """How long the sockets were throttled since boot, the longest."""
    uptime_s: float | None
    """Since boot, to judge the counts by."""
    zones: tuple[Zone, ...]
    coolers: tuple[Cooler, ...]


def probe_thermal(host: Host) -> Thermal:
    """Read throttling counts and temperatures."""
    cpus = tuple(host.numbered(CPU_DIR, "cpu"))
    # Offline CPUs lose the directory, so a look at two decides for machines without it.
    cpus = cpus if any(host.exists(f"{CPU_DIR}/cpu{cpu}/thermal_throttle") for cpu in cpus[:2]) else ()
    packages = _leaders(host, cpus, "package_cpus_list", "core_siblings_list")
    times = [_count(host, cpu, "package_throttle_total_time_ms") for cpu in packages]
    zones = list(host.numbered(THERMAL_DIR, "thermal_zone").values())[:MAX_ZONES]
    coolers = list(host.numbered(THERMAL_DIR, "cooling_device").values())[:MAX_COOLERS]
    return Thermal(
        core_throttle_count=_total(
            host, _leaders(host, cpus, "core_cpus_list", "thread_siblings_list"), "core_throttle_count"
        ),
        package_throttle_count=_total(host, packages, "package_throttle_count"),
        package_throttle_ms=max((time for time in times if time is not None), default=None),
        uptime_s=host.parsed("/proc/uptime", parse_uptime, optional=True),
        zones=tuple(_zone(host, path) for path in zones),
        coolers=tuple(cooler for path in coolers if (cooler := _cooler(host, path)) is not None),
    )


def _leaders(host: Host, cpus: tuple[int, ...], *files: str) -> list[int]:
    """The first CPU of each core or socket: its siblings show the same count."""
    leaders: list[int] = []
    covered: set[int] = set()
    for cpu in cpus:
        if cpu in covered:
            continue
        leaders.append(cpu)
        for name in files:
            listed = host.parsed(f"{CPU_DIR}/cpu{cpu}/topology/{name}", parse_cpu_list, optional=True)
            if listed:
                covered.update(listed)
                break
    return leaders


def _count(host: Host, cpu: int, name: str) -> int | None:
    return host.integer(f"{CPU_DIR}/cpu{cpu}/thermal_throttle/{name}", 0, MAX_COUNT, optional=True)


def _total(host: Host, cpus: list[int], name: str) -> int | None:
    counts = [count for cpu in cpus if (count := _count(host, cpu, name)) is not None]
    return sum(counts) if counts else None


def _zone(host: Host, path: str) -> Zone:
    # A sensor that is off (a modem, a Wi-Fi card) answers with an error: no reading, and no fault of this machine.
    return Zone(
        name=host.text(f"{path}/type", optional=True) or path.rpartition("/")[2],
        temperature_mc=host.integer(f"{path}/temp", -100_000, 300_000, optional=True),
    )


def _cooler(host: Host, path: str) -> Cooler | None:
    name = host.text(f"{path}/type", optional=True) or ""
    if not name.lower().startswith(("cpu", "processor", "intel_powerclamp")):
        return None
    state = host.integer(f"{path}/cur_state", -1, optional=True)
    if not state or state < 0:
        return None
    return Cooler(name=name, state=state, max_state=host.integer(f"{path}/max_state", optional=True))

"""Others that tune this machine: daemons that run or are enabled, TuneD's profile, sysctl files."""

from .host import Host
from .reading import Reading
from .sysctl_files import SysctlLine, read_sysctl_files

DAEMONS = (
    "auto-cpufreq",
    "irqbalance",
    "ksmtuned",
    "numad",
    "nvidia-persiste",  # Linux cuts process names at 15 characters.
    "power-profiles-",
    "saptune",
    "sapconf",
    "thermald",
    "tlp",
    "tuned",
    "tuned-ppd",
)
UNITS = (
    "auto-cpufreq.service",
    "cpupower.service",
    "irqbalance.service",
    "ksmtuned.service",
    "numad.service",
    "nvidia-persistenced.service",
    "power-profiles-daemon.service",
    "sapconf.service",
    "saptune.service",
    "thermald.service",
    "tlp.service",
    "tuned.service",
)
WANTS = ("multi-user.target.wants", "graphical.target.wants", "basic.target.wants", "sysinit.target.wants")
FULL_NAMES = {"nvidia-persiste": "nvidia-persistenced", "power-profiles-": "power-profiles-daemon"}


class Daemon(Reading):
    """A running process that tunes the machine."""

    name: str
    pid: int


class Tuning(Reading):
    """Who else changes settings here."""

    daemons: tuple[Daemon, ...] | None
    """None where other users' processes cannot be seen."""
    enabled_units: tuple[str, ...]
    """systemd units that start at boot."""
    tuned_profile: str | None
    sysctl_lines: tuple[SysctlLine, ...] | None
    """None where the machine's /etc cannot be seen."""


def probe_tuning(host: Host) -> Tuning:
    """Look for them."""
    return Tuning(
        daemons=_daemons(host) if host.exists("/proc/1") else None,
        enabled_units=_enabled_units(host),
        tuned_profile=host.text("/etc/tuned/active_profile", optional=True) or None,
        sysctl_lines=read_sysctl_files(host) if host.exists("/etc") else None,
    )


def _daemons(host: Host) -> tuple[Daemon, ...]:
    # TuneD and auto-cpufreq are Python programs: their names stand in the arguments.
    names = "|".join(DAEMONS)
    found = []
    for pid in host.processes(rf"^(?:{names})$|^(?:\S*/)?python[0-9.]*(?: -\S+)* \S*/(?:tuned|auto-cpufreq)\b"):
        name = host.text(f"/proc/{pid}/comm", optional=True) or ""
        if name not in DAEMONS:
            last = [argument.rpartition("/")[2] for argument in host.arguments(pid)]
            name = next((part for part in last if part in DAEMONS), "")
        if name:
            found.append(Daemon(name=FULL_NAMES.get(name, name), pid=pid))
    return tuple(found)


def _enabled_units(host: Host) -> tuple[str, ...]:
    listed = {name for wants in WANTS for name in host.names(f"/etc/systemd/system/{wants}")}
    return tuple(unit for unit in UNITS if unit in listed)

"""Who else decides over settings: a program that tunes, the host of a container. Named, not fought."""

from dataclasses import dataclass

from ...probe.snapshot import Snapshot
from ..checks.kernel import FIGHTING

_CLOCKS = ("cpu.governor", "cpu.energy_preference", "cpu.boost", "cpu.min_khz", "cpu.max_khz")


@dataclass(frozen=True)
class Owner:
    """A program that writes settings while it runs."""

    daemon: str
    keys: tuple[str, ...]
    """Starts of the keys that it writes."""
    ask: str
    """What to do instead."""


OWNERS = (
    Owner(
        "tuned",
        (*_CLOCKS, "block.read_ahead_kb", "thp.", "vm.dirty", "vm.swappiness", "kernel.numa_balancing"),
        "choose a profile of it (sudo tuned-adm profile throughput-performance), or stop it first (sudo tuned-adm off)",
    ),
    Owner("power-profiles-daemon", _CLOCKS[:3], "tell it instead: powerprofilesctl set performance"),
    Owner(
        "tlp", (*_CLOCKS, "pci.runtime_power", "block.scheduler"), "change it in /etc/tlp.conf, then: sudo tlp start"
    ),
    Owner("auto-cpufreq", _CLOCKS, "tell it instead: sudo auto-cpufreq --force=performance"),
    Owner("saptune", ("vm.", "kernel.numa_balancing", "thp.", "cpu.governor", "cpu.energy"), "change its note instead"),
    Owner("sapconf", ("vm.", "kernel.numa_balancing", "thp.", "cpu.governor", "cpu.energy"), "change its file instead"),
    Owner("thermald", ("cpu.max_khz",), "it lowers the limit against heat and raises it again: leave it that"),
    Owner(
        "numad", ("kernel.numa_balancing",), "it moves programs between nodes; stop it first where servers are pinned"
    ),
)
"""What each writes is from its own documentation: tuned.conf(5) and TuneD's profiles, tlp.conf, and so on."""
_WRITES_ONCE = {"cpupower.service": "sets clocks at boot", "saptune.service": "sets sysctls at boot"}


def owner_of(snapshot: Snapshot, key: str) -> str | None:
    """Why a setting is not ours to make, or None."""
    for owner in _running(snapshot):
        if key.startswith(owner.keys):
            return f"{owner.daemon} runs and sets it: {owner.ask}"
    return None


def conflicts(snapshot: Snapshot) -> tuple[str, ...]:
    """The programs that set the same, each with what it owns."""
    found = []
    kind = snapshot.container.kind
    if kind not in ("none", "wsl"):
        # Whether the container may write them apply sees; it cannot see who else is concerned.
        found.append(
            f"this is a container ({kind}): settings of the kernel are the host's, and those of all that runs there; "
            "run llmtune on the host"
        )
    for owner in _running(snapshot):
        profile = snapshot.tuning.tuned_profile if owner.daemon == "tuned" else None
        named = f"{owner.daemon} (profile {profile})" if profile else owner.daemon
        found.append(f"{named} runs and sets {', '.join(_short(key) for key in owner.keys)}; these are left to it")
    running = {owner.daemon for owner in _running(snapshot)}
    for unit in snapshot.tuning.enabled_units:
        name = unit.removesuffix(".service")
        if name not in running and (name in FIGHTING or unit in _WRITES_ONCE):
            does = _WRITES_ONCE.get(unit, "starts at boot and sets the same")
            found.append(f"{unit} {does}: of it and what --persist brings back, the later one wins")
    return tuple(found)


def _running(snapshot: Snapshot) -> list[Owner]:
    names = {daemon.name for daemon in snapshot.tuning.daemons or ()}
    names |= {"power-profiles-daemon"} if "tuned-ppd" in names and "tuned" not in names else set()
    return [owner for owner in OWNERS if owner.daemon in names]


def _short(key: str) -> str:
    return f"{key}*" if key.endswith(".") or key == "vm.dirty" else key

"""Clocks and idle states of CPUs: cpufreq policies, boost, cpuidle limits.

These files are what `cpupower` writes. The governor is chosen before the energy preference: intel_pstate refuses any
preference but `performance` while that governor is on, and the kernel brings the saved one back when it is left.
"""

import re
from dataclasses import dataclass

from .kernel_file import LIVE, FileKnob, Tree
from .knob import Refused
from .values import Integer, Values, Word

_POLICY = re.compile(r"policy(\d{1,5})\Z", re.ASCII)
_STATE = re.compile(r"cpu(\d{1,5})\.state(\d{1,2})\Z", re.ASCII)
_CPUS = "/sys/devices/system/cpu"
_POLICIES = f"{_CPUS}/cpufreq"
_MOST_KHZ = 100_000_000
_OF_POLICY = {
    "cpu.governor": "scaling_governor",
    "cpu.energy_preference": "energy_performance_preference",
    "cpu.min_khz": "scaling_min_freq",
    "cpu.max_khz": "scaling_max_freq",
}
"""In the order in which they are written."""
_OFFERED = {
    "cpu.governor": "scaling_available_governors",
    "cpu.energy_preference": "energy_performance_available_preferences",
}
_SHOWN = {
    "cpu.governor": "cpupower -c {cpus} frequency-set -g {{}}",
    "cpu.min_khz": "cpupower -c {cpus} frequency-set -d {{}}",
    "cpu.max_khz": "cpupower -c {cpus} frequency-set -u {{}}",
}
POLICY_KEYS = tuple(_OF_POLICY)


@dataclass(frozen=True)
class _Offered(Word):
    """A word that the kernel lists in another file."""

    def holds(self, value: str) -> bool:
        """A preference may also be a number from 0 to 255."""
        return Word().holds(value)


@dataclass(frozen=True)
class _Frequency(Integer):
    """A frequency that the driver may round to one of its steps, within its limits."""

    def matches(self, asked: str, found: str) -> bool:
        """Within a step of 100 MHz."""
        return self.holds(asked) and self.holds(found) and abs(int(asked) - int(found)) <= 100_000


def cpu_knob(key: str, scope: str | None, tree: Tree = LIVE) -> FileKnob | None:
    """The knob of a `cpu.` key, else None; raises `Refused`."""
    if key == "cpu.boost" and scope is None:
        return _boost(tree)
    if key == "cpu.idle_disable" and scope is not None and (state := _STATE.match(scope)):
        cpu, number = state[1], state[2]
        path = f"{_CPUS}/cpu{cpu}/cpuidle/state{number}/disable"
        return FileKnob(f"{key}@{scope}", path, Integer(0, 1), tree)
    if key not in _OF_POLICY or scope is None or not _POLICY.match(scope):
        return None
    directory = f"{_POLICIES}/{scope}"
    shown = _SHOWN.get(key)
    if shown is not None:
        shown = shown.format(cpus=",".join((tree.text(f"{directory}/affected_cpus") or scope[6:]).split()))
    return FileKnob(
        f"{key}@{scope}",
        f"{directory}/{_OF_POLICY[key]}",
        _values(key, directory, tree),
        tree,
        shown,
        belongs_to=directory,
    )


def _values(key: str, directory: str, tree: Tree) -> Values:
    if key in _OFFERED:
        listed = tuple((tree.text(f"{directory}/{_OFFERED[key]}") or "").split())
        return _Offered(listed)
    low, high = (tree.text(f"{directory}/cpuinfo_{end}_freq") or "" for end in ("min", "max"))
    if low.isdigit() and high.isdigit():
        return _Frequency(int(low), int(high), "kHz")
    return _Frequency(1, _MOST_KHZ, "kHz")


def _boost(tree: Tree) -> FileKnob:
    if tree.exists(f"{_CPUS}/intel_pstate/no_turbo"):
        return _NoTurbo("cpu.boost", f"{_CPUS}/intel_pstate/no_turbo", Integer(0, 1), tree, "cpupower set -b {}")
    return FileKnob("cpu.boost", f"{_POLICIES}/boost", Integer(0, 1), tree, "cpupower set -b {}")


class _NoTurbo(FileKnob):
    """intel_pstate's file says the opposite: 1 is no boost."""

    plain = False

    def read(self) -> str:
        """1 where the CPU may boost."""
        return _opposite(super().read())

    def write(self, value: str) -> None:
        """Write the opposite."""
        super().write(_opposite(value))


def _opposite(value: str) -> str:
    if value not in ("0", "1"):
        raise Refused("cpu.boost: it must be 0 or 1")
    return "1" if value == "0" else "0"


def cpu_coupled(key: str, tree: Tree = LIVE) -> tuple[str, ...]:
    """A governor brings its own preference and limits; switching boost moves every policy's upper limit."""
    name, _, scope = key.partition("@")
    if name == "cpu.governor":
        present = (item for item, file in _OF_POLICY.items() if tree.exists(f"{_POLICIES}/{scope}/{file}"))
        return tuple(dict.fromkeys((key, *(f"{item}@{scope}" for item in present))))
    if name == "cpu.boost":
        return (key, *(f"cpu.max_khz@{policy}" for policy in policies(tree)))
    return (key,)


def policies(tree: Tree = LIVE) -> list[str]:
    """The names of the cpufreq policies, in natural order."""
    found = [name for name in tree.names(_POLICIES) if _POLICY.match(name)]
    return sorted(found, key=lambda name: int(name[6:]))


def idle_states(tree: Tree = LIVE) -> list[str]:
    """Every idle state that can be switched off, as `cpu0.state2`."""
    found = []
    for cpu in tree.names(_CPUS):
        if cpu.startswith("cpu") and cpu[3:].isdigit():
            states = tree.names(f"{_CPUS}/{cpu}/cpuidle")
            found += [f"{cpu}.{state}" for state in states if _STATE.match(f"{cpu}.{state}")]
    return found

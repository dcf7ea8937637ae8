"""Idle states of the CPUs: driver, governor, states.

Reads /sys/devices/system/cpu/cpuidle and the states of one CPU (Documentation/admin-guide/pm/cpuidle.rst).
"""

from .host import Host
from .reading import Reading

CPU_DIR = "/sys/devices/system/cpu"
MAX_LATENCY_US = 10_000_000
MAX_STATES = 16


class IdleState(Reading):
    """One idle state."""

    name: str
    latency_us: int | None
    """The time to wake up from it."""
    disabled: bool | None


class CpuIdle(Reading):
    """How CPUs rest."""

    driver: str | None
    governor: str | None
    cpu: int | None
    """Whose states these are; the others' are alike but for other core kinds."""
    states: tuple[IdleState, ...]
    """Shallowest first; empty where the CPU only halts."""


def probe_cpuidle(host: Host) -> CpuIdle:
    """Read the idle states of the first CPU that has any."""
    cpu, states = _first_states(host)
    driver = host.text(f"{CPU_DIR}/cpuidle/current_driver", optional=True)
    governor = host.text(f"{CPU_DIR}/cpuidle/current_governor", optional=True)
    return CpuIdle(
        driver=None if driver in (None, "", "none") else driver,
        governor=governor or host.text(f"{CPU_DIR}/cpuidle/current_governor_ro", optional=True) or None,
        cpu=cpu,
        states=states,
    )


def _first_states(host: Host) -> tuple[int | None, tuple[IdleState, ...]]:
    for cpu, path in list(host.numbered(CPU_DIR, "cpu").items())[:2]:
        directories = list(host.numbered(f"{path}/cpuidle", "state").items())[:MAX_STATES]
        states = tuple(_state(host, number, directory) for number, directory in directories)
        if states:
            return cpu, states
    return None, ()


def _state(host: Host, number: int, directory: str) -> IdleState:
    disabled = host.integer(f"{directory}/disable", optional=True)
    return IdleState(
        name=host.text(f"{directory}/name", optional=True) or f"state{number}",
        latency_us=host.integer(f"{directory}/latency", 0, MAX_LATENCY_US, optional=True),
        disabled=None if disabled is None else disabled != 0,
    )

"""Why an NVIDIA GPU does not run at full clock, in words.

Source: NVML API reference, nvmlClocksEventReasons; nvidia-smi prints the same reasons under names of its own.
"""

from typing import NamedTuple


class ClockEvent(NamedTuple):
    """One reason."""

    bit: int
    smi_name: str
    words: str
    harmful: bool
    """It costs speed under load; idleness and a user's own clock setting do not count."""


CLOCK_EVENTS: tuple[ClockEvent, ...] = (
    ClockEvent(0x001, "gpu_idle", "idle", harmful=False),
    ClockEvent(0x002, "applications_clocks_setting", "application clocks setting", harmful=False),
    ClockEvent(0x004, "sw_power_cap", "power limit", harmful=True),
    ClockEvent(0x008, "hw_slowdown", "hardware slowdown", harmful=True),
    ClockEvent(0x010, "sync_boost", "sync boost with other GPUs", harmful=False),
    ClockEvent(0x020, "sw_thermal_slowdown", "heat (driver)", harmful=True),
    ClockEvent(0x040, "hw_thermal_slowdown", "heat (hardware)", harmful=True),
    ClockEvent(0x080, "hw_power_brake_slowdown", "power brake from the power supply", harmful=True),
    ClockEvent(0x100, "display_clocks_setting", "display clock setting", harmful=False),
)

"""What NVML's numbers mean, in words (nvml.h of CUDA 13.0; nvidia-smi(1) for what its output calls them)."""

from collections.abc import Iterable

ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}

THROTTLE_BITS = {
    0x1: "gpu_idle",
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clocks_setting",
    0x200: "board_limit",
    0x400: "reliability",
}
"""Bits of nvmlDeviceGetCurrentClocksEventReasons, by the names that nvidia-smi's XML gives them."""

# A GPU under full load runs at its power limit by design, so the power cap is no fault; a limit that was set below
# the default is judged by itself. A hardware slowdown halves the clocks or worse.
THROTTLE_WORDS = {
    "gpu_idle": ("idle", False),
    "applications_clocks_setting": ("clocks set by a user", False),
    "sw_power_cap": ("at its power limit", False),
    "hw_slowdown": ("hardware slowdown", True),
    "sync_boost": ("held to the slowest GPU of a sync boost group", False),
    "sw_thermal_slowdown": ("too hot, slowed by the driver", True),
    "hw_thermal_slowdown": ("too hot, slowed by the hardware", True),
    "hw_power_brake_slowdown": ("power brake from the power supply or the board", True),
    "display_clocks_setting": ("clocks set for the display", False),
    "board_limit": ("board limit", False),
    "reliability": ("voltage limit", False),
}
"""Name -> what it says, and whether it costs speed that the card should give."""

IDLE_WORDS = THROTTLE_WORDS["gpu_idle"][0]
POWER_CAP_WORDS = THROTTLE_WORDS["sw_power_cap"][0]
HARDWARE_SLOWDOWN_WORDS = THROTTLE_WORDS["hw_slowdown"][0]

TOPOLOGY_WORDS = {
    0: "same board",
    10: "same switch",
    20: "several switches",
    30: "same root",
    40: "same NUMA node",
    50: "across NUMA nodes",
}
"""nvmlGpuTopologyLevel_t: the PCIe way between two GPUs."""

NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
VERSION_MISMATCH = 18
"""Error codes (nvmlReturn_t) on which something hangs."""


def throttle_names(reasons: int) -> tuple[str, ...]:
    """The names of the bits that are set; bits that no header names are passed over."""
    return tuple(name for bit, name in THROTTLE_BITS.items() if reasons & bit)


def throttle_words(names: Iterable[str]) -> tuple[str, ...]:
    """All reasons in words."""
    return tuple(THROTTLE_WORDS[name][0] for name in names)


def harmful_words(names: Iterable[str]) -> tuple[str, ...]:
    """The harmful ones in words; the general hardware slowdown only where no reason for it is told."""
    harmful = [THROTTLE_WORDS[name][0] for name in names if THROTTLE_WORDS[name][1]]
    told = [words for words in harmful if words != HARDWARE_SLOWDOWN_WORDS]
    return tuple(told or harmful)

"""What NVML's numbers mean, in words (nvml.h of CUDA 13.0; nvidia-smi(1) for what its output calls them)."""

from .throttle import CLOCK_EVENTS

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


def throttle_words(reasons: int) -> tuple[str, ...]:
    """All reasons in a mask, in words; bits that no header names are passed over."""
    return tuple(event.words for event in CLOCK_EVENTS if reasons & event.bit)


def harmful_words(reasons: int) -> tuple[str, ...]:
    """Those of them that cost speed under load."""
    return tuple(event.words for event in CLOCK_EVENTS if reasons & event.bit and event.harmful)

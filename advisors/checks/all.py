"""Every check of `doctor`, in the order of its output. A new check is a function and an entry in its topic's tuple."""

from ..finding import Check
from . import (
    builds,
    containers,
    cpu,
    dimms,
    gpu_amd,
    gpu_nvidia,
    gpu_place,
    gpu_setup,
    kernel,
    limits,
    measured,
    memory,
    numa,
    power,
    scheduling,
    storage,
    swap,
)

CHECKS: tuple[Check, ...] = (
    *cpu.CHECKS,
    *scheduling.CHECKS,
    *power.CHECKS,
    *numa.CHECKS,
    *memory.CHECKS,
    *swap.CHECKS,
    *dimms.CHECKS,
    *measured.MEMORY_CHECKS,
    *containers.CHECKS,
    *limits.CHECKS,
    *storage.CHECKS,
    *gpu_setup.CHECKS,
    *gpu_place.CHECKS,
    *gpu_nvidia.CHECKS,
    *gpu_amd.CHECKS,
    *builds.CHECKS,
    *kernel.CHECKS,
)

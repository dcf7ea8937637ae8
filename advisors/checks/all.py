"""Every check of `doctor`, in the order of its output. A new check is one function and one line in its topic's tuple."""

from ..finding import Check
from . import containers, cpu, measured, power, scheduling, storage

CHECKS: tuple[Check, ...] = (
    *cpu.CHECKS,
    *scheduling.CHECKS,
    *power.CHECKS,
    *containers.CHECKS,
    *measured.MEMORY_CHECKS,  # Beside the other checks of memory.
    *storage.CHECKS,
)

"""Every check of `doctor`, in the order of its output. A new check is one function and one line in its topic's tuple."""

from ..finding import Check
from . import cpu

CHECKS: tuple[Check, ...] = (
    *cpu.CHECKS,
)

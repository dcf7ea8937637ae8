"""How long tasks have waited for CPU, memory and drives (Documentation/accounting/psi.rst)."""

from ..host import Host
from ..pressure import parse_pressure
from .sample import PressureMoment, StallTotals

MACHINE_DIR = "/proc/pressure"


def read_pressure(host: Host, directory: str = MACHINE_DIR) -> PressureMoment:
    """The machine's totals, or those of the control group (version 2) at `directory`."""
    suffix = "" if directory == MACHINE_DIR else ".pressure"
    cpu, memory, io = (_totals(host, f"{directory}/{name}{suffix}") for name in ("cpu", "memory", "io"))
    return PressureMoment(cpu=cpu, memory=memory, io=io)


def _totals(host: Host, path: str) -> StallTotals | None:
    told = host.parsed(path, parse_pressure, optional=True)
    if told is None or told.some is None:
        return None
    return StallTotals(told.some.total_us, told.full.total_us if told.full else None)

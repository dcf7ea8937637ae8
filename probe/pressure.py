"""Pressure stall information, from /proc/pressure (Documentation/accounting/psi.rst)."""

import re

from .host import Host
from .reading import Malformed, Reading

_LINE = re.compile(
    r"^(some|full) avg10=([0-9.]{1,8}) avg60=([0-9.]{1,8}) avg300=([0-9.]{1,8}) total=([0-9]{1,20})$", re.M
)


class Stall(Reading):
    """Share of time in which tasks waited, in percent."""

    avg10_percent: float
    avg60_percent: float
    avg300_percent: float
    total_us: int
    """Since boot."""


class Pressure(Reading):
    """One resource."""

    some: Stall | None
    """Some task waited."""
    full: Stall | None
    """All tasks that were not idle waited."""


class Pressures(Reading):
    """All resources; None where the kernel has no PSI."""

    memory: Pressure | None
    io: Pressure | None


def read_pressures(host: Host) -> Pressures:
    """Read memory and io; the CPU's is part of the load."""
    return Pressures(
        memory=host.parsed("/proc/pressure/memory", parse_pressure, optional=True),
        io=host.parsed("/proc/pressure/io", parse_pressure, optional=True),
    )


def parse_pressure(text: str) -> Pressure:
    """The one or two lines of a pressure file."""
    stalls: dict[str, Stall] = {}
    try:
        for kind, avg10, avg60, avg300, total in _LINE.findall(text):
            stalls[kind] = Stall(
                avg10_percent=float(avg10),
                avg60_percent=float(avg60),
                avg300_percent=float(avg300),
                total_us=int(total),
            )
    except ValueError:
        raise Malformed(f"not a pressure: {text[:60]!r}") from None
    if not stalls:
        raise Malformed(f"not a pressure: {text[:60]!r}")
    return Pressure(some=stalls.get("some"), full=stalls.get("full"))

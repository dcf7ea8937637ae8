"""CPUs' worth of time that others use now: /proc/stat at two moments, without our own share (proc_stat(5)).

Load averages look a minute back; threads are chosen for this moment.
"""

import re
from collections.abc import Mapping, Sequence

from .host import Host
from .reading import Malformed, Reading

TICKS_PER_S = 100
"""USER_HZ on every Linux that is used."""
_CONFIRM_S = 0.3
_SUSPICIOUS_CPUS = 0.3
_SUSPICIOUS_TICKS = 3
"""Fewer are within the error of counting by ticks."""
_START, _END, _CONFIRMED = 11, 12, 13
"""Moments apart from those of the disks' sample."""


class BusySample(Reading):
    """The first reading."""

    clock_s: float | None
    ticks: dict[int, int] | None
    """Time not idle by CPU, the hypervisor's share included."""
    own_ticks: int


def start_busy_sample(host: Host) -> BusySample:
    """Take the first reading. Call it before the other probes."""
    return _read(host, _START)


def finish_busy_sample(host: Host, start: BusySample, cpus: Sequence[int]) -> float | None:
    """How many of `cpus` others keep busy; None where it cannot be told.

    The time that the other probes took is short: what looks busy in it is watched once more before it is believed.
    """
    end = _read(host, _END)
    busy = _busy(start, end, cpus)
    if busy is None or busy < _SUSPICIOUS_CPUS or busy * _elapsed(start, end) * TICKS_PER_S < _SUSPICIOUS_TICKS:
        return busy if busy is None else min(busy, _SUSPICIOUS_CPUS)
    host.wait(_CONFIRM_S, _CONFIRMED)
    return _busy(end, _read(host, _CONFIRMED), cpus) or 0.0


def _read(host: Host, moment: int) -> BusySample:
    text = host.text("/proc/stat", optional=True, moment=moment)
    own = host.text("/proc/self/stat", optional=True, moment=moment)
    try:
        ticks = parse_busy_ticks(text) if text else None
    except Malformed as why:
        host.note_gap("/proc/stat", why)
        ticks = None
    return BusySample(clock_s=host.clock(moment) if ticks else None, ticks=ticks, own_ticks=parse_own_ticks(own or ""))


def parse_busy_ticks(text: str) -> dict[int, int]:
    """The lines `cpu0 ...` of /proc/stat -> CPU -> ticks that were neither idle nor waiting for a disk."""
    ticks = {}
    for match in re.finditer(r"^cpu(\d{1,5})((?: \d{1,20}){4,10})", text, re.ASCII | re.MULTILINE):
        user, nice, system, _idle, *rest = map(int, match[2].split())
        # After iowait: irq, softirq, steal. Guests' time is in user and nice already.
        ticks[int(match[1])] = user + nice + system + sum(rest[1:4])
    if not ticks:
        raise Malformed("no line of CPU times")
    return ticks


def parse_own_ticks(text: str) -> int:
    """Utime + stime of /proc/self/stat; 0 where it does not say."""
    fields = text.rpartition(")")[2].split()
    return (
        sum(int(field) for field in fields[11:13]) if len(fields) > 13 and all(map(str.isdigit, fields[11:13])) else 0
    )


def _busy(before: BusySample, after: BusySample, cpus: Sequence[int]) -> float | None:
    if before.ticks is None or after.ticks is None or before.clock_s is None or after.clock_s is None:
        return None
    seconds = after.clock_s - before.clock_s
    if seconds <= 0:
        return None
    spent = _spent(before.ticks, after.ticks, cpus) - (after.own_ticks - before.own_ticks)
    return round(max(spent, 0) / TICKS_PER_S / seconds, 2)


def _elapsed(before: BusySample, after: BusySample) -> float:
    return (after.clock_s or 0.0) - (before.clock_s or 0.0)


def _spent(before: Mapping[int, int], after: Mapping[int, int], cpus: Sequence[int]) -> int:
    return sum(max(after[cpu] - before[cpu], 0) for cpu in cpus if cpu in before and cpu in after)

"""Disk counters and the rates between two moments, as `iostat -x` computes them.

Reads /proc/diskstats (Documentation/admin-guide/iostats.rst) and /proc/uptime. A sample is opened before the other
probes run and closed after them, so that it costs little time of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .host import Host
from .parse import parse_uptime
from .reading import Malformed, Reading

DISKSTATS = "/proc/diskstats"
SECTOR_BYTES = 512
"""Always, whatever the device's own sector size (block/stat.rst)."""
MAX_LINES = 20_000
SAMPLE_SECONDS = 0.1
"""The shortest sample worth having: the kernel counts busy time in ticks of 1 to 10 ms."""
MAX_INTERVAL_SECONDS = 3600.0

_START, _BEFORE_WAIT, _END = 1, 2, 3
"""The moments of a sample's clock reads, see `Host.clock`."""


class Counters(NamedTuple):
    """What one device did since boot."""

    reads: int
    sectors_read: int
    read_ms: int
    writes: int
    sectors_written: int
    write_ms: int
    in_flight: int
    busy_ms: int
    weighted_ms: int


class Rates(Reading):
    """Activity of one device over a stretch of time."""

    seconds: float
    reads_per_s: float
    writes_per_s: float
    read_bytes_per_s: float
    write_bytes_per_s: float
    read_await_ms: float | None
    """Mean time of a read, queueing included; None where there was none."""
    write_await_ms: float | None
    queue_length: float
    """Mean number of requests under way (iostat: aqu-sz)."""
    util_percent: float
    """Share of the time with a request under way. 100 is not the limit of what drives that work in parallel can do."""


@dataclass(frozen=True)
class DiskSample:
    """The first moment of a sample; None where the machine has no clock or no counters (a directory tree)."""

    counters: Mapping[str, Counters] | None
    clock_s: float | None


def start_disk_sample(host: Host) -> DiskSample:
    """Take the first reading. Call it before the other probes."""
    return DiskSample(_read(host, _START), host.clock(_START))


def finish_disk_sample(host: Host, start: DiskSample, interval_s: float = SAMPLE_SECONDS) -> Mapping[str, Rates]:
    """Rates by device since `start`, after waiting until `interval_s` have passed; empty where there is no sample."""
    before_wait = host.clock(_BEFORE_WAIT) if start.counters and start.clock_s is not None else None
    if start.counters is None or start.clock_s is None or before_wait is None:
        return {}
    missing_s = min(interval_s, MAX_INTERVAL_SECONDS) - (before_wait - start.clock_s)
    if missing_s > 0:
        host.wait(round(missing_s, 3), _END)
    counters, end_s = _read(host, _END), host.clock(_END)
    if counters is None or end_s is None:
        return {}
    return {
        name: between
        for name, now in counters.items()
        if name in start.counters and (between := rates(start.counters[name], now, end_s - start.clock_s))
    }


def rates_since_boot(host: Host) -> Mapping[str, Rates]:
    """Mean rates by device since the machine was started."""
    counters, uptime_s = _read(host, _START), host.parsed("/proc/uptime", parse_uptime)
    if counters is None or uptime_s is None:
        return {}
    none = Counters(0, 0, 0, 0, 0, 0, 0, 0, 0)
    return {name: since for name, now in counters.items() if (since := rates(none, now, uptime_s))}


def rates(before: Counters, after: Counters, seconds: float) -> Rates | None:
    """The rates between two readings; None where time stood still or a counter fell (the device was replaced)."""
    delta = Counters(*(b - a for a, b in zip(before, after, strict=True)))
    if seconds <= 0 or min(delta._replace(in_flight=0)) < 0:
        return None
    return Rates(
        seconds=round(seconds, 3),
        reads_per_s=round(delta.reads / seconds, 3),
        writes_per_s=round(delta.writes / seconds, 3),
        read_bytes_per_s=round(delta.sectors_read * SECTOR_BYTES / seconds, 1),
        write_bytes_per_s=round(delta.sectors_written * SECTOR_BYTES / seconds, 1),
        read_await_ms=round(delta.read_ms / delta.reads, 3) if delta.reads else None,
        write_await_ms=round(delta.write_ms / delta.writes, 3) if delta.writes else None,
        queue_length=round(delta.weighted_ms / 1000 / seconds, 4),
        # The kernel counts in ticks, so a short sample can come out a little above the whole.
        util_percent=round(min(delta.busy_ms / 10 / seconds, 100.0), 3),
    )


def parse_diskstats(text: str) -> dict[str, Counters]:
    """/proc/diskstats -> device or partition -> counters. Old kernels' short lines of partitions are left out."""
    found: dict[str, Counters] = {}
    lines = text.splitlines()[:MAX_LINES]
    for line in lines:
        fields = line.split(None, 14)
        words = fields[3:14]
        together = "".join(words)
        if len(words) < 11 or not (together.isascii() and together.isdigit()) or max(map(len, words)) > 20:
            continue
        reads, _, sectors_read, read_ms, writes, _, written, write_ms, in_flight, busy_ms, weighted_ms = map(int, words)
        found[fields[2]] = Counters(
            reads, sectors_read, read_ms, writes, written, write_ms, in_flight, busy_ms, weighted_ms
        )
    if lines and not found:
        raise Malformed("no line of disk counters")
    return found


def _read(host: Host, moment: int) -> Mapping[str, Counters] | None:
    text = host.text(DISKSTATS, moment=moment)
    if text is None:
        return None
    try:
        return parse_diskstats(text)
    except Malformed as why:
        host.note_gap(DISKSTATS, why)
        return None

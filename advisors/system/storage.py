"""Advice on the drives beneath models."""

import re
from collections.abc import Iterator

from ...probe.snapshot import Snapshot
from ..checks.storage import READ_AHEAD_ENOUGH_BYTES, READ_AHEAD_WANTED_BYTES
from ..checks.storage_common import model_drives
from .advice import Advice, Wanted

_QUEUE = re.compile(r"/sys/(?:class/)?block/([^/]+)/queue/read_ahead_kb\Z")


def _read_ahead(snapshot: Snapshot) -> Iterator[Wanted]:
    """Of the uppermost device: what lies below it has no say. File systems with a read-ahead of their own have none."""
    seen = set()
    for mount in snapshot.storage.mounts:
        queue = _QUEUE.match(mount.read_ahead_source or "")
        now = mount.read_ahead_bytes
        if queue and queue[1] not in seen and now is not None and now < READ_AHEAD_ENOUGH_BYTES:
            seen.add(queue[1])
            yield Wanted(f"block.read_ahead_kb@{queue[1]}", str(READ_AHEAD_WANTED_BYTES >> 10), str(now >> 10))


def _scheduler(snapshot: Snapshot) -> Iterator[Wanted]:
    for drive in model_drives(snapshot):
        if drive.kind == "nvme" and drive.scheduler not in (None, "none"):
            yield Wanted(f"block.scheduler@{drive.name}", "none", drive.scheduler)


ADVICE = (
    Advice(
        "read-ahead",
        "storage-read-ahead",
        "block.read_ahead_kb",
        _read_ahead,
        risk="a database on the same drive that reads here and there reads more than it wants",
    ),
    Advice("io-scheduler", "storage-scheduler", "block.scheduler", _scheduler),
)

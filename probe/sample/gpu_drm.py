"""Who has a graphics device open: /proc/PID/fdinfo (Documentation/gpu/drm-usage-stats.rst).

To find them means to read the names of every open file of every process, so that is done rarely and by one thread at
a time; what is known is then read again at each interval.
"""

import re
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from ..host import Host

LONGEST_BETWEEN_S = 300.0
SHORTEST_BETWEEN_S = 15.0
TIMES_ITS_COST = 200.0
MAX_PROCESSES = 4096
MAX_FILES = 512
MAX_FILES_IN_ALL = 50_000
MAX_OPEN = 500
_LINE = re.compile(r"(drm-[a-z0-9-]{1,60}):[ \t]*([^\n]{1,80})", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15})(?: (KiB|MiB))?", re.ASCII)
_UNITS = {None: 1, "KiB": 1 << 10, "MiB": 1 << 20}
_REGIONS = ("drm-resident-vram", "drm-memory-vram", "drm-resident-local", "drm-memory-local")
"""Memory of the card itself: amdgpu says vram, i915 local0, xe vram0."""
_SHARED = ("drm-resident-gtt", "drm-memory-gtt", "drm-resident-system", "drm-memory-system")


class Client(NamedTuple):
    """One open graphics device: several files of a process may be the same client."""

    address: str
    client: str
    own_bytes: int | None
    shared_bytes: int | None


def parse_fdinfo(text: str) -> Client | None:
    """The client that a file is; None for files that are no graphics devices or do not say which."""
    told = {match[1]: match[2].strip() for match in _LINE.finditer(text[:8192])}
    address = told.get("drm-pdev")
    if address is None:
        return None
    return Client(
        address=address,
        client=told.get("drm-client-id", ""),
        own_bytes=_sum(told, _REGIONS),
        shared_bytes=_sum(told, _SHARED),
    )


def _sum(told: dict[str, str], keys: tuple[str, ...]) -> int | None:
    for resident, memory in zip(keys[::2], keys[1::2], strict=True):
        for prefix in (resident, memory):
            sizes = [_SIZE.fullmatch(value) for name, value in told.items() if name.rstrip("0123456789") == prefix]
            known = [int(size[1]) * _UNITS[size[2]] for size in sizes if size]
            if known:
                return sum(known)
    return None


class DrmUsers:
    """Shared by the threads of all GPUs that have no library to ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: tuple[tuple[int, str], ...] = ()
        self._next_at = float("-inf")

    def used(self, host: Host, address: str, shared: bool) -> dict[int, int | None]:
        """Process id -> bytes on the GPU at `address`; with `shared` also memory of the machine that it maps."""
        if self._lock.acquire(blocking=False):
            try:
                self._find(host)
            finally:
                self._lock.release()
        clients: dict[tuple[int, str], Client] = {}
        for pid, path in self._open:
            text = host.text(path, optional=True)
            client = parse_fdinfo(text) if text else None
            if client is not None and client.address == address:
                clients[pid, client.client] = client
        used: dict[int, int | None] = {}
        for (pid, _), client in clients.items():
            parts = [client.own_bytes, client.shared_bytes if shared else None]
            known = [part for part in parts if part is not None]
            used[pid] = (used.get(pid) or 0) + sum(known) if known else used.get(pid)
        # A desktop's programs hold a device open without using it.
        return {pid: size for pid, size in used.items() if size is None or size > 0}

    def _find(self, host: Host) -> None:
        began = time.monotonic()
        if began < self._next_at:
            return
        self._open = tuple(_open_devices(host))
        ended = time.monotonic()
        pause = min(max((ended - began) * TIMES_ITS_COST, SHORTEST_BETWEEN_S), LONGEST_BETWEEN_S)
        self._next_at = ended + pause


def _open_devices(host: Host) -> Iterator[tuple[int, str]]:
    """Process id and fdinfo path of each open /dev/dri file."""
    files = found = 0
    pids = [name for name in host.names("/proc", natural=False) if name.isascii() and name.isdigit()]
    for pid in pids[:MAX_PROCESSES]:
        for name in host.names(f"/proc/{pid}/fd", natural=False)[:MAX_FILES]:
            files += 1
            if files > MAX_FILES_IN_ALL or found >= MAX_OPEN:
                return
            if (host.link(f"/proc/{pid}/fd/{name}") or "").startswith("/dev/dri/"):
                found += 1
                yield int(pid), f"/proc/{pid}/fdinfo/{name}"

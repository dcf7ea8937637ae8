"""Advice on memory: huge pages, reserves, overcommit, swap, nodes."""

from collections.abc import Iterator

from ...probe.snapshot import Snapshot
from ..checks.memory import MIN_MAP_COUNT, usual_reserve_kib
from .advice import Advice, Wanted

_USUAL_SWAPPINESS = 60
"""The kernel's default."""
_MOST_DIRTY_BYTES = 4 << 30
"""A fast NVMe drive writes it in a second or two."""


def _thp(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("thp.enabled", "madvise", snapshot.memory.thp.enabled)


def _defrag(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("thp.defrag", "madvise", snapshot.memory.thp.defrag)


def _overcommit(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("vm.overcommit_memory", "0", _text(snapshot.memory.settings.overcommit_memory))


def _map_count(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("vm.max_map_count", str(MIN_MAP_COUNT), _text(snapshot.memory.settings.max_map_count))


def _reserve(snapshot: Snapshot) -> Iterator[Wanted]:
    total = snapshot.memory.total_bytes
    if total:
        yield Wanted(
            "vm.min_free_kbytes", str(usual_reserve_kib(total)), _text(snapshot.memory.settings.min_free_kbytes)
        )


def _idle_pools(snapshot: Snapshot) -> Iterator[Wanted]:
    for pool in snapshot.memory.huge_page_pools:
        idle = max(0, (pool.free_pages or 0) - (pool.reserved_pages or 0))
        if pool.total_pages and idle:
            key = f"hugepages.{pool.page_bytes >> 10}kB"
            yield Wanted(key, str(pool.total_pages - idle), str(pool.total_pages))


def _swappiness(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("vm.swappiness", str(_USUAL_SWAPPINESS), _text(snapshot.memory.settings.swappiness))


def _balancing(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("kernel.numa_balancing", "0", _text(snapshot.memory.settings.numa_balancing))


def _zone_reclaim(snapshot: Snapshot) -> Iterator[Wanted]:
    yield Wanted("vm.zone_reclaim_mode", "0", _text(snapshot.memory.settings.zone_reclaim_mode))


def _write_back(snapshot: Snapshot) -> Iterator[Wanted]:
    """Only where the kernel would let more than `_MOST_DIRTY_BYTES` wait; a limit in bytes is somebody's choice."""
    values, total = snapshot.memory.settings, snapshot.memory.total_bytes
    if (
        total
        and values.dirty_bytes == 0
        and values.dirty_ratio
        and total * values.dirty_ratio // 100 > _MOST_DIRTY_BYTES
    ):
        yield Wanted("vm.dirty_background_bytes", str(_MOST_DIRTY_BYTES // 4), None)
        yield Wanted("vm.dirty_bytes", str(_MOST_DIRTY_BYTES), "0")


def _tells_limits(snapshot: Snapshot) -> bool:
    values = snapshot.memory.settings
    return None not in (snapshot.memory.total_bytes, values.dirty_bytes, values.dirty_ratio)


def _pools_are_wanted(snapshot: Snapshot) -> str | None:
    """Who wrote it down for every boot wants it; who echoed a number once may have forgotten it."""
    asked = [f"{name}={value}" for name, value in snapshot.kernel.command_line or () if name == "hugepages"]
    asked += [line.source for line in snapshot.tuning.sysctl_lines or () if line.key == "vm.nr_hugepages"]
    return f"somebody wants them at every boot ({', '.join(asked)}): ask first" if asked else None


def _nobody_is_pinned(snapshot: Snapshot) -> str | None:
    """Balancing helps whoever is not pinned: without a pinned server it stays."""
    cpus = len(snapshot.cpu.online_cpus)
    for server in snapshot.engines.servers or ():
        if server.cpus_allowed and len(server.cpus_allowed) < cpus:
            return None
        if server.arguments.numa is not None:
            return None
    return "no server that runs here is pinned to its nodes ('llmtune launch' pins), and it helps all others"


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


ADVICE = (
    Advice("huge-pages", "memory-thp", "thp.enabled", _thp),
    Advice("huge-pages-defrag", "memory-thp-defrag", "thp.defrag", _defrag),
    Advice(
        "idle-huge-pages",
        "memory-idle-huge-pages",
        "hugepages",
        _idle_pools,
        hold_back=_pools_are_wanted,
        risk="a program that reserves its pages only when it starts (a database, a virtual machine) finds none",
    ),
    Advice(
        "overcommit",
        "memory-overcommit",
        "vm.overcommit_memory",
        _overcommit,
        risk="programs may reserve more than there is; who relied on a refusal is killed later instead",
    ),
    Advice("map-count", "memory-map-count", "vm.max_map_count", _map_count, at_least=True),
    Advice("reserve", "memory-min-free", "vm.min_free_kbytes", _reserve),
    Advice("swappiness", "swap-swappiness", "vm.swappiness", _swappiness),
    Advice(
        "numa-balancing",
        "numa-balancing",
        "kernel.numa_balancing",
        _balancing,
        hold_back=_nobody_is_pinned,
        risk="other programs, which nobody pins, lose what it does for them",
    ),
    Advice(
        "write-back",
        None,
        "vm.dirty_bytes",
        _write_back,
        reason="more than 4 GiB may wait to be written, and then all writers stop at once: checkpoints come in bursts",
        can_tell=_tells_limits,
        else_why="at most 4 GiB may wait to be written here, or the limit is somebody's own choice",
        risk="writers wait earlier; nothing is written faster",
    ),
    Advice("zone-reclaim", "numa-zone-reclaim", "vm.zone_reclaim_mode", _zone_reclaim),
)

"""CPU caches and which CPUs share each, from /sys/devices/system/cpu/cpu*/cache/index*."""

from collections.abc import Sequence
from typing import Literal

from .host import Host
from .parse import parse_cpu_list, parse_cpu_mask, parse_size_bytes
from .reading import Malformed, Reading

CacheKind = Literal["data", "instruction", "unified"]


class Cache(Reading):
    """One cache."""

    level: int
    kind: CacheKind
    size_bytes: int | None
    line_bytes: int | None
    ways: int | None
    cpus: tuple[int, ...]
    """The online CPUs that share it."""


def read_caches(host: Host, online: Sequence[int]) -> tuple[Cache, ...]:
    """Every cache once, by level and kind, then by first CPU."""
    wanted = set(online)
    found: dict[tuple[int, CacheKind, tuple[int, ...]], Cache] = {}
    covered: dict[str, set[int]] = {}
    for cpu in online:
        for index, directory in host.numbered(f"/sys/devices/system/cpu/cpu{cpu}/cache", "index").items():
            # A CPU named by an earlier CPU's index N shares that very cache, so its own files add nothing.
            seen = covered.setdefault(f"index{index}", set())
            if cpu in seen:
                continue
            cache = _read_cache(host, directory, cpu, wanted)
            if cache is not None:
                found.setdefault((cache.level, cache.kind, cache.cpus), cache)
                seen.update(cache.cpus)
    return tuple(sorted(found.values(), key=lambda c: (c.level, c.kind, c.cpus)))


def _read_cache(host: Host, directory: str, cpu: int, wanted: set[int]) -> Cache | None:
    level = host.integer(f"{directory}/level", 1, 9, optional=True)
    kind = host.parsed(f"{directory}/type", _parse_kind, optional=True)
    if level is None or kind is None:
        return None
    # The map first, as hwloc reads: where the two differ (a hand-made tree), the list is the one that is wrong.
    shared = host.parsed(f"{directory}/shared_cpu_map", parse_cpu_mask, optional=True)
    if shared is None:
        shared = host.parsed(f"{directory}/shared_cpu_list", parse_cpu_list, optional=True)
    return Cache(
        level=level,
        kind=kind,
        size_bytes=host.parsed(f"{directory}/size", parse_size_bytes, optional=True) or None,
        line_bytes=host.integer(f"{directory}/coherency_line_size", optional=True) or None,
        ways=host.integer(f"{directory}/ways_of_associativity", optional=True) or None,
        cpus=tuple(n for n in shared if n in wanted) if shared and cpu in shared else (cpu,),
    )


def _parse_kind(text: str) -> CacheKind:
    kinds: dict[str, CacheKind] = {"Data": "data", "Instruction": "instruction", "Unified": "unified"}
    if text not in kinds:
        raise Malformed(f"unknown cache type: {text[:40]!r}")
    return kinds[text]

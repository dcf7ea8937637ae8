"""Files that set sysctls at boot, in the order in which the last one wins (sysctl.d(5))."""

import re

from .host import Host
from .reading import Reading

DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
"""Of equally named files the first directory's hides the others'."""
MAX_FILES = 500
KEYS = frozenset(
    {
        "kernel.numa_balancing",
        "vm.dirty_background_ratio",
        "vm.dirty_bytes",
        "vm.dirty_ratio",
        "vm.max_map_count",
        "vm.min_free_kbytes",
        "vm.nr_hugepages",
        "vm.overcommit_memory",
        "vm.overcommit_ratio",
        "vm.swappiness",
        "vm.vfs_cache_pressure",
        "vm.zone_reclaim_mode",
    }
)
"""The keys that concern inference."""


class SysctlLine(Reading):
    """A key that a file sets and that no later file overrides."""

    key: str
    value: str
    source: str
    """The file."""
    running: str | None
    """The value in force now."""


def read_sysctl_files(host: Host) -> tuple[SysctlLine, ...]:
    """For each of `KEYS` that files set: the line that wins."""
    winners = {key: found for key, found in read_all_sysctl_lines(host).items() if key in KEYS}
    return tuple(
        SysctlLine(
            key=key,
            value=value,
            source=source,
            running=host.text(f"/proc/sys/{key.replace('.', '/')}", optional=True),
        )
        for key, (value, source) in sorted(winners.items())
    )


def read_all_sysctl_lines(host: Host) -> dict[str, tuple[str, str]]:
    """For each key that files set: the value that wins, and its file."""
    winners: dict[str, tuple[str, str]] = {}
    for path in (*_files(host), "/etc/sysctl.conf"):
        text = host.text(path, optional=True)
        for key, value in parse_sysctl_file(text or ""):
            winners[key] = (value, path)
    return winners


def parse_sysctl_file(text: str) -> list[tuple[str, str]]:
    """`key = value` lines; `-key` is the same. Comments are lines of their own: a # after a value is part of it."""
    found = re.findall(r"^[ \t]*-?([a-zA-Z0-9_./]+)[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.MULTILINE)
    return [(key.replace("/", "."), value) for key, value in found]


def _files(host: Host) -> list[str]:
    """The files that count, sorted by name whatever their directory."""
    chosen: dict[str, str] = {}
    for directory in DIRECTORIES:
        for name in host.names(directory):
            if name.endswith(".conf") and len(chosen) < MAX_FILES:
                chosen.setdefault(name, f"{directory}/{name}")
    return [chosen[name] for name in sorted(chosen)]

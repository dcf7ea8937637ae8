"""Swap, from /proc/swaps, and zswap, from /sys/module/zswap (Documentation/admin-guide/mm/zswap.rst)."""

import re
from typing import Literal

from .host import Host
from .parse import parse_int
from .reading import Malformed, Reading

SwapKind = Literal["disk", "file", "zram"]


class SwapDevice(Reading):
    """One line of /proc/swaps."""

    name: str
    kind: SwapKind
    total_bytes: int
    used_bytes: int
    priority: int


class Swap(Reading):
    """All swap."""

    devices: tuple[SwapDevice, ...] | None
    """None where /proc/swaps could not be read; empty: there is none."""
    zswap_enabled: bool | None
    """Whether pages are compressed in RAM before they reach the devices."""


def read_swap(host: Host) -> Swap:
    """Read the devices and whether zswap is on."""
    enabled = host.text("/sys/module/zswap/parameters/enabled", optional=True)
    return Swap(
        devices=host.parsed("/proc/swaps", parse_swaps),
        zswap_enabled=None if enabled is None else enabled == "Y",
    )


def parse_swaps(text: str) -> tuple[SwapDevice, ...]:
    """/proc/swaps -> devices; sizes there are in KiB."""
    devices = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) != 5:
            raise Malformed(f"not five columns: {line[:80]!r}")
        # The kernel writes spaces in names as \040.
        name = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[0])
        devices.append(
            SwapDevice(
                name=name,
                kind="zram" if re.search(r"/zram[0-9]+$", name) else "file" if words[1] == "file" else "disk",
                total_bytes=parse_int(words[2], 0) << 10,
                used_bytes=parse_int(words[3], 0) << 10,
                priority=parse_int(words[4]),
            )
        )
    return tuple(devices)

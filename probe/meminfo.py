"""Parse /proc/meminfo and the per-node meminfo, which differ only in a prefix (Documentation/filesystems/proc.rst)."""

import re

from .reading import Malformed

_LINE = re.compile(r"^(?:Node\s+[0-9]+\s+)?([A-Za-z0-9_()]+):\s+([0-9]{1,19})(\s+kB)?\s*$", re.MULTILINE)


def parse_meminfo(text: str) -> dict[str, int]:
    """Name -> bytes (or a plain count for the lines without a unit); raises `Malformed` where there is no line."""
    values = {name: int(number) << 10 if unit else int(number) for name, number, unit in _LINE.findall(text)}
    if not values:
        raise Malformed("no line of the form 'MemTotal: 123 kB'")
    return values

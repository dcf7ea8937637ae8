"""Resource limits of this process, which a server started from here inherits: /proc/self/limits (getrlimit(2))."""

import re

from .host import Host
from .reading import Malformed, Reading

UNLIMITED = 2**64 - 1


class Limit(Reading):
    """One limit; `UNLIMITED` where there is none."""

    soft: int
    hard: int


class Limits(Reading):
    """The limits that inference servers meet."""

    memlock_bytes: Limit | None
    """How much may be locked in RAM (mlock)."""
    open_files: Limit | None
    address_space_bytes: Limit | None


def read_limits(host: Host) -> Limits:
    """Read the limits."""
    limits = host.parsed("/proc/self/limits", parse_limits, optional=True) or {}
    return Limits(
        memlock_bytes=limits.get("Max locked memory"),
        open_files=limits.get("Max open files"),
        address_space_bytes=limits.get("Max address space"),
    )


def parse_limits(text: str) -> dict[str, Limit]:
    """/proc/PID/limits -> name -> limit."""
    rows = re.findall(r"^(Max [a-z -]+?)\s{2,}(unlimited|[0-9]{1,20})\s+(unlimited|[0-9]{1,20})", text, re.MULTILINE)
    if not rows:
        raise Malformed("no line of the form 'Max open files  1024  4096  files'")
    return {name: Limit(soft=_number(soft), hard=_number(hard)) for name, soft, hard in rows}


def _number(text: str) -> int:
    return UNLIMITED if text == "unlimited" else int(text)

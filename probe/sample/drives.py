"""What each whole drive has done.

Reads /proc/diskstats (Documentation/admin-guide/iostats.rst), and /sys/block for which of its lines are whole drives.
Mapped devices and arrays are drives of their own here, so the work of those beneath them is counted there as well: add
up only what does not lie on top of another.
"""

from ..block_names import block_kind
from ..diskstats import DISKSTATS, Counters, parse_diskstats
from ..host import Host
from .sample import DriveMoment

BLOCK_DIR = "/sys/block"
MAX_DRIVES = 512
_NO_DRIVES = {None, "loop", "zram", "rom"}
_NEVER_USED = Counters(0, 0, 0, 0, 0, 0, 0, 0, 0)


def read_drives(host: Host) -> tuple[DriveMoment, ...]:
    """The drives that were ever used, partitions not among them."""
    text = host.text(DISKSTATS)
    whole = {name.replace("!", "/") for name in host.names(BLOCK_DIR, natural=False) if _is_drive(name)}
    if not text or not whole:
        return ()
    # Partitions' lines are left out first: a drive may have many.
    lines = [line for line in text.splitlines() if (words := line.split(None, 3))[2:3] and words[2] in whole]
    counted = host.parsed(DISKSTATS, lambda _: parse_diskstats("\n".join(lines))) or {}
    used = [name for name, counters in counted.items() if counters != _NEVER_USED]
    return tuple(
        DriveMoment(name=name, counters=counted[name], read_ahead_bytes=_read_ahead(host, name))
        for name in used[:MAX_DRIVES]
    )


def _is_drive(name: str) -> bool:
    return block_kind(name, "") not in _NO_DRIVES


def _read_ahead(host: Host, name: str) -> int | None:
    kib = host.integer(f"{BLOCK_DIR}/{name.replace('/', '!')}/queue/read_ahead_kb", 0, 1 << 40, optional=True)
    return None if kib is None else kib << 10

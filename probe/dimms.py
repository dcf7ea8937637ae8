"""Memory modules, from the SMBIOS table in /sys/firmware/dmi/tables/DMI, which only root may read.

Format: DMTF DSP0134 (SMBIOS Reference Specification), Memory Device (type 17).
"""

from collections.abc import Iterator

from .host import Host
from .reading import Malformed, Reading

TABLE = "/sys/firmware/dmi/tables/DMI"
MEMORY_DEVICE = 17
END_OF_TABLE = 127
MAX_STRUCTURES = 10_000

_TYPES = {
    0x12: "DDR",
    0x13: "DDR2",
    0x18: "DDR3",
    0x1A: "DDR4",
    0x1B: "LPDDR",
    0x1C: "LPDDR2",
    0x1D: "LPDDR3",
    0x1E: "LPDDR4",
    0x20: "HBM",
    0x21: "HBM2",
    0x22: "DDR5",
    0x23: "LPDDR5",
    0x24: "HBM3",
}


class Dimm(Reading):
    """One socket for a memory module, or soldered memory."""

    locator: str
    bank: str
    size_bytes: int
    """0: nothing is plugged in."""
    kind: str | None
    """DDR4, LPDDR5 ..."""
    data_bits: int | None
    rated_mt_per_s: int | None
    """The module's own speed."""
    configured_mt_per_s: int | None
    """The speed it runs at."""


class Dimms(Reading):
    """All sockets; empty where the table does not list them (most virtual machines)."""

    slots: tuple[Dimm, ...]

    @property
    def populated(self) -> tuple[Dimm, ...]:
        """The sockets with a module."""
        return tuple(slot for slot in self.slots if slot.size_bytes)

    @property
    def bandwidth_bytes_per_s(self) -> int | None:
        """Rated upper bound: each module on a channel of its own at its configured speed.

        Two modules on one channel share it, which the table does not tell; then this is too high.
        """
        rates = [(slot.configured_mt_per_s or 0) * 1_000_000 * (slot.data_bits or 0) // 8 for slot in self.populated]
        return sum(rates) if rates and all(rates) else None


def probe_dimms(host: Host) -> Dimms | None:
    """The memory modules; None where the table could not be read."""
    table = host.data(TABLE)
    if table is None:
        return None
    try:
        return Dimms(slots=parse_dimms(table))
    except Malformed as why:
        host.note_gap(TABLE, why)
        return None


def parse_dimms(table: bytes) -> tuple[Dimm, ...]:
    """The memory devices of an SMBIOS structure table."""
    return tuple(_memory_device(body, texts) for kind, body, texts in _structures(table) if kind == MEMORY_DEVICE)


def _structures(table: bytes) -> Iterator[tuple[int, bytes, list[str]]]:
    """Type, formatted part and strings of each structure."""
    position = 0
    for _ in range(MAX_STRUCTURES):
        if position + 4 > len(table):
            return
        kind, length = table[position], table[position + 1]
        end = table.find(b"\0\0", position + length)
        if length < 4 or end < 0:
            raise Malformed(f"the structure at byte {position} is cut off")
        texts = table[position + length : end].decode("latin-1").split("\0")
        yield kind, table[position : position + length], texts
        if kind == END_OF_TABLE:
            return
        position = end + 2


def _memory_device(body: bytes, texts: list[str]) -> Dimm:
    def number(offset: int, size: int) -> int:
        return int.from_bytes(body[offset : offset + size], "little") if offset + size <= len(body) else 0

    def text(offset: int) -> str:
        index = number(offset, 1)
        return texts[index - 1].strip() if 0 < index <= len(texts) else ""

    def known(value: int, *unknown: int) -> int | None:
        return None if value in (0, *unknown) else value

    size = number(0x0C, 2)
    if size == 0x7FFF:
        size_bytes = (number(0x1C, 4) & 0x7FFFFFFF) << 20
    elif size == 0xFFFF:
        size_bytes = 0
    else:
        size_bytes = (size & 0x7FFF) << (10 if size & 0x8000 else 20)
    rated, configured = number(0x15, 2), number(0x20, 2)
    return Dimm(
        locator=text(0x10),
        bank=text(0x11),
        size_bytes=size_bytes,
        kind=_TYPES.get(number(0x12, 1)),
        data_bits=known(number(0x0A, 2), 0xFFFF),
        rated_mt_per_s=known(number(0x54, 4) if rated == 0xFFFF else rated),
        configured_mt_per_s=known(number(0x58, 4) if configured == 0xFFFF else configured),
    )

"""Where a named section of an ELF file lies: elf(5). Stripped files keep their section headers as a rule."""

import struct

from .elf import read_elf
from .host import Host

MAX_SECTIONS = 4096
MAX_NAMES_BYTES = 64 << 10


def find_section(host: Host, path: str, name: str) -> tuple[int, int] | None:
    """Offset and size of the first section with this name; None where there is none."""
    elf = read_elf(host, path)
    start = host.span(path, 0, 64, optional=True) if elf else None
    if elf is None or start is None:
        return None
    try:
        if elf.wide:
            (table,) = struct.unpack_from(elf.order + "Q", start, 40)
            entry_bytes, count, names_at = struct.unpack_from(elf.order + "HHH", start, 58)
            layout = elf.order + "IIQQQQ"
        else:
            (table,) = struct.unpack_from(elf.order + "I", start, 32)
            entry_bytes, count, names_at = struct.unpack_from(elf.order + "HHH", start, 46)
            layout = elf.order + "IIIIII"
        if entry_bytes < struct.calcsize(layout) or not names_at < count <= MAX_SECTIONS:
            return None
        headers = host.span(path, table, entry_bytes * count, optional=True) or b""
        sections = [struct.unpack_from(layout, headers, entry_bytes * at) for at in range(count)]
        names = host.span(path, sections[names_at][4], min(sections[names_at][5], MAX_NAMES_BYTES), optional=True)
    except struct.error:
        return None
    for label, kind, _, _, offset, size in sections:
        if kind == 1 and (names or b"")[label:].partition(b"\0")[0] == name.encode():
            return offset, min(size, max(elf.size - offset, 0))
    return None

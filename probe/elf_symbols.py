"""Symbols of ELF files that carry no DT_GNU_HASH: the older DT_HASH, then the full table of a file not stripped.

A statically linked program exports nothing, yet keeps `.symtab` until somebody strips it. Format: elf(5).
"""

import struct

from .elf import Elf, place_of, symbol, take_bytes
from .host import Host
from .reading import Malformed

MAX_CHAIN = 512
MAX_SECTIONS = 1024
MAX_TABLE_BYTES = 8 << 20
_SHT_SYMTAB = 2
_DT_HASH, _DT_STRTAB, _DT_SYMTAB = 4, 5, 6

Symbols = tuple[bytes, bytes]
"""A symbol table and its names."""


def any_symbol(host: Host, elf: Elf, name: str) -> int | None:
    """The address of a symbol, exported or not; None where the file does not tell."""
    exported = symbol(host, elf, name)
    if exported is not None:
        return exported[0]
    try:
        found = _by_hash(host, elf, name.encode())
        return _in_table(elf, read_symbol_table(host, elf), name.encode()) if found is None else found
    except (Malformed, struct.error) as why:
        host.note_gap(elf.path, why if isinstance(why, Malformed) else Malformed(f"ELF symbols: {why}"))
        return None


def sysv_hash(name: bytes) -> int:
    """The hash of DT_HASH."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high & 0xFFFFFFFF
    return value


def read_symbol_table(host: Host, elf: Elf) -> Symbols | None:
    """The table of all symbols; None in a stripped file, and where it is too large to be read."""
    start = take_bytes(host, elf.path, elf.size, 0, 64)
    (table,) = struct.unpack_from(elf.order + ("Q" if elf.wide else "I"), start, 40 if elf.wide else 32)
    entry_bytes, count = struct.unpack_from(elf.order + "HH", start, 58 if elf.wide else 46)
    if not table or not count:
        return None
    if entry_bytes != (64 if elf.wide else 40) or count > MAX_SECTIONS:
        raise Malformed(f"ELF: {count} sections of {entry_bytes} bytes")
    raw = take_bytes(host, elf.path, elf.size, table, count * entry_bytes)
    form = elf.order + ("IIQQQQIIQQ" if elf.wide else "10I")
    sections = [struct.unpack_from(form, raw, at) for at in range(0, len(raw), entry_bytes)]
    for section in sections:
        if section[1] == _SHT_SYMTAB and section[6] < count:
            names = sections[section[6]]
            if section[5] + names[5] <= MAX_TABLE_BYTES:
                return (
                    take_bytes(host, elf.path, elf.size, section[4], section[5]),
                    take_bytes(host, elf.path, elf.size, names[4], names[5]),
                )
    return None


def _in_table(elf: Elf, symbols: Symbols | None, name: bytes) -> int | None:
    if symbols is None:
        return None
    table, names = symbols
    at = names.find(b"\0" + name + b"\0")
    if at < 0:
        return None
    entry_bytes, index = (24 if elf.wide else 16), struct.pack(elf.order + "I", at + 1)
    place = table.find(index)
    while place >= 0:
        if place % entry_bytes == 0 and place + entry_bytes <= len(table):
            value, section = _value(elf, table[place : place + entry_bytes])
            if section:
                return value
        place = table.find(index, place + 1)
    return None


def _value(elf: Elf, entry: bytes) -> tuple[int, int]:
    if elf.wide:
        _, _, _, section, value, _ = struct.unpack(elf.order + "IBBHQQ", entry)
    else:
        _, value, _, _, _, section = struct.unpack(elf.order + "IIIBBH", entry)
    return value, section


def _by_hash(host: Host, elf: Elf, name: bytes) -> int | None:
    if not {_DT_HASH, _DT_SYMTAB, _DT_STRTAB} <= elf.tags.keys() or elf.machine == "s390x":
        return None  # s390x has a hash table of 64-bit words.

    def number(place: int) -> int:
        (value,) = struct.unpack(elf.order + "I", take_bytes(host, elf.path, elf.size, place, 4))
        return int(value)

    table = place_of(elf, elf.tags[_DT_HASH])
    buckets, chains = number(table), number(table + 4)
    if not buckets:
        return None
    symbols, strings = place_of(elf, elf.tags[_DT_SYMTAB]), place_of(elf, elf.tags[_DT_STRTAB])
    entry_bytes = 24 if elf.wide else 16
    index = number(table + 8 + sysv_hash(name) % buckets * 4)
    for _ in range(MAX_CHAIN):
        if not 0 < index < chains:
            return None
        entry = take_bytes(host, elf.path, elf.size, symbols + index * entry_bytes, entry_bytes)
        value, section = _value(elf, entry)
        (text,) = struct.unpack_from(elf.order + "I", entry)
        if section and take_bytes(host, elf.path, elf.size, strings + text, len(name) + 1) == name + b"\0":
            return value
        index = number(table + 8 + buckets * 4 + index * 4)
    raise Malformed("ELF: endless hash chain")

"""ELF files, read in small pieces: machine, what they need, where they look for it, and symbols by name.

Everything is taken from the program headers and the dynamic section, as the dynamic linker does, so a stripped file
reads like any other, and a recording holds a few hundred bytes of a library of a hundred megabytes. Symbols are found
through DT_GNU_HASH, never by going through the table. Formats: elf(5), https://flapenguin.me/elf-dt-gnu-hash.
"""

import struct
from dataclasses import dataclass

from .host import Host
from .reading import Malformed, Unreadable

MAX_SEGMENTS = 256
MAX_DYNAMIC_BYTES = 64 << 10
MAX_NEEDED = 128
MAX_CHAIN = 512
MAX_NAME_BYTES = 1024

_MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64"} | {
    243: "riscv64",
    258: "loongarch64",
}
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_SYMTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 6, 14, 15, 29
_DT_GNU_HASH = 0x6FFFFEF5


@dataclass(frozen=True)
class Segment:
    """A part of the file that is mapped into memory."""

    address: int
    offset: int
    size: int
    executable: bool


@dataclass(frozen=True)
class Elf:
    """The parts of one ELF file that tell what it is."""

    path: str
    size: int
    wide: bool
    """64 bits."""
    order: str
    """`<` or `>`, as struct has it."""
    machine: str | None
    segments: tuple[Segment, ...]
    tags: dict[int, int]
    """The dynamic section's last value of each tag."""
    needed: tuple[str, ...]
    soname: str | None
    rpath: str | None
    runpath: str | None


def read_elf(host: Host, path: str) -> Elf | None:
    """The ELF file at `path`; None where there is none. A damaged one leaves a gap."""
    status = host.stat(path)
    if status is None or status["kind"] != "file":
        return None
    size = status["size"]
    start = host.span(path, 0, 64, optional=True)
    if start is None or start[:4] != b"\x7fELF" or not isinstance(size, int):
        return None
    try:
        return _parse(host, path, size, start)
    except (Malformed, Unreadable, struct.error) as why:
        host.note_gap(path, why if isinstance(why, Malformed | Unreadable) else Malformed(f"ELF: {why}"))
        return None


def symbol(host: Host, elf: Elf, name: str) -> tuple[int, int] | None:
    """Address and size of a symbol that the file exports."""
    try:
        return _find_symbol(host, elf, name.encode())
    except (Malformed, struct.error) as why:
        host.note_gap(elf.path, why if isinstance(why, Malformed) else Malformed(f"ELF symbols: {why}"))
        return None


def code_at(host: Host, elf: Elf, address: int, length: int) -> bytes | None:
    """The first bytes at an address of the executable part."""
    for segment in elf.segments:
        if segment.executable and segment.address <= address < segment.address + segment.size:
            place = segment.offset + address - segment.address
            if place < elf.size:
                return host.span(elf.path, place, min(length, elf.size - place))
    return None


def _parse(host: Host, path: str, size: int, start: bytes) -> Elf:
    if len(start) < 64 or start[4] not in (1, 2) or start[5] not in (1, 2):
        raise Malformed("ELF header cut short or of no known class")
    wide, order = start[4] == 2, "<" if start[5] == 1 else ">"
    (number,) = struct.unpack_from(order + "H", start, 18)
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), start, 32 if wide else 28)
    entry_bytes, count = struct.unpack_from(order + "HH", start, 54 if wide else 42)
    if entry_bytes != (56 if wide else 32) or not 0 < count <= MAX_SEGMENTS:
        raise Malformed(f"ELF: {count} program headers of {entry_bytes} bytes")
    raw = take_bytes(host, path, size, table, count * entry_bytes)
    segments, dynamic = [], None
    for at in range(0, len(raw), entry_bytes):
        if wide:
            kind, flags, offset, address, _, length = struct.unpack_from(order + "IIQQQQ", raw, at)
        else:
            kind, offset, address, _, length, _, flags = struct.unpack_from(order + "7I", raw, at)
        if kind == _PT_LOAD:
            segments.append(Segment(address, offset, length, bool(flags & 1)))
        elif kind == _PT_DYNAMIC:
            dynamic = (offset, length)
    tags, needed_at = {}, []
    word = 8 if wide else 4
    if dynamic:
        raw = take_bytes(host, path, size, dynamic[0], min(dynamic[1], MAX_DYNAMIC_BYTES) // (2 * word) * 2 * word)
        for tag, value in struct.iter_unpack(order + ("QQ" if wide else "II"), raw):
            if tag == 0:
                break
            if tag == _DT_NEEDED:
                needed_at.append(value)
            tags[tag] = value
    bare = Elf(path, size, wide, order, _MACHINES.get(number), tuple(segments), tags, (), None, None, None)
    texts = {t: _text(host, bare, tags[t]) for t in (_DT_SONAME, _DT_RPATH, _DT_RUNPATH) if t in tags}
    return Elf(
        **{name: getattr(bare, name) for name in ("path", "size", "wide", "order", "machine", "segments", "tags")},
        needed=tuple(_text(host, bare, at) for at in needed_at[:MAX_NEEDED]),
        soname=texts.get(_DT_SONAME),
        rpath=texts.get(_DT_RPATH),
        runpath=texts.get(_DT_RUNPATH),
    )


def take_bytes(host: Host, path: str, size: int, offset: int, length: int) -> bytes:
    """A piece of the file of `size` bytes; Malformed where it lies outside."""
    if offset < 0 or length < 0 or offset + length > size:
        raise Malformed(f"ELF: {length} bytes at {offset} lie outside the file of {size}")
    data = host.span(path, offset, length, optional=True) if length else b""
    if data is None or len(data) < length:
        raise Malformed(f"ELF: {length} bytes at {offset} could not be read")
    return data


def place_of(elf: Elf, address: int) -> int:
    """Where in the file an address of the loaded program is."""
    for segment in elf.segments:
        if segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    raise Malformed(f"ELF: address {address:#x} is in no segment")


def _text(host: Host, elf: Elf, index: int) -> str:
    if _DT_STRTAB not in elf.tags:
        raise Malformed("ELF: no string table")
    place = place_of(elf, elf.tags[_DT_STRTAB]) + index
    data = take_bytes(host, elf.path, elf.size, place, max(0, min(MAX_NAME_BYTES, elf.size - place)))
    text, end, _ = data.partition(b"\0")
    if not end:
        raise Malformed(f"ELF: a name of more than {MAX_NAME_BYTES} bytes")
    return text.decode("utf-8", "replace")


def _find_symbol(host: Host, elf: Elf, name: bytes) -> tuple[int, int] | None:
    if not {_DT_GNU_HASH, _DT_SYMTAB, _DT_STRTAB} <= elf.tags.keys():
        return None

    def take(place: int, length: int) -> bytes:
        return take_bytes(host, elf.path, elf.size, place, length)

    table = place_of(elf, elf.tags[_DT_GNU_HASH])
    buckets, first, bloom_words, _ = struct.unpack(elf.order + "4I", take(table, 16))
    if not buckets:
        return None
    word = 8 if elf.wide else 4
    bucket_place = table + 16 + bloom_words * word
    wanted = gnu_hash(name)
    (index,) = struct.unpack(elf.order + "I", take(bucket_place + wanted % buckets * 4, 4))
    if index < first:
        return None
    symbols, strings = place_of(elf, elf.tags[_DT_SYMTAB]), place_of(elf, elf.tags[_DT_STRTAB])
    for index in range(index, index + MAX_CHAIN):  # noqa: B020
        (found,) = struct.unpack(elf.order + "I", take(bucket_place + buckets * 4 + (index - first) * 4, 4))
        if found | 1 == wanted | 1:
            if elf.wide:
                text, _, _, section, value, size = struct.unpack(elf.order + "IBBHQQ", take(symbols + index * 24, 24))
            else:
                text, value, size, _, _, section = struct.unpack(elf.order + "IIIBBH", take(symbols + index * 16, 16))
            if section and take(strings + text, len(name) + 1) == name + b"\0":
                return value, size
        if found & 1:
            return None
    raise Malformed("ELF: endless hash chain")


def gnu_hash(name: bytes) -> int:
    """The hash of DT_GNU_HASH."""
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value

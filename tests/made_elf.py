"""Small ELF files made byte by byte, of any class, byte order and machine."""

import struct

from llmtune.probe.elf import gnu_hash
from llmtune.probe.elf_symbols import sysv_hash

X86_64, I686, AARCH64, PPC64, S390X = 62, 3, 183, 21, 22
SOURCES = b"ggml-cpu/ops.cpp\0ggml-cpu/repack.cpp\0ggml-cpu/ggml-cpu.c\0"
AVX2_CODE = b"\xc4\xe2\x75\x04\xc2" * 150
"""vpmaddubsw ymm0, ymm1, ymm2"""
FMA_CODE = b"\xc4\xe2\x75\xb8\xc2" * 150
"""vfmadd231ps ymm0, ymm1, ymm2"""


def make_elf(
    functions: dict[str, bytes] | None = None,
    machine: int = X86_64,
    wide: bool = True,
    order: str = "<",
    symbols: str = "gnu",
    code: bytes = b"",
    needed: tuple[str, ...] = (),
    runpath: str | None = None,
) -> bytes:
    """A library that exports `functions`; `symbols` is gnu, sysv, table (not exported) or none (stripped)."""
    functions = functions or {}
    head, entry = (64, 56) if wide else (52, 32)
    word, number = ("Q", 24) if wide else ("I", 16)
    data = bytearray(head + 2 * entry)

    def put(piece: bytes) -> int:
        data.extend(b"\0" * (-len(data) % 16))
        data.extend(piece)
        return len(data) - len(piece)

    put(code)
    names, offsets = b"\0", {}
    for name in (*functions, *needed, *((runpath,) if runpath else ())):
        offsets[name] = len(names)
        names += name.encode() + b"\0"
    table = b"\0" * number
    for name, body in functions.items():
        place = put(body)
        if wide:
            table += struct.pack(order + "IBBHQQ", offsets[name], 18, 0, 1, place, len(body))
        else:
            table += struct.pack(order + "IIIBBH", offsets[name], place, len(body), 18, 0, 1)
    names_at, table_at = put(names), put(table)
    tags: list[tuple[int, int]] = [(5, names_at), *((1, offsets[name]) for name in needed)]
    if runpath:
        tags.append((29, offsets[runpath]))
    if symbols == "gnu" and functions:
        hashes = [gnu_hash(name.encode()) & ~1 for name in functions]
        hashes[-1] |= 1
        tags += [(6, table_at), (0x6FFFFEF5, put(struct.pack(f"{order}4I{word}I", 1, 1, 1, 0, 0, 1)))]
        data.extend(struct.pack(f"{order}{len(hashes)}I", *hashes))
    elif symbols == "sysv" and functions:
        buckets = [0, 0, 0]
        chain = [0] * (len(functions) + 1)
        for index, name in enumerate(functions, 1):
            bucket = sysv_hash(name.encode()) % 3
            chain[index], buckets[bucket] = buckets[bucket], index
        whole = [3, len(chain), *buckets, *chain]
        tags += [(6, table_at), (4, put(struct.pack(f"{order}{len(whole)}I", *whole)))]
    dynamic = b"".join(struct.pack(order + 2 * word, *pair) for pair in (*tags, (0, 0)))
    dynamic_at = put(dynamic)
    sections_at, count = 0, 0
    if symbols == "table":
        form = order + ("IIQQQQIIQQ" if wide else "10I")
        rows = ((0, 2, 0, 0, table_at, len(table), 1, 0, 8, number), (0, 3, 0, 0, names_at, len(names), 0, 0, 1, 0))
        sections_at, count = put(b"".join(struct.pack(form, *row) for row in rows)), 2
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + b"\0" * 9
    rest = (3, machine, 1, 0, head, sections_at, 0, head, entry, 2, 64 if wide else 40, count, 0)
    data[:head] = ident + struct.pack(f"{order}HHI3{word}I6H", *rest)
    for index, (kind, at, size, flags) in enumerate(((1, 0, len(data), 5), (2, dynamic_at, len(dynamic), 4))):
        if wide:
            header = struct.pack(order + "IIQQQQQQ", kind, flags, at, at, at, size, size, 8)
        else:
            header = struct.pack(order + "8I", kind, at, at, at, size, size, flags, 8)
        data[head + index * entry : head + (index + 1) * entry] = header
    return bytes(data)


def x86_functions(**values: int) -> dict[str, bytes]:
    """ggml_cpu_has functions as a compiler writes them."""
    return {f"ggml_cpu_has_{name}": b"\xb8" + struct.pack("<I", v) + b"\xc3" for name, v in values.items()}


def arm_functions(**values: int) -> dict[str, bytes]:
    """The same for AArch64: mov w0, VALUE; ret."""
    return {
        f"ggml_cpu_has_{name}": (b"\x20\x00\x80\x52" if v else b"\x00\x00\x80\x52") + b"\xc0\x03\x5f\xd6"
        for name, v in values.items()
    }

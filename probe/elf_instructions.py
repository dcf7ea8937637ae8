"""What a stripped x86 build of ggml was compiled for, by counting instructions in its machine code.

ggml's quantised kernels multiply bytes with `vpmaddubsw` on 256-bit registers wherever they are compiled for AVX2, and
with nothing else that has its encoding (Intel SDM volume 2, VEX.256.66.0F38 04). Counted in builds of ggml: 289 to 1153
with AVX2, 0 without; 0 in libc and OpenSSL, whose AVX2 code is chosen when they start and uses other instructions.
FMA is told by `vfmadd*ps` on 256-bit registers: 376 to 1261 with it, 0 without. So a count between
`FEW` and `MANY` says nothing, and neither does code without the source names that ggml's CPU back end keeps in its
messages: then it is not known whether the kernels are in this file at all.
"""

from .elf import Elf, Segment
from .host import Host

MAX_CODE_BYTES = 24 << 20
"""Python counts at about 0.3 GB/s, and `doctor` has no time for more."""
FEW, MANY = 2, 100
"""A random pattern of four bytes like these appears about once in 30 MB of code."""
MIN_SOURCES = 3


def _any(values: range) -> str:
    return "[" + "".join(f"\\x{value:02x}" for value in values) + "]"


_MAP_0F38 = "\\xc4" + _any(range(0x02, 0x100, 0x20))
_BYTES_256 = _MAP_0F38 + _any(range(0x05, 0x100, 8)) + "\\x04"
_FMA_256 = _MAP_0F38 + _any(range(0x05, 0x80, 8)) + "[\\x98\\xa8\\xb8]"
_SOURCES = r"ggml-cpu/[\w./-]{1,40}\.c"


def count_sets(host: Host, elf: Elf) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """AVX2 and FMA, as compiled in and as absent; None where the code does not show it clearly."""
    if elf.machine != "x86_64":
        return None
    code = [segment for segment in elf.segments if segment.executable]
    if not code or sum(segment.size for segment in code) > MAX_CODE_BYTES:
        return None
    constants = [segment for segment in elf.segments if segment.size <= MAX_CODE_BYTES]
    if _sum(host, elf, constants, (_SOURCES,))[0] < MIN_SOURCES:
        return None
    present: list[str] = []
    absent: list[str] = []
    for name, count in zip(("AVX2", "FMA"), _sum(host, elf, code, (_BYTES_256, _FMA_256)), strict=True):
        if count >= MANY:
            present.append(name)
        elif 0 <= count <= FEW:
            absent.append(name)
    return (tuple(present), tuple(absent)) if present or absent else None


def _sum(host: Host, elf: Elf, segments: list[Segment], patterns: tuple[str, ...]) -> tuple[int, ...]:
    sums = [0] * len(patterns)
    for segment in segments:
        length = min(segment.size, max(0, elf.size - segment.offset))
        counts = host.counts(elf.path, segment.offset, length, patterns) if length else None
        if counts is None and length:
            return (-1,) * len(patterns)  # Not read: neither many nor few.
        sums = [a + b for a, b in zip(sums, counts or sums, strict=True)] if counts else sums
    return tuple(sums)

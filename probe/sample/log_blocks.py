"""Find and unpack the blocks of a record, see `log.py`: bounded, whatever the bytes are."""

import math
import zlib
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from .log import BLOCK_HEAD_BYTES, BLOCK_SAMPLES, MAGIC, MAX_BLOCK_BYTES, MAX_LINE_BYTES, unpack_head

MAX_BLOCK_LINES = BLOCK_SAMPLES + 10
_LEAST_SAMPLE_BYTES = 16
_PIECE_BYTES = 1 << 16
Bytes = bytes | mmap


class Place(NamedTuple):
    """Where a block lies."""

    start: int
    end: int
    number: int
    """Of its first sample."""
    time_s: float


class Damaged(Exception):
    """A block cannot be read beyond the lines that were given so far."""


def find_blocks(data: Bytes) -> list[Place]:
    """The blocks in order, up to the first whose number does not follow.

    Where a head between two blocks is damaged, numbers jump, at most by as many samples as could lie there.
    """
    found: list[Place] = []
    start = data.find(MAGIC, 0, len(MAGIC))
    while start >= 0 and start + BLOCK_HEAD_BYTES <= len(data):
        following = data.find(MAGIC, start + BLOCK_HEAD_BYTES)
        number, time_s = unpack_head(data[start : start + BLOCK_HEAD_BYTES])
        if not (number == 0 if not found else 0 < number - found[-1].number <= _most_samples(found[-1].start, start)):
            break
        if not math.isfinite(time_s):
            break
        found.append(Place(start, following if following >= 0 else len(data), number, time_s))
        start = following
    return found


def _most_samples(start: int, end: int) -> int:
    return max(BLOCK_SAMPLES, (end - start) // _LEAST_SAMPLE_BYTES)


def block_lines(data: Bytes, place: Place) -> Iterator[bytes]:
    """Whole lines; raises `Damaged` after the last that can be read, where the block does not end as it should."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    rest, total, checksum, count = b"", 0, 0, 0
    packed: bytes = data[place.start + BLOCK_HEAD_BYTES : place.end]
    while not unpacker.eof:
        try:
            piece = unpacker.decompress(packed, _PIECE_BYTES)
        except zlib.error as error:
            raise Damaged(f"damaged ({error})") from None
        if not piece and not unpacker.eof:
            raise Damaged("cut off")
        packed = unpacker.unconsumed_tail
        total += len(piece)
        checksum = zlib.crc32(piece, checksum)
        if total > MAX_BLOCK_BYTES:
            raise Damaged(f"damaged (a block unpacks to more than {MAX_BLOCK_BYTES >> 20} MiB)")
        *lines, rest = (rest + piece).split(b"\n")
        if max(map(len, lines), default=0) > MAX_LINE_BYTES or len(rest) > MAX_LINE_BYTES:
            raise Damaged("damaged (a line has no end)")
        yield from lines[: MAX_BLOCK_LINES - count]
        count += len(lines)
        if count > MAX_BLOCK_LINES:
            raise Damaged("damaged (a block holds too many lines)")
    end = unpacker.unused_data
    if rest or len(end) < 8:
        raise Damaged("cut off")
    if int.from_bytes(end[:4], "little") != checksum or int.from_bytes(end[4:8], "little") != total:
        raise Damaged("damaged (its checksum is another)")
    if len(end) > 8:
        raise Damaged("damaged (something else follows a block)")

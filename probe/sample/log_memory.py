"""`MemoryLog`: the last samples, packed as in a record, for looking back in a running monitor."""

import contextlib
from collections import deque
from dataclasses import dataclass, field

from .log import BLOCK_SAMPLES, SAMPLE_START, Block, encode_sample
from .log_blocks import Damaged, Place, block_lines
from .log_read import decode_sample
from .sample import Sample


@dataclass(slots=True)
class _Packed:
    number: int
    block: Block | None
    """None once it is full."""
    data: bytearray = field(default_factory=bytearray)
    times: list[float] = field(default_factory=list)


class MemoryLog:
    """Samples by number: the first ever is 0, and numbers below `first` are forgotten. For one thread."""

    def __init__(self, limit: int) -> None:
        """Keep at least `limit` samples, and at most a block more."""
        self._limit = limit
        self._blocks: deque[_Packed] = deque()
        self._unpacked: tuple[int, list[bytes]] | None = None
        self.first = 0
        self.end = 0
        """One more than the newest number."""

    def __len__(self) -> int:
        return self.end - self.first

    def append(self, sample: Sample) -> None:
        """Add the newest."""
        if not self._blocks or (packer := self._blocks[-1].block) is None or packer.full():
            if self._blocks:
                self._blocks[-1].block = None
            packer = Block(self.end, sample.time_s)
            self._blocks.append(_Packed(self.end, packer))
        last = self._blocks[-1]
        last.data += packer.add(encode_sample(sample), 1)
        last.times.append(sample.time_s)
        self.end += 1
        while len(self._blocks) > 1 and self.end - self._blocks[1].number >= self._limit:
            self._blocks.popleft()
            self.first = self._blocks[0].number

    def __getitem__(self, number: int) -> Sample:
        """Raise IndexError for what is not kept."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        block = self._holding(number)
        within = number - block.number
        # Of the newest block there may be more by now.
        if self._unpacked is None or self._unpacked[0] != block.number or within >= len(self._unpacked[1]):
            self._unpacked = (block.number, _lines(block))
        return decode_sample(self._unpacked[1][within])

    def time_of(self, number: int) -> float:
        """Seconds since 1970."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        block = self._holding(number)
        return block.times[number - block.number]

    def index_at(self, time_s: float) -> int:
        """The number of the last sample at or before a time; the first where all are later."""
        for block in reversed(self._blocks):
            if block.times[0] <= time_s:
                return block.number + max(i for i, at in enumerate(block.times) if at <= time_s)
        return self.first

    def _holding(self, number: int) -> _Packed:
        # All blocks but large ones hold as many: the guess is right or a little late.
        guess = min((number - self.first) // BLOCK_SAMPLES, len(self._blocks) - 1)
        while guess + 1 < len(self._blocks) and self._blocks[guess + 1].number <= number:
            guess += 1
        return self._blocks[guess]


def _lines(block: _Packed) -> list[bytes]:
    found: list[bytes] = []
    data = bytes(block.data)
    with contextlib.suppress(Damaged):  # It has no end while it grows.
        found.extend(line for line in block_lines(data, Place(0, len(data), 0, 0.0)) if line.startswith(SAMPLE_START))
    return found

"""`SampleReader`: a record of samples, any of them at once, with little of it in memory. See `log.py`."""

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from mmap import ACCESS_READ, mmap

from pydantic import BaseModel, ValidationError

from ..bounded_json import BOUNDED_JSON
from ..reading import Malformed
from .log import BLOCK_HEAD_BYTES, FACTS_START, FORMAT_VERSION, HEADER_START, MAGIC, SAMPLE_START, BadRecord, Json
from .log_blocks import Bytes, Damaged, block_lines, find_blocks
from .sample import Sample

_ODD_NUMBER = re.compile(rb"[:,\[]\s*-?(?:NaN|Inf|[0-9]{25}|[0-9.]+[eE]\+?[0-9]{3})")
"""What JSON's readers take and no sample holds; seen in a text it is looked at again."""

END_OF_TIME_S = 253_402_214_400
"""The last day of the year 9999: no calendar tells later ones."""


class _Line(BaseModel):
    """What else stands in it is for others."""

    at: float
    sample: Sample


def decode_sample(line: bytes) -> Sample:
    """The sample of one line; raises `Malformed`."""
    try:
        if _ODD_NUMBER.search(line):
            BOUNDED_JSON.decode(line.decode("utf-8"))
        sample = _Line.model_validate_json(line).sample
        if not 0 <= sample.time_s < END_OF_TIME_S:
            raise Malformed("its time is none")
        return sample
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Malformed(f"{place or 'the line'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None


class DamagedSample(Malformed):
    """One sample of a record cannot be read."""

    def __init__(self, index: int, why: str) -> None:
        self.why = why if why.startswith("damaged") else f"damaged: {why}"
        super().__init__(f"sample {index + 1} is {self.why}")


class SampleReader:
    """The samples of one file as a sequence. The file may grow meanwhile: what was there when it was opened is seen."""

    def __init__(self, path: str) -> None:
        """Raise `BadRecord` for what is no record, OSError for what cannot be read."""
        self.path = path
        self._data = _map(path)
        self._blocks = find_blocks(self._data)
        self._latest = -1.0
        self._cached: tuple[int, list[bytes], str | None] | None = None
        self.header = self._read_header()
        self._starts = [place.number for place in self._blocks]
        # A clock that was set back must not make earlier blocks unfindable.
        self._times = list(accumulate((place.time_s for place in self._blocks), max))
        self._count, self.cut = self._find_end()
        """`cut` is why the record ends early, in words; None where it was closed, or is still written to."""
        if not self._count:
            raise BadRecord(f"it holds no sample ({self.cut or 'none was written'})")

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Raise `DamagedSample`, or IndexError beyond the end."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        try:
            return decode_sample(self._line(index))
        except Malformed as why:
            raise DamagedSample(index, str(why)) from None

    def __iter__(self) -> Iterator[Sample]:
        return self.samples()

    def samples(self, start: int = 0) -> Iterator[Sample]:
        """From the `start`th on."""
        for index in range(start, self._count):
            yield self[index]

    def time_of(self, index: int) -> float:
        """Seconds since 1970; cheaper than the sample."""
        try:
            line = self._line(index)
        except Malformed as why:
            raise DamagedSample(index, str(why)) from None
        end = line.find(b",", len(SAMPLE_START))
        try:
            time_s = float(line[len(SAMPLE_START) : end])
        except ValueError:
            time_s = -1.0
        if not 0 <= time_s < END_OF_TIME_S:
            raise DamagedSample(index, "it has no time")
        return time_s

    def index_at(self, time_s: float) -> int:
        """The last sample at or before a time; the first where all are later."""
        block = max(bisect_right(self._times, time_s) - 1, 0)
        low = self._starts[block]
        high = self._starts[block + 1] if block + 1 < len(self._starts) else self._count
        found = low
        for index in range(low, min(high, self._count)):
            if self.time_of(index) <= time_s:
                found = index
        return found

    def facts_of(self, index: int) -> Json | None:
        """What the sample is to be judged against, as it was written; not validated. Raises `Malformed`."""
        for line in self._lines(self._block_of(index)):
            if line.startswith(FACTS_START):
                try:
                    found = _object(line).get("facts")
                except BadRecord as why:
                    raise Malformed(str(why)) from None
                return found if isinstance(found, dict) else None
            if line.startswith(SAMPLE_START):
                break
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._cached = None
        if isinstance(self._data, mmap):
            self._data.close()

    def _block_of(self, index: int) -> int:
        return bisect_right(self._starts, index) - 1

    def _line(self, index: int) -> bytes:
        block = self._block_of(index)
        wanted = index - self._starts[block]
        for line in self._lines(block):
            if line.startswith(SAMPLE_START):
                if wanted == 0:
                    return line
                wanted -= 1
        raise Malformed(self._unpack(block)[1] or "it is missing")

    def _lines(self, block: int) -> list[bytes]:
        return self._unpack(block)[0]

    def _unpack(self, block: int) -> tuple[list[bytes], str | None]:
        if self._cached is None or self._cached[0] != block:
            lines: list[bytes] = []
            why = None
            try:
                lines.extend(block_lines(self._data, self._blocks[block]))
            except Damaged as damaged:
                why = str(damaged)
            self._cached = (block, lines, why)
        return self._cached[1], self._cached[2]

    def _read_header(self) -> Json:
        if not self._data:
            raise BadRecord("it is empty, and no record of samples")
        if not self._blocks:
            if len(self._data) < BLOCK_HEAD_BYTES and MAGIC.startswith(self._data[: len(MAGIC)]):
                raise BadRecord("it holds no sample (cut off)")
            raise BadRecord("it is no record of samples; make one with 'llmtune watch --record FILE'")
        first = next(iter(self._lines(0)), None)
        if first is None:
            raise BadRecord(f"it holds no sample ({self._unpack(0)[1]})")
        header = _object(first) if first.startswith(HEADER_START) else {}
        if "llmtune_record" not in header:
            raise BadRecord("it is no record of samples; make one with 'llmtune watch --record FILE'")
        if header["llmtune_record"] != FORMAT_VERSION:
            version = str(header["llmtune_record"])[:20]
            raise BadRecord(f"it has the format {version}, this llmtune reads {FORMAT_VERSION}")
        return header

    def _find_end(self) -> tuple[int, str | None]:
        last = len(self._blocks) - 1
        lines, why = self._unpack(last)
        return self._starts[last] + sum(line.startswith(SAMPLE_START) for line in lines), why


def _object(line: bytes) -> dict[str, object]:
    try:
        found = BOUNDED_JSON.decode(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadRecord("it is damaged: a line is not JSON") from None
    return found if isinstance(found, dict) else {}


def _map(path: str) -> Bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise BadRecord("not a regular file")
        return mmap(handle, 0, access=ACCESS_READ) if status.st_size else b""
    finally:
        os.close(handle)

"""The header of one GGUF file: metadata and tensor table, never the weights.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; limits as in llama.cpp's ggml/src/gguf.cpp, and
tighter ones where a header of a real model is far from them, so that a hostile file costs neither time nor memory.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from ..host import Host
from .fault import BadModel
from .ggml_types import GGML_TYPES, REMOVED_TYPES
from .types import Tensor

MAX_HEADER_BYTES = 64 * 1024 * 1024
"""The largest vocabularies in use take 12 MB."""
MAX_KEYS = 20_000
MAX_TENSORS = 100_000
MAX_STRINGS = 3_000_000
"""Elements of string arrays in one file: a vocabulary of 262,144 with its merges takes 0.8 million."""
KEPT_STRING_BYTES = 4096
_CUT_SHORT = "the file was cut short or damaged; get it again"
KEPT_ELEMENTS = 1024
"""Longer strings and arrays are counted, not kept."""
KEPT_BYTES = 8 * 1024 * 1024
"""Of all that is kept of one file; the rest is counted only."""
_OBJECT_BYTES = 64
"""Roughly what a kept element takes beside its text."""
_CHUNK_BYTES = 1024 * 1024
_REMEMBERED_BYTES = 16 * 1024 * 1024
"""So much of a file the host may remember."""

_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""struct formats by value type."""
_STRING, _ARRAY = 8, 9
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")


class Counted(NamedTuple):
    """A value too long to keep."""

    length: int
    """Elements of an array, bytes of a string."""


Value = str | int | float | bool | tuple[str | int | float | bool, ...] | Counted


class Header(NamedTuple):
    """What a GGUF file says of itself."""

    path: str
    size_bytes: int
    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    data_start: int


class _Cursor:
    """Reads a file forwards, in growing steps, never past its end or the limit."""

    def __init__(self, host: Host, path: str, size_bytes: int) -> None:
        self.host, self.path, self.size = host, path, size_bytes
        self.data = bytearray()
        self.at = 0
        self.left = KEPT_BYTES

    def fault(self, what: str) -> BadModel:
        return BadModel(self.path, what)

    def need(self, count: int) -> int:
        """Have `count` bytes from here on; the place where they begin. The caller moves on."""
        end = self.at + count
        if end > len(self.data):
            self._fetch(end)
        return self.at

    def take(self, count: int) -> bytes:
        start = self.need(count)
        self.at = start + count
        return bytes(self.data[start : self.at])

    def u32(self) -> int:
        value: int = _U32.unpack_from(self.data, self.need(4))[0]
        self.at += 4
        return value

    def u64(self) -> int:
        value: int = _U64.unpack_from(self.data, self.need(8))[0]
        self.at += 8
        return value

    def text(self, most: int, what: str) -> str:
        length = self.u64()
        if length > most:
            raise self.fault(f"{what} is {length} bytes long, at most {most} are possible; the file is damaged")
        return self.take(length).decode("utf-8", "replace")

    def kept(self, count: int, size_bytes: int = 0) -> bool:
        """Whether so many values more may be kept."""
        self.left -= count * _OBJECT_BYTES + size_bytes
        return self.left >= 0

    def _fetch(self, end: int) -> None:
        if end > self.size:
            raise self.fault(f"the file ends within its header, after {self.size} bytes; it is truncated or damaged")
        if end > MAX_HEADER_BYTES:
            raise self.fault(f"the header is longer than {MAX_HEADER_BYTES >> 20} MiB; that is no real model")
        while len(self.data) < end:
            missing = max(end - len(self.data), min(len(self.data), 8 * _CHUNK_BYTES), _CHUNK_BYTES)
            start, length = len(self.data), min(missing, 16 * _CHUNK_BYTES, self.size - len(self.data))
            part = self.host.span(self.path, start, length)
            if not part:
                raise self.fault("it cannot be read")
            self.data += part
            if start > _REMEMBERED_BYTES:
                self.host.forget_span(self.path, start, length)


def read_header(host: Host, path: str) -> Header:
    """The header of the GGUF file at `path`; raises `BadModel`."""
    size_bytes = file_size(host, path)
    cursor = _Cursor(host, path, size_bytes)
    tensor_count, key_count, version = _counts(cursor)
    metadata = _metadata(cursor, key_count)
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment <= 0 or alignment & (alignment - 1) or alignment > 1 << 20:
        raise cursor.fault(f"general.alignment is {alignment}, not a power of two")
    tensors, data_bytes = _tensors(cursor, tensor_count, alignment)
    data_start = -(-cursor.at // alignment) * alignment
    return Header(path, size_bytes, version, metadata, _placed(cursor, tensors, data_start, data_bytes), data_start)


def file_size(host: Host, path: str) -> int:
    """Bytes of a regular file; raises `BadModel`."""
    stat = host.stat(path)
    if stat is None:
        raise BadModel(path, "no such file, or it may not be read")
    if stat["kind"] != "file":
        raise BadModel(path, f"is no file but a {stat['kind']}")
    size = stat["size"]
    if not isinstance(size, int) or size <= 0:
        raise BadModel(path, "the file is empty")
    return size


def _counts(cursor: _Cursor) -> tuple[int, int, int]:
    magic = cursor.take(4) if cursor.size >= 4 else b""
    if magic != b"GGUF":
        if magic in (b"ggml", b"ggjt", b"ggla", b"lmgg", b"tjgg", b"algg"):
            raise cursor.fault("is a GGML file from before August 2023, which today's engines do not read; convert it")
        raise cursor.fault("is no GGUF file: it does not begin with 'GGUF'")
    version = cursor.u32()
    if version & 0xFFFF == 0 and version:
        raise cursor.fault("is a big-endian GGUF file; engines on this kind of machine do not read it")
    if version not in (2, 3):
        raise cursor.fault(f"is GGUF version {version}; engines read versions 2 and 3")
    tensor_count, key_count = cursor.u64(), cursor.u64()
    # The shortest tensor entry is 24 bytes, the shortest key 13 (llama.cpp's gguf.cpp).
    if tensor_count > MAX_TENSORS or tensor_count * 24 > cursor.size:
        raise cursor.fault(f"claims {tensor_count} tensors, more than fit into it; the file is damaged")
    if key_count > MAX_KEYS or key_count * 13 > cursor.size:
        raise cursor.fault(f"claims {key_count} metadata keys, more than fit into it; the file is damaged")
    return tensor_count, key_count, version


def _metadata(cursor: _Cursor, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    strings_left = [MAX_STRINGS]
    for _ in range(count):
        key = cursor.text(65535, "a metadata key")
        if not key or key in metadata:
            raise cursor.fault(f"metadata key {key!r} is given twice" if key else "a metadata key is empty")
        kind = cursor.u32()
        if kind == _ARRAY:
            metadata[key] = _array(cursor, key, strings_left)
        elif kind == _STRING:
            metadata[key] = _string(cursor, key)
        else:
            metadata[key] = _scalar(cursor, key, kind)
    return metadata


def _scalar(cursor: _Cursor, key: str, kind: int) -> Value:
    code = _FORMATS.get(kind)
    if code is None:
        raise cursor.fault(f"metadata key {key!r} has the unknown type {kind}")
    width = struct.calcsize("<" + code)
    value: int | float | bool = struct.unpack_from("<" + code, cursor.data, cursor.need(width))[0]
    cursor.at += width
    return value


def _string(cursor: _Cursor, key: str) -> Value:
    length = cursor.u64()
    if length > MAX_HEADER_BYTES:
        raise cursor.fault(f"the text of metadata key {key!r} claims {length} bytes, more than there is: {_CUT_SHORT}")
    start = cursor.need(length)
    cursor.at = start + length
    if length > KEPT_STRING_BYTES or not cursor.kept(1, 2 * length):
        return Counted(length)
    return cursor.data[start : cursor.at].decode("utf-8", "replace")


def _array(cursor: _Cursor, key: str, strings_left: list[int]) -> Value:
    kind, count = cursor.u32(), cursor.u64()
    if kind == _STRING:
        strings_left[0] -= count
        if strings_left[0] < 0 or count * 8 > cursor.size:
            raise cursor.fault(f"metadata key {key!r} claims {count} texts, more than there is: {_CUT_SHORT}")
        if count <= KEPT_ELEMENTS and not key.startswith("tokenizer.") and cursor.kept(count):
            texts = [_string(cursor, key) for _ in range(count)]
            return tuple(text if isinstance(text, str) else "..." for text in texts)
        _skip_strings(cursor, count)
        return Counted(count)
    code = _FORMATS.get(kind)
    if code is None:
        raise cursor.fault(f"metadata key {key!r} is an array of the unknown type {kind}")
    width = struct.calcsize("<" + code)
    if count * width > cursor.size:
        raise cursor.fault(f"metadata key {key!r} claims {count} elements, more than there is: {_CUT_SHORT}")
    start = cursor.need(count * width)
    cursor.at = start + count * width
    if count > KEPT_ELEMENTS or not cursor.kept(count):
        return Counted(count)
    return struct.unpack_from(f"<{count}{code}", cursor.data, start)


def _skip_strings(cursor: _Cursor, count: int) -> None:
    """Step over `count` strings. A vocabulary has hundreds of thousands: this loop is most of the reader's time."""
    unpack, data, at = _U64.unpack_from, cursor.data, cursor.at
    left = count
    while left:
        # So far from the end that no check is needed but struct's own.
        try:
            while left:
                at += 8 + unpack(data, at)[0]
                left -= 1
        except (struct.error, OverflowError):
            cursor.at = at
            cursor.need(8)
    cursor.at = at
    cursor.need(0)


def _tensors(cursor: _Cursor, count: int, alignment: int) -> tuple[list[Tensor], int]:
    tensors: list[Tensor] = []
    names: set[str] = set()
    running = 0
    for _ in range(count):
        name = cursor.text(64, "a tensor's name")
        if name in names:
            raise cursor.fault(f"tensor {name!r} is given twice")
        names.add(name)
        dimensions = cursor.u32()
        if dimensions > 4:
            raise cursor.fault(f"tensor {name!r} claims {dimensions} dimensions, at most 4 are possible")
        width = 8 * dimensions + 12
        *shape, kind, offset = struct.unpack_from(f"<{dimensions}QIQ", cursor.data, cursor.need(width))
        cursor.at += width
        size_bytes, type_name = _size(cursor, name, shape, kind)
        if offset != running:
            raise cursor.fault(f"tensor {name!r} lies at {offset}, not at {running} after the one before it")
        running = -(-(running + size_bytes) // alignment) * alignment
        tensors.append(Tensor(name, tuple(shape), type_name, size_bytes, 0, offset))
    return tensors, running


def _size(cursor: _Cursor, name: str, shape: list[int], kind: int) -> tuple[int, str]:
    known = GGML_TYPES.get(kind)
    if known is None:
        if kind in REMOVED_TYPES:
            raise cursor.fault(f"tensor {name!r} has the type {REMOVED_TYPES[kind]}, which llama.cpp has removed")
        raise cursor.fault(f"tensor {name!r} has the unknown type {kind}; llmtune may be older than the file")
    elements = 1
    for length in shape:
        elements *= length
    if elements >= 1 << 63:
        raise cursor.fault(f"tensor {name!r} claims {elements} elements; the file is damaged")
    if shape and shape[0] % known.block:
        raise cursor.fault(
            f"rows of tensor {name!r} ({shape[0]}) are no multiple of {known.name}'s block {known.block}"
        )
    return elements // known.block * known.block_bytes, known.name


def _placed(cursor: _Cursor, tensors: list[Tensor], data_start: int, data_bytes: int) -> tuple[Tensor, ...]:
    if tensors:
        last = tensors[-1]
        end = data_start + last.offset + last.size_bytes
        if end > cursor.size:
            raise cursor.fault(
                f"is truncated: its tensors end at byte {end}, but the file has {cursor.size}"
                f" ({100 * cursor.size / end:.0f} %); download it again"
            )
    elif data_bytes:
        raise cursor.fault("holds data that no tensor names")
    return tuple(tensor._replace(offset=data_start + tensor.offset) for tensor in tensors)

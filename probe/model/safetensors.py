"""The header of a safetensors file: names, types, shapes and places of tensors, never the weights.

Format: https://github.com/huggingface/safetensors#format; a header has at most 100 MB, the tensors lie in it without
holes or overlaps, as its own reader demands.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..host import Host
from .fault import BadModel
from .json_file import file_bytes, parse_object, read_span
from .types import Tensor

FORMAT_HEADER_BYTES = 100_000_000
"""The format's own limit."""
MAX_HEADER_BYTES = 32 << 20
"""Four times the longest in use: models with many tensors come in many files."""
_MAX_TENSORS = 400_000
"""The largest models, with a scale or two beside each expert, have 280,000."""
_MAX_DIMENSIONS = 8
_MAX_NAME = 512

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
    "U64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Of one element, by the name in the file (safetensors/src/tensor.rs)."""


class SafetensorsFile(NamedTuple):
    """What a safetensors file says of itself."""

    path: str
    size_bytes: int
    header_bytes: int
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]


def read_safetensors(host: Host, path: str, number: int = 0) -> SafetensorsFile:
    """The header of the file at `path`, which is the model's file `number`; raises `BadModel`."""
    size = file_bytes(host, path)
    if size < 8:
        raise BadModel(path, f"has only {size} bytes; a safetensors file begins with the length of its header")
    length = int.from_bytes(read_span(host, path, 0, 8), "little")
    start = 8 + length
    if length > FORMAT_HEADER_BYTES:
        raise BadModel(path, f"claims a header of {length} bytes, at most {FORMAT_HEADER_BYTES} are possible")
    if start > size:
        raise BadModel(path, f"is truncated: its header needs {start} bytes, but the file has {size}")
    if length > MAX_HEADER_BYTES:
        raise BadModel(
            path, f"has a header of {length} bytes, more than {MAX_HEADER_BYTES >> 20} MiB; no real model has"
        )
    if length < 2:
        raise BadModel(path, "has no header; it is no safetensors file")
    header = parse_object(_head(host, path, length), path, "the header", strict=True)
    metadata = _metadata(path, header.pop("__metadata__", None))
    tensors = _tensors(path, header, start, number)
    _check_places(path, tensors, start, size)
    return SafetensorsFile(path, size, start, tuple(tensors), metadata)


def _head(host: Host, path: str, length: int) -> bytes | bytearray:
    first = read_span(host, path, 8, 1)
    if first != b"{":
        raise BadModel(path, "its header does not begin with '{'; it is no safetensors file")
    return read_span(host, path, 8, length)


def _metadata(path: str, given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadModel(path, "its __metadata__ is no object")
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _tensors(path: str, header: Mapping[str, Any], start: int, number: int) -> list[Tensor]:
    if len(header) > _MAX_TENSORS:
        raise BadModel(path, f"claims {len(header)} tensors, more than any model has")
    tensors = []
    for name, entry in header.items():
        if len(name) > _MAX_NAME:
            raise BadModel(path, f"tensor {name[:40]!r}... has a name of {len(name)} characters")
        try:
            dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise BadModel(path, f"tensor {name!r} lacks its dtype, shape or data_offsets") from None
        bits = BITS.get(dtype) if isinstance(dtype, str) else None
        if bits is None:
            raise BadModel(path, f"tensor {name!r} has the unknown type {str(dtype)[:40]!r}")
        if type(begin) is not int or type(end) is not int or not 0 <= begin <= end:
            raise BadModel(path, f"tensor {name!r} lies from {str(begin)[:30]} to {str(end)[:30]}, which is no place")
        elements = _elements(path, name, shape)
        if elements * bits != (end - begin) * 8:
            what = f"{end - begin} bytes for {elements} elements of {dtype}"
            raise BadModel(path, f"tensor {name!r} has {what}; the header is damaged")
        tensors.append(Tensor(name, tuple(shape[::-1]), dtype.lower(), end - begin, number, start + begin))
    return tensors


def _elements(path: str, name: str, shape: Any) -> int:
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise BadModel(path, f"the shape of tensor {name!r} is no list of at most {_MAX_DIMENSIONS} numbers")
    elements = 1
    for length in shape:
        if type(length) is not int or not 0 <= length < 1 << 48:
            raise BadModel(path, f"the shape of tensor {name!r} holds {str(length)[:30]!r}")
        elements *= length
    return elements


def _check_places(path: str, tensors: list[Tensor], start: int, size: int) -> None:
    end = start
    for tensor in sorted(tensors, key=lambda tensor: (tensor.offset, tensor.size_bytes)):
        if tensor.offset != end:
            what = "overlaps the one before it" if tensor.offset < end else "leaves a hole before it"
            raise BadModel(path, f"tensor {tensor.name!r} {what}; the header is damaged")
        end += tensor.size_bytes
    if end > size:
        raise BadModel(
            path,
            f"is truncated: its tensors end at byte {end}, but the file has {size} ({100 * size // end} %);"
            " download it again",
        )

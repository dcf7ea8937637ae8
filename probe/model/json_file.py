"""JSON from a stranger: bounded in size, depth and memory before it is parsed, every fault one line."""

import json
from typing import Any

from ..host import Host
from .fault import BadModel

MAX_PARSED_BYTES = 112 << 20
"""What text and values may take together, guessed from the text beforehand."""
_CHUNK_BYTES = 16 << 20
_REMEMBERED_BYTES = 16 << 20
"""So much of a file the host may remember."""
_OBJECT_BYTES, _ARRAY_BYTES, _TEXT_BYTES, _ITEM_BYTES = 220, 72, 30, 36
"""Roughly what CPython takes for each (a dict of three; half of a string's header for each quote)."""


def file_bytes(host: Host, path: str) -> int:
    """Bytes of a regular file; raises `BadModel`."""
    stat = host.stat(path)
    if stat is None:
        raise BadModel(path, "no such file, or it may not be read")
    if stat["kind"] != "file":
        raise BadModel(path, f"is no file but a {_KINDS.get(str(stat['kind']), 'FIFO or socket')}")
    size = stat["size"]
    if not isinstance(size, int) or size <= 0:
        raise BadModel(path, "the file is empty")
    return size


_KINDS = {"directory": "directory", "block": "block device", "char": "character device"}


def read_object(host: Host, path: str, most_bytes: int, *, strict: bool = False) -> dict[str, Any]:
    """The JSON object that is the whole file; raises `BadModel`."""
    size = file_bytes(host, path)
    if size > most_bytes:
        raise BadModel(path, f"has {size} bytes, more than {most_bytes >> 20} MiB; that is no real model's")
    return parse_object(read_span(host, path, 0, size), path, strict=strict)


def read_span(host: Host, path: str, start: int, length: int) -> bytes | bytearray:
    """`length` bytes from `start`; raises `BadModel` where there are fewer."""
    data = bytearray()
    while len(data) < length:
        offset, wanted = start + len(data), min(length - len(data), _CHUNK_BYTES)
        part = host.span(path, offset, wanted)
        if not part:
            raise BadModel(path, "cannot be read to its end")
        if len(part) == length:
            return part
        data += part
        if len(data) > _REMEMBERED_BYTES:
            host.forget_span(path, offset, wanted)
    return data


def parse_object(data: bytes | bytearray, path: str, what: str = "", *, strict: bool = False) -> dict[str, Any]:
    """A JSON object; values that would fill the memory are a fault.

    Where strict, so are names given twice, NaN and infinity. Configurations of real models hold infinities.
    """
    prefix = f"{what} " if what else ""
    guess = (
        len(data)
        + _OBJECT_BYTES * data.count(b"{")
        + _ARRAY_BYTES * data.count(b"[")
        + _TEXT_BYTES * data.count(b'"')
        + _ITEM_BYTES * data.count(b",")
    )
    if guess > MAX_PARSED_BYTES:
        raise BadModel(path, f"{prefix}holds far more values than any model has; it is damaged".capitalize())
    try:
        text = data.decode("utf-8-sig")
        if strict:
            value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
        else:
            value = json.loads(text)
    except _Twice as twice:
        raise BadModel(path, f"{prefix}gives the key {str(twice)!r} twice") from None
    except _Constant as constant:
        raise BadModel(path, f"{prefix}holds {constant}, which is no number of JSON") from None
    except RecursionError:
        raise BadModel(path, f"{prefix}is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadModel(path, f"{prefix}is no valid JSON: {error.msg} at line {error.lineno}") from None
    except ValueError as error:  # Bytes that are no text, or an integer of thousands of digits.
        raise BadModel(path, f"{prefix}is no valid JSON: {str(error)[:80]}") from None
    if not isinstance(value, dict):
        raise BadModel(path, f"{prefix}is no JSON object")
    return value


class _Twice(Exception):
    """A name was given twice in one object."""


class _Constant(Exception):
    """NaN or an infinity."""


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Twice(name[:60])
            seen.add(name)
    return found


def _no_constant(name: str) -> Any:
    raise _Constant(name)

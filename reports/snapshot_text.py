"""A snapshot as text: every field that the machine filled, grouped as in the model, numbers in units for people."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import click
from pydantic import BaseModel

from ..probe.snapshot import Snapshot
from .escape import printable

WIDTH = 80
MAX_VALUE_CHARACTERS = 600
MAX_ITEMS = 64
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def render_snapshot(snapshot: Snapshot) -> str:
    """The whole text."""
    return "\n".join(_lines(snapshot)) + "\n"


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield f"Everything read about {printable(snapshot.machine)}"
    for name in type(snapshot).model_fields:
        value = getattr(snapshot, name)
        if name in ("schema_version", "machine", "gaps") or _is_empty(value):
            continue
        yield ""
        yield click.style(_words(name).upper(), bold=True)
        yield from _field("", value, 1) if not isinstance(value, BaseModel) else _model(value, 1)
    if snapshot.gaps:
        yield ""
        yield click.style("NOT READ", bold=True)
        for gap in snapshot.gaps[:MAX_ITEMS]:
            detail = f" ({gap.detail})" if gap.detail else ""
            yield from _wrapped(f"{gap.source}: {gap.reason}{detail}", 1)
        if len(snapshot.gaps) > MAX_ITEMS:
            yield f"  and {len(snapshot.gaps) - MAX_ITEMS} more; --format json has them all"


def _model(model: BaseModel, depth: int) -> Iterator[str]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if not _is_empty(value):
            yield from _field(name, value, depth)


def _field(name: str, value: object, depth: int) -> Iterator[str]:
    label = f"{_words(name)}: " if name else ""
    if isinstance(value, BaseModel):
        yield from _wrapped(label.rstrip(), depth)
        yield from _model(value, depth + 1)
    elif isinstance(value, Mapping):
        yield from _wrapped(label.rstrip(), depth)
        for key, item in list(value.items())[:MAX_ITEMS]:
            yield from _field(f"\0{key}", item, depth + 1)
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        yield from _items(label, value, depth)
    else:
        yield from _wrapped(label + _value(name, value), depth)


def _items(label: str, items: Sequence[object], depth: int) -> Iterator[str]:
    yield from _wrapped(f"{label}{len(items)}", depth)
    for item in items[:MAX_ITEMS]:
        lines = [line.strip() for line in (_model(item, 0) if isinstance(item, BaseModel) else [str(item)])]
        yield from _wrapped("- " + "; ".join(lines), depth + 1)
    if len(items) > MAX_ITEMS:
        yield from _wrapped(f"and {len(items) - MAX_ITEMS} more; --format json has them all", depth + 1)


def _words(name: str) -> str:
    if name.startswith("\0"):
        return name[1:]
    for ending in ("_bytes", "_khz", "_mhz", "_mw", "_percent", "_us", "_ms", "_s", "_c"):
        if name.endswith(ending):
            name = name.removesuffix(ending)
            break
    return name.replace("_", " ")


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(name, value)
    if isinstance(value, tuple):
        return _row(name, value)
    return str(value)


def _row(name: str, items: tuple[object, ...]) -> str:
    if items and all(type(item) is int for item in items) and "cpus" in name:
        return _ranges([item for item in items if isinstance(item, int)])
    shown = [_value(name, item) for item in items[:MAX_ITEMS]]
    more = f" and {len(items) - MAX_ITEMS} more" if len(items) > MAX_ITEMS else ""
    return (" | " if any(isinstance(item, tuple) for item in items) else ", ").join(shown) + more


def _ranges(numbers: Sequence[int]) -> str:
    parts: list[str] = []
    start = previous = numbers[0]
    for number in [*numbers[1:], None]:
        if number is not None and number == previous + 1:
            previous = number
            continue
        parts.append(str(start) if start == previous else f"{start}-{previous}")
        if number is not None:
            start = previous = number
    return ",".join(parts)


def _number(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return _bytes(value)
    for ending, unit, scale in (
        ("_khz", "GHz", 1e-6),
        ("_mhz", "MHz", 1),
        ("_mw", "W", 1e-3),
        ("_percent", "%", 1),
        ("_us", "us", 1),
        ("_ms", "ms", 1),
        ("_s", "s", 1),
        ("_c", "C", 1),
    ):
        if name.endswith(ending) and not name.endswith("_per_s"):
            return f"{value * scale:.6g} {unit}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _bytes(value: float) -> str:
    for unit in _BYTE_UNITS:
        if abs(value) < 1024 or unit == _BYTE_UNITS[-1]:
            return f"{value:.4g} {unit}"
        value /= 1024
    return ""


def _is_empty(value: object) -> bool:
    return value is None or value == () or value == {} or value == ""


def _wrapped(text: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    text = printable(text)
    if len(text) > MAX_VALUE_CHARACTERS:
        text = text[:MAX_VALUE_CHARACTERS] + " ..."
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
        break_long_words=False,
    )

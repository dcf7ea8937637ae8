"""Typed access to a Hugging Face config.json: every number bounded, every fault one line that names the key."""

from collections.abc import Mapping
from typing import Any

from .fault import BadModel

MAX_LAYERS = 512
_SHOWN = 40


class HfKeys:
    """The keys of one model: those of the language part first, then those around it."""

    def __init__(self, path: str, config: Mapping[str, Any]) -> None:
        self.path, self.config = path, config

    def fault(self, key: str, what: str) -> BadModel:
        """A fault of one key."""
        return BadModel(self.path, f"key {key!r} {what}")

    def find(self, *keys: str) -> tuple[str, Any] | None:
        """The first of the keys that has a value."""
        for key in keys:
            value = self.config.get(key)
            if value is not None:
                return key, value
        return None

    def integer(self, *keys: str, default: int | None = 0, low: int = 0, high: int = 1 << 24) -> int:
        """An integer within `low`..`high` by any of its names; `default` where absent, None: required."""
        found = self.find(*keys)
        if found is None:
            if default is None:
                raise BadModel(self.path, f"lacks the key {keys[0]!r}")
            return default
        return self.bounded(*found, low, high)

    def bounded(self, key: str, value: Any, low: int, high: int) -> int:
        """`value`, the value of `key`, as an integer within the bounds."""
        if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
            value = int(value)
        if type(value) is not int:
            raise self.fault(key, f"is {shown(value)}, not an integer")
        if not low <= value <= high:
            raise self.fault(key, f"is {shown(value)}, outside {low} to {high}")
        return int(value)

    def number(self, *keys: str, default: float) -> float:
        """A number of a moderate size."""
        found = self.find(*keys)
        if found is None:
            return default
        key, value = found
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 <= value <= 1e9:
            raise self.fault(key, f"is {shown(value)}, not a number")
        return float(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        value = self.config.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.fault(key, f"is {shown(value)}, not true or false")
        return value

    def text(self, key: str) -> str | None:
        """A short text; None where there is none."""
        value = self.config.get(key)
        return value if isinstance(value, str) and 0 < len(value) <= 200 else None

    def words(self, key: str, count: int) -> list[str] | None:
        """A list of words, one a layer; None where there is no list."""
        value = self.config.get(key)
        if value is None or isinstance(value, str):
            return None
        if not isinstance(value, list) or any(not isinstance(item, str) for item in value):
            raise self.fault(key, f"is {shown(value)}, not a list of words")
        if len(value) < count:
            raise self.fault(key, f"has {len(value)} elements for {count} layers")
        return value[:count]

    def integers(self, key: str, most: int, low: int = 0, high: int = 1 << 24) -> list[int] | None:
        """A list of at most `most` integers; None where there is no list."""
        value = self.config.get(key)
        if not isinstance(value, list):
            return None
        if len(value) > most:
            raise self.fault(key, f"has {len(value)} elements, more than {most}")
        return [self.bounded(key, int(item) if isinstance(item, bool) else item, low, high) for item in value]

    def part(self, key: str) -> "HfKeys":
        """The keys of a nested object; empty where there is none."""
        value = self.config.get(key)
        return HfKeys(self.path, value if isinstance(value, dict) else {})


def shown(value: Any) -> str:
    """A value of a stranger, short."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "an integer of hundreds of digits"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."

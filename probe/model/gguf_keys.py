"""Typed access to GGUF metadata: every number bounded, every fault one line that names the key."""

from collections.abc import Mapping

from .fault import BadModel
from .gguf import Counted, Value


class Keys:
    """The metadata of one file, with `{architecture}.` before the names."""

    def __init__(self, path: str, metadata: Mapping[str, Value], architecture: str) -> None:
        self.path, self.metadata, self.prefix = path, metadata, architecture + "."

    def has(self, key: str) -> bool:
        """Whether the file gives the key."""
        return self.prefix + key in self.metadata

    def integer(self, key: str, default: int | None, low: int = 0, high: int = 1 << 24) -> int:
        """An integer within `low`..`high`; `default` where absent, None: required."""
        value = self.metadata.get(self.prefix + key)
        if value is None:
            if default is None:
                raise BadModel(self.path, f"metadata key {self.prefix + key!r} is missing")
            return default
        return self._bounded(key, value, low, high)

    def flags(self, key: str, count: int) -> tuple[bool, ...] | None:
        """An array of truth values, one a layer; None where there is no array."""
        value = self.metadata.get(self.prefix + key)
        if not isinstance(value, tuple):
            return None
        if len(value) < count:
            raise BadModel(
                self.path, f"metadata key {self.prefix + key!r} has {len(value)} elements for {count} layers"
            )
        return tuple(bool(item) for item in value[:count])

    def per_layer(self, key: str, count: int, default: int | None, high: int = 1 << 24) -> tuple[int, ...]:
        """One integer for all layers or one each."""
        value = self.metadata.get(self.prefix + key)
        if isinstance(value, Counted):
            raise BadModel(
                self.path, f"metadata key {self.prefix + key!r} has {value.length} elements for {count} layers"
            )
        if isinstance(value, tuple):
            if len(value) < count:
                raise BadModel(
                    self.path, f"metadata key {self.prefix + key!r} has {len(value)} elements for {count} layers"
                )
            return tuple(self._bounded(key, item, 0, high) for item in value[:count])
        return (self.integer(key, default, 0, high),) * count

    def _bounded(self, key: str, value: Value, low: int, high: int) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int):
            raise BadModel(self.path, f"metadata key {self.prefix + key!r} is {str(value)[:40]!r}, not an integer")
        if not low <= value <= high:
            raise BadModel(self.path, f"metadata key {self.prefix + key!r} is {value}, outside {low} to {high}")
        return int(value)

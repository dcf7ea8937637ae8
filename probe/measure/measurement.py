"""What a measurement says."""

from typing import Literal

from ..reading import Reading

MeasurementKind = Literal["memory read", "memory copy", "disk read", "cached read"]


class Measurement(Reading):
    """A speed measured on this machine, now. Bytes that moved, per second, over several runs."""

    kind: MeasurementKind
    """`disk read` goes past the page cache, `cached read` comes out of it."""
    scope: str
    """`machine`, `node 0`, or the file that was read."""
    median_bytes_per_s: float
    min_bytes_per_s: float
    max_bytes_per_s: float
    """The best run: the peak, which noise can only lower."""
    runs: int
    threads: int
    bytes_per_run: int
    how: str
    """The method in words, with what limits its truth."""

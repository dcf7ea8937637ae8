"""What is known of processors by their model's name: `data/cpus.csv`."""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from .gpu_table import read_rows


class CpuSpec(NamedTuple):
    """One family."""

    pattern: str
    title: str
    """In words, with channels and memory."""
    channels: float
    """Of 64 bits, for one socket."""
    mt_per_s: int
    core_bytes_per_s: float
    """What one core can read."""
    fabric_bytes_per_s: float | None
    """What all cores of a socket can, where that is less than the memory's."""
    flops_per_cycle: int
    source: str

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Of one socket with all channels populated."""
        return self.channels * self.mt_per_s * 8e6


@lru_cache(maxsize=64)
def find_cpu(model_name: str) -> CpuSpec | None:
    """The family of a processor."""
    plain = re.sub(r"\((?:r|tm)\)|®|™", "", model_name.lower())
    plain = re.sub(r"\s+", " ", plain)
    return next((spec for spec in cpu_specs() if re.search(spec.pattern, plain)), None)


@cache
def cpu_specs() -> tuple[CpuSpec, ...]:
    """All families, in the order they are tried."""
    sources, rows = read_rows("cpus.csv")
    return tuple(
        CpuSpec(
            pattern=row["pattern"],
            title=row["title"],
            channels=float(row["channels"]),
            mt_per_s=int(row["mt_per_s"]),
            core_bytes_per_s=float(row["core_gb_s"]) * 1e9,
            fabric_bytes_per_s=float(row["fabric_gb_s"]) * 1e9 if row["fabric_gb_s"] else None,
            flops_per_cycle=int(row["flops"]),
            source=sources[row["source"]],
        )
        for row in rows
    )

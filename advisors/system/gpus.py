"""Advice on NVIDIA's GPUs."""

from collections.abc import Iterator

from ...probe.snapshot import Snapshot
from ..checks.gpu_common import alive
from .advice import Advice, Wanted


def _persistence(snapshot: Snapshot) -> Iterator[Wanted]:
    for gpu in alive(snapshot):
        if gpu.uuid and gpu.persistence_mode is False and not gpu.display_active:
            yield Wanted(f"nvidia.persistence@{gpu.uuid}", "on", "off")


def _power_limit(snapshot: Snapshot) -> Iterator[Wanted]:
    for gpu in alive(snapshot):
        limit, default = gpu.power.limit_mw, gpu.power.default_limit_mw
        if gpu.uuid and gpu.vendor == "nvidia" and limit and default and limit < default:
            yield Wanted(f"nvidia.power_limit_w@{gpu.uuid}", f"{default / 1000:g}", f"{limit / 1000:g}")


ADVICE = (
    Advice("gpu-persistence", "gpu-persistence", "nvidia.persistence", _persistence, risk="some watts when idle"),
    Advice(
        "gpu-power-limit",
        "gpu-power-limit",
        "nvidia.power_limit_w",
        _power_limit,
        risk="more watts and heat; the limit may have been lowered on purpose",
    ),
)

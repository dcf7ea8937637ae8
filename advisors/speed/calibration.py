"""Every fitted coefficient of the speed model, in one place.

Origin: published llama-bench runs (the table that `make bench-speed` reads prints the errors they leave). Few numbers
with a meaning each: what part of the rated bandwidth and of the rated arithmetic a kind of device reaches, and what a
layer costs beside that.
"""

from typing import NamedTuple


class DeviceClass(NamedTuple):
    """How a kind of GPU lives up to its data sheet."""

    bandwidth: float
    """Part of the rated bandwidth that reading 16-bit weights reaches."""
    compute: float
    """Part of the rated 16-bit matrix arithmetic that a large batch of 4-bit weights reaches."""
    layer_s: float
    """Starting the kernels of one layer."""
    low: float
    """10th percentile of measured / expected decode."""
    high: float


DEVICE_CLASSES: dict[str, DeviceClass] = {
    "nvidia": DeviceClass(0.80, 0.30, 20e-6, 0.75, 1.2),
    "amd": DeviceClass(0.70, 0.25, 30e-6, 0.7, 1.25),
    "intel": DeviceClass(0.65, 0.20, 40e-6, 0.6, 1.3),
}

QUANT_BANDWIDTH: dict[str, float] = {}
"""Type -> how much of that bandwidth its kernels keep; types that are not named keep `QUANT_BANDWIDTH_DEFAULT`."""
QUANT_BANDWIDTH_DEFAULT = 0.9

CPU_BANDWIDTH = 0.75
CPU_COMPUTE = 0.5
CPU_LAYER_S = 10e-6
CPU_LOW, CPU_HIGH = 0.75, 1.2
HAND_OVER_S = 60e-6
"""Copying activations between host and device and waiting for both; an assumption."""
PAGEABLE_LINK = 0.5
"""Mapped weights are not pinned: the driver copies them twice."""
DISK_FAULTS = 0.6
"""Part of sequential reading that faulting pages in reaches."""

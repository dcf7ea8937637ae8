"""Every fitted coefficient of the speed model, in one place.

Origin: published runs of llama-bench, of which the bench prints the errors they leave (`make bench-speed`). Few numbers
with a meaning each: what part of the rated bandwidth and of the rated arithmetic a kind of device reaches, and what a
layer costs beside that.
"""

from typing import NamedTuple


class DeviceClass(NamedTuple):
    """How a kind of GPU lives up to its data sheet."""

    bandwidth: float
    """Part of the rated bandwidth at which weights are read."""
    compute: float
    """Part of the rated 16-bit matrix arithmetic that a batch of 512 tokens reaches."""
    layer_us: float
    """Starting the kernels of one layer, and what they do that is neither reading nor multiplying."""


class Spread(NamedTuple):
    """10th and 90th percentile of measured / expected."""

    low: float
    high: float


class Engine(NamedTuple):
    """A generation of the engine."""

    layer_factor: float
    """GPU layers cost so many times `layer_us`."""
    cpu_decode: dict[str, float]
    """Type -> operations on weights as a part of the core's 32-bit peak, one token at a time."""
    cpu_batch: dict[str, float]
    """The same for batches."""


DEVICE_CLASSES: dict[str, DeviceClass] = {
    "pascal": DeviceClass(0.75, 0.25, 25),
    "pascal-p100": DeviceClass(0.65, 0.25, 25),
    "volta": DeviceClass(0.7, 0.25, 25),
    "turing-gtx": DeviceClass(0.75, 0.25, 25),
    "turing": DeviceClass(0.72, 0.35, 20),
    "ampere": DeviceClass(0.80, 0.40, 20),
    "ampere-dc": DeviceClass(0.65, 0.23, 25),
    "ada": DeviceClass(0.85, 0.35, 20),
    "ada-pro": DeviceClass(0.85, 0.25, 20),
    "hopper": DeviceClass(0.65, 0.17, 25),
    "blackwell": DeviceClass(0.80, 0.30, 20),
    "blackwell-dc": DeviceClass(0.6, 0.15, 25),
    "gb10": DeviceClass(0.85, 0.4, 25),
    "jetson-orin": DeviceClass(0.75, 0.3, 40),
    "jetson-thor": DeviceClass(0.75, 0.3, 40),
    "CUDA": DeviceClass(0.75, 0.30, 22),
    "rdna3.5/ROCm": DeviceClass(0.85, 0.33, 30),
    "rdna3.5/Vulkan": DeviceClass(0.88, 0.3, 25),
    "rdna4/ROCm": DeviceClass(0.8, 0.25, 40),
    "rdna4/Vulkan": DeviceClass(0.8, 0.15, 40),
    "ROCm": DeviceClass(0.68, 0.25, 40),
    "Vulkan": DeviceClass(0.65, 0.2, 40),
    "SYCL": DeviceClass(0.65, 0.2, 50),
    "Metal": DeviceClass(0.8, 0.4, 30),
}
"""`generation/backend`, else `generation`, else `backend`."""

GPU_READ: dict[str, float] = {"f16": 1.0, "bf16": 1.0, "f32": 1.0, "q8_0": 1.0, "q4_0": 1.0}
"""Type -> part of `bandwidth` that its kernels keep."""
GPU_READ_OTHER = 0.93
GPU_EXPERTS_READ = 0.85
"""The same for experts, whose matrices are small."""
VULKAN_BF16_EXPERTS = 0.35
GPU_BATCH: dict[str, float] = {"f16": 1.0, "bf16": 1.0}
"""Type -> part of `compute` in batches."""
GPU_BATCH_OTHER = 0.85
EXPERT_TILE = 24.0
"""Tokens an expert must have in a batch to reach half of `compute`: matrices are multiplied in tiles."""
RECURRENT_LAYER = 1.5
"""A layer with a recurrent state costs so many times `layer_us`, ..."""
EXPERT_LAYER = 1.5
"""... and one with experts."""
CACHE_READ = 0.8
"""Part of `bandwidth` at which the cache is read, ..."""
QUANTIZED_CACHE_READ = 0.3
"""... and when it is quantized: seen on one GPU only."""
ATTENTION_COMPUTE = {"CUDA": 0.5, "ROCm": 0.35, "Vulkan": 0.3}
"""Part of `compute` that attention over a long prompt reaches."""

_CPU = {
    "f32": 0.25, "f16": 0.22, "bf16": 0.22, "q8_0": 0.3, "q4_0": 0.47, "q4_K": 0.4, "q5_K": 0.36, "q6_K": 0.32,
    "q5_0": 0.22, "iq4_xs": 0.34, "iq4_nl": 0.34, "iq2_xxs": 0.23, "iq3_s": 0.155, "mxfp4": 0.3,
}  # fmt: skip
_CPU_BATCH = {
    "f32": 0.4, "f16": 0.46, "bf16": 0.46, "q8_0": 0.86, "q4_0": 0.9, "q4_K": 0.64, "q5_K": 0.55, "q6_K": 0.48,
    "q5_0": 0.66, "iq4_xs": 0.44, "iq4_nl": 0.44, "iq2_xxs": 0.27, "iq3_s": 0.18, "mxfp4": 0.5,
}  # fmt: skip
CPU_OTHER = 0.25
LLAMA_CPP = Engine(1.0, _CPU, _CPU_BATCH)
CPU_BANDWIDTH = 0.78
"""Part of the rated bandwidth that all cores together read."""
CPU_BLEND = 4.0
"""How sharply the slower of reading and computing decides: 1 adds them, infinity takes the longer."""
CPU_LAYER_US = 8.0
HAND_OVER_US = 60.0
"""Copying activations between host and device and waiting for both; an assumption."""
PAGEABLE_LINK = 0.5
"""Mapped weights are not pinned: the driver copies them twice; an assumption."""
LINK = 0.8
"""Part of PCIe's rate that large copies reach; an assumption."""
DISK_FAULTS = 0.6
"""Part of sequential reading that faulting pages in reaches; an assumption."""
NUMA_UNBOUND = 0.6
"""Part of all nodes' bandwidth that threads see whose pages lie anywhere: published two-socket runs gain 1.6 to 2."""
NUMA_INTERLEAVED = 0.75
NEIGHBOUR = 0.43
"""Speed with one thread too many, of that with threads enough: 42 against 97 tokens/s, measured on 2 CPUs."""

DECODE_SPREAD: dict[str, Spread] = {"GPU": Spread(0.85, 1.15), "CPU": Spread(0.8, 1.15)}
PREFILL_SPREAD: dict[str, Spread] = {"GPU": Spread(0.7, 1.3), "CPU": Spread(0.7, 1.3)}
UNKNOWN_SPREAD = Spread(0.4, 1.8)
"""Where the hardware's figures are assumed."""

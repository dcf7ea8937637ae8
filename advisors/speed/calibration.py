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
    fitted: bool = False
    """To at least three runs of the table."""


class Spread(NamedTuple):
    """10th and 90th percentile of measured / expected."""

    low: float
    high: float


class Engine(NamedTuple):
    """A generation of the engine."""

    name: str
    layer_factor: float
    """GPU layers cost so many times `layer_us`."""
    cpu_decode: dict[str, float]
    """Type -> operations on weights as a part of the core's 32-bit peak, one token at a time."""
    cpu_batch: dict[str, float]
    """The same for batches."""


DEVICE_CLASSES: dict[str, DeviceClass] = {
    # Fitted, those not marked to one or two runs:
    "ampere": DeviceClass(0.815, 0.45, 25, fitted=True),
    "ampere-dc": DeviceClass(0.54, 0.29, 37, fitted=True),
    "ada": DeviceClass(0.925, 0.43, 22, fitted=True),
    "ada-pro": DeviceClass(0.86, 0.29, 19, fitted=True),
    "hopper": DeviceClass(0.63, 0.22, 30, fitted=True),
    "gb10": DeviceClass(0.845, 0.45, 24, fitted=True),
    "turing": DeviceClass(0.715, 0.36, 20),
    "pascal": DeviceClass(0.70, 0.45, 26),
    "rdna3.5/ROCm": DeviceClass(0.825, 0.32, 44, fitted=True),
    "rdna3.5/Vulkan": DeviceClass(0.83, 0.33, 28, fitted=True),
    "rdna4/ROCm": DeviceClass(0.85, 0.32, 42, fitted=True),
    "rdna4/Vulkan": DeviceClass(0.85, 0.20, 42, fitted=True),
    "Vulkan": DeviceClass(0.70, 0.36, 35),
    "SYCL": DeviceClass(0.70, 0.28, 48),
    # Single figures in pull requests and issues of llama.cpp (#26284, #20934, #4766), not in the table:
    "rdna3/ROCm": DeviceClass(0.64, 0.40, 40),
    "rdna3/Vulkan": DeviceClass(0.80, 0.36, 35),
    # Assumed, after their neighbours:
    "pascal-p100": DeviceClass(0.60, 0.25, 26),
    "volta": DeviceClass(0.62, 0.30, 28),
    "turing-gtx": DeviceClass(0.72, 0.30, 24),
    "blackwell": DeviceClass(0.75, 0.38, 24),
    "blackwell-dc": DeviceClass(0.55, 0.15, 30),
    "jetson-orin": DeviceClass(0.75, 0.30, 45),
    "jetson-thor": DeviceClass(0.75, 0.30, 40),
    "polaris": DeviceClass(0.60, 0.30, 50),
    "vega": DeviceClass(0.45, 0.30, 45),
    "cdna": DeviceClass(0.40, 0.20, 45),
    "cdna2": DeviceClass(0.40, 0.20, 45),
    "cdna3": DeviceClass(0.35, 0.15, 45),
    "cdna4": DeviceClass(0.35, 0.15, 45),
    "CUDA": DeviceClass(0.75, 0.35, 25),
    "ROCm": DeviceClass(0.65, 0.32, 42),
    "Metal": DeviceClass(0.80, 0.40, 30),
}
"""`generation/backend`, else `generation`, else `backend`."""
GPU_READ: dict[str, float] = {"f16": 1.0, "bf16": 1.0, "f32": 1.0, "q8_0": 1.0, "q4_0": 1.0}
"""Type -> part of `bandwidth` that its kernels keep."""
GPU_READ_OTHER = 0.92
EXPERTS_READ = {"CUDA": 0.92, "ROCm": 0.80, "Vulkan": 0.83}
"""The same for experts, whose matrices are small: of simple types, ..."""
K_EXPERTS_READ = {"CUDA": 0.78, "ROCm": 0.58, "Vulkan": 0.68}
"""... of types with blocks of 256, ..."""
BF16_EXPERTS_READ = {"Vulkan": 0.24}
"""... and where there are no kernels for bf16."""
GPU_BATCH: dict[str, float] = {"f16": 1.0, "bf16": 1.0}
"""Type -> part of `compute` in batches."""
GPU_BATCH_OTHER = 0.85
BF16_BATCH = {"Vulkan": 0.45}
"""Part of `compute` where bf16 has no kernels of its own."""
BF16_EXPERTS_BATCH = {"ROCm": 0.26, "Vulkan": 0.67}
POWER_EXPONENT = 0.63
"""Speed follows the power limit's share of the default to this power: seen on one GPU, at 63 %."""
EXPERT_TILE = 42.0
"""Tokens an expert must have in a batch to reach half of `compute`: matrices are multiplied in tiles."""
RECURRENT_LAYER = 2.5
"""A layer with a recurrent state costs so many times `layer_us`, ..."""
EXPERT_LAYER = 2.1
"""... and one with experts."""
CACHE_READ = 0.8
"""Part of `bandwidth` at which the cache is read, ..."""
QUANTIZED_CACHE_READ = 0.3
"""... and when it is quantized: seen on one GPU only."""
ATTENTION_COMPUTE = {"CUDA": 0.5, "ROCm": 0.35, "Vulkan": 0.3}
"""Part of `compute` that attention over a long prompt reaches."""

_CPU = {
    "f32": 0.25, "f16": 0.22, "bf16": 0.23, "q8_0": 0.34, "q4_0": 0.52, "q4_1": 0.33, "q5_0": 0.25, "q5_1": 0.25,
    "q2_K": 0.36, "q3_K": 0.3, "q4_K": 0.38, "q5_K": 0.37, "q6_K": 0.36, "iq4_xs": 0.38, "iq4_nl": 0.36,
    "iq2_xxs": 0.25, "iq2_xs": 0.25, "iq2_s": 0.25, "iq3_xxs": 0.17, "iq3_s": 0.17, "mxfp4": 0.3,
}  # fmt: skip
_CPU_BATCH = {
    "f32": 0.4, "f16": 0.46, "bf16": 0.46, "q8_0": 0.88, "q4_0": 0.93, "q4_1": 0.4, "q5_0": 0.68, "q5_1": 0.35,
    "q2_K": 0.55, "q3_K": 0.5, "q4_K": 0.66, "q5_K": 0.55, "q6_K": 0.5, "iq4_xs": 0.43, "iq4_nl": 0.45,
    "iq2_xxs": 0.26, "iq2_xs": 0.26, "iq2_s": 0.26, "iq3_xxs": 0.18, "iq3_s": 0.17, "mxfp4": 0.5,
}  # fmt: skip
_IK = {
    "f32": 0.25, "f16": 0.22, "bf16": 0.23, "q8_0": 0.59, "q4_0": 0.51, "q5_0": 0.49, "q2_K": 0.4, "q3_K": 0.4,
    "q4_K": 0.48, "q5_K": 0.43, "q6_K": 0.5, "iq4_xs": 0.57, "iq4_nl": 0.5, "iq2_xxs": 0.41, "iq3_s": 0.25,
}  # fmt: skip
_IK_BATCH = {
    "f32": 0.6, "f16": 1.5, "bf16": 1.5, "q8_0": 1.59, "q4_0": 1.63, "q5_0": 1.49, "q2_K": 1.5, "q3_K": 1.5,
    "q4_K": 1.6, "q5_K": 1.55, "q6_K": 1.54, "iq4_xs": 1.6, "iq4_nl": 1.6, "iq2_xxs": 1.04, "iq3_s": 0.92,
}  # fmt: skip
CPU_OTHER = 0.25
LLAMA_CPP = Engine("llama.cpp", 1.0, _CPU, _CPU_BATCH)
ENGINES = {
    "llama.cpp": LLAMA_CPP,
    "llama.cpp of 2024": Engine("llama.cpp of 2024", 3.0, _CPU | {"q8_0": 0.24}, _CPU_BATCH),
    "ik_llama.cpp": Engine("ik_llama.cpp", 1.0, _IK, _IK_BATCH),
}
"""Plans are for the first; the others are for judging the model on published runs."""
VIRTUAL_CORES = 0.8
"""A guest's CPUs are often two threads of one core: 2 gave 1.33 to 1.6 times one, measured in a virtual machine."""
CPU_BANDWIDTH = 0.73
"""Part of the rated bandwidth that all cores together read."""
CPU_EXPERTS_READ = 0.75
"""The same for experts, which lie scattered."""
CPU_BLEND = 5.7
"""How sharply the slower of reading and computing decides: 1 adds them, infinity takes the longer."""
CPU_LAYER_US = 4.7
"""A layer's barriers, for each thread that takes part; mixtures have as many again."""
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

# From runs on hardware that the fit had not seen (leaving each processor or GPU out in turn, from neutral starts):
# decode within 9 % in the median and 24 % at the 90th percentile, prefill within 18 % and 39 %.
DECODE_SPREAD: dict[str, Spread] = {
    "GPU": Spread(0.82, 1.16),
    "GPU assumed": Spread(0.65, 1.35),
    "CPU": Spread(0.82, 1.26),
    "unknown": Spread(0.4, 1.8),
}
"""`GPU assumed`: its class is not fitted. `unknown`: not even the data sheet is."""
PREFILL_SPREAD: dict[str, Spread] = {
    "GPU": Spread(0.70, 1.45),
    "GPU assumed": Spread(0.5, 1.7),
    "CPU": Spread(0.7, 1.3),
    "unknown": Spread(0.3, 2.0),
}

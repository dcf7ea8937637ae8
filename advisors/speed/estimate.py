"""Tokens per second of a plan: the time of one token is added up over the places it passes.

In each place it takes the longer of reading (weights, cache, state) and computing, and a little for every layer.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Model
from ..plan import Speed, SpeedPlan, Threads
from ..resources import Gpu, Resources
from ..settings import Placement, Settings
from .calibration import (
    CPU_BANDWIDTH,
    CPU_COMPUTE,
    CPU_HIGH,
    CPU_LAYER_S,
    CPU_LOW,
    DEVICE_CLASSES,
    DISK_FAULTS,
    HAND_OVER_S,
    PAGEABLE_LINK,
    QUANT_BANDWIDTH,
    QUANT_BANDWIDTH_DEFAULT,
)
from .work import PlaceWork, Work, measure_work

ASSUMED_GPU_BANDWIDTH, ASSUMED_GPU_FLOPS = 200e9, 20e12
ASSUMED_CPU_BANDWIDTH, ASSUMED_CPU_FLOPS = 40e9, 0.4e12
ASSUMED_LINK, ASSUMED_DISK = 8e9, 1e9
PROMPT = 512


class Step(NamedTuple):
    """One part of a token's way."""

    limit: str
    seconds: float


def estimate(
    model: Model,
    placement: Placement,
    settings: Settings,
    places: Mapping[str, str],
    resources: Resources,
    threads: Threads,
    depth: int,
    sequences: int = 1,
) -> SpeedPlan:
    """Decoding at `depth` tokens for each of `sequences`, and the prompt that leads there."""
    work = measure_work(model, placement, settings, places, max(depth, 1))
    decode = _steps(work, placement, settings, resources, threads, sequences, prompt=False)
    ubatch = min(settings.ubatch, max(depth, PROMPT))
    prefill = _steps(work, placement, settings, resources, threads, ubatch, prompt=True)
    return SpeedPlan(
        decode_tokens_per_s=_speed(decode, 1, resources, work),
        prefill_tokens_per_s=_speed(prefill, ubatch, resources, work),
    )


def _speed(steps: Sequence[Step], tokens: int, resources: Resources, work: Work) -> Speed:
    total = sum(step.seconds for step in steps)
    expected = tokens / total
    sums: dict[str, float] = {}
    for step in steps:
        sums[step.limit] = sums.get(step.limit, 0.0) + step.seconds
    basis = "assumed"
    return Speed(
        low=expected * CPU_LOW,
        expected=expected,
        high=expected * CPU_HIGH,
        bound_by=max(sums, key=lambda name: sums[name]),
        basis=basis,
    )


def _steps(
    work: Work,
    placement: Placement,
    settings: Settings,
    resources: Resources,
    threads: Threads,
    tokens: int,
    *,
    prompt: bool,
) -> list[Step]:
    steps = []
    gpus = {gpu.name: gpu for gpu in resources.gpus}
    for place, part in work.places.items():
        gpu = gpus.get(place)
        if gpu is not None:
            steps += _gpu_steps(gpu, part, tokens, prompt)
        else:
            steps += _host_steps(
                part, resources, threads, tokens, prompt, gpus.get(next(iter(placement.devices), "")), settings
            )
    steps.append(Step("handing over between devices", work.hand_overs * HAND_OVER_S))
    return steps


def _read(weights: Mapping[str, float]) -> float:
    """Bytes, weighed by how well each type's kernels read."""
    return sum(size / QUANT_BANDWIDTH.get(kind, QUANT_BANDWIDTH_DEFAULT) for kind, size in weights.items())


def _flops(weights: Mapping[str, float]) -> float:
    return sum(
        2 * size * 8 / TYPES_BY_NAME[kind].bits if kind in TYPES_BY_NAME else size for kind, size in weights.items()
    )


def _gpu_steps(gpu: Gpu, part: PlaceWork, tokens: int, prompt: bool) -> list[Step]:
    kind = DEVICE_CLASSES["nvidia" if gpu.backend == "CUDA" else "amd" if gpu.backend == "ROCm" else "intel"]
    bandwidth = (gpu.bandwidth_bytes.per_s if gpu.bandwidth_bytes else ASSUMED_GPU_BANDWIDTH) * kind.bandwidth
    compute = (gpu.flops_fp16.per_s if gpu.flops_fp16 else ASSUMED_GPU_FLOPS) * kind.compute
    cache = part.cache_bytes_half if prompt else part.cache_bytes * tokens
    reading = (_read(part.weight_bytes(tokens)) + cache + part.state_bytes * (1 if prompt else tokens)) / bandwidth
    attention = part.attention_flops_half if prompt else part.attention_flops
    computing = tokens * (_flops(part.active_bytes()) + attention + part.state_flops) / compute
    steps = [Step(f"starting kernels on {gpu.name}", part.layers * kind.layer_s)]
    if computing > reading:
        return [Step(f"compute of {gpu.name}", computing), *steps]
    return [Step(f"memory bandwidth of {gpu.name}", reading), *steps]


def _host_steps(
    part: PlaceWork,
    resources: Resources,
    threads: Threads,
    tokens: int,
    prompt: bool,
    first: Gpu | None,
    settings: Settings,
) -> list[Step]:
    processor = resources.processor
    bandwidth = processor.bandwidth_bytes.per_s if processor.bandwidth_bytes else ASSUMED_CPU_BANDWIDTH
    flops = processor.flops.per_s if processor.flops else ASSUMED_CPU_FLOPS
    used = threads.batch if prompt else threads.decode
    bandwidth *= CPU_BANDWIDTH * min(1.0, 0.5 + 0.25 * (used - 1))
    flops *= CPU_COMPUTE * min(1.0, used / max(processor.cores, 1))
    free = max(processor.cpus - processor.busy_cpus, 0.5)
    if used > free + 0.35:
        bandwidth *= 0.4
        flops *= 0.4
    touched = part.weight_bytes(tokens)
    steps = _disk_steps(part, resources, tokens)
    if prompt and first is not None and settings.op_offload and tokens >= 32:
        link = (first.link_bytes.per_s if first.link_bytes else ASSUMED_LINK) * (
            PAGEABLE_LINK if settings.mapped else 1
        )
        return [Step(f"PCIe to {first.name}", sum(touched.values()) / link), *steps]
    cache = part.cache_bytes_half if prompt else part.cache_bytes * tokens
    reading = (sum(touched.values()) + cache + part.state_bytes) / bandwidth
    attention = part.attention_flops_half if prompt else part.attention_flops
    computing = tokens * (_flops(part.active_bytes()) + attention + part.state_flops) / flops
    steps.append(Step("threads waiting for each other", part.layers * CPU_LAYER_S))
    if computing > reading:
        return [Step("compute of the CPU", computing), *steps]
    return [Step("memory bandwidth of the host", reading), *steps]


def _disk_steps(part: PlaceWork, resources: Resources, tokens: int) -> list[Step]:
    """What of the host's weights does not fit its memory comes from disk, token after token."""
    free = resources.host_free_bytes
    if free is None or part.all_bytes <= free:
        return []
    dense, experts = sum(part.dense.values()), sum(part.experts.values())
    touched = experts * (1.0 - (1.0 - part.expert_share) ** tokens)
    if dense <= free and experts:
        missing = touched * (1 - (free - dense) / experts)
    else:
        missing = dense + touched
    disk = (resources.disk_bytes.per_s if resources.disk_bytes else ASSUMED_DISK) * DISK_FAULTS
    return [Step("disk", missing / disk)]

"""What one run of a model is asked to be: placement, context, batch, types. The words of llama.cpp, for all engines."""

from typing import Literal, NamedTuple

from ..probe.reading import Reading

HOST = "host"
"""The name of the memory that is no device's."""

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]


class Override(NamedTuple):
    """Tensors whose name the regular expression finds lie in the named device's memory (`-ot`)."""

    pattern: str
    device: str
    """A device of the placement, or `HOST`."""


class Placement(Reading):
    """Which part of the model lies where. llama.cpp offloads from the last layer backwards; the output is last."""

    devices: tuple[str, ...]
    """GPUs in use, as the engine calls them (CUDA0, Vulkan1 ...), in its order; empty for CPU only."""
    gpu_layers: int
    """`-ngl`: 0 to the number of all layers + 1, the output layer being the first to go."""
    layers_per_device: tuple[int, ...]
    """`-ts`: how many of the `gpu_layers` each device holds, in order; sums to `gpu_layers`."""
    cpu_expert_layers: int = 0
    """`-ncmoe`: the experts of the first so many layers stay in host memory."""
    overrides: tuple[Override, ...] = ()


class Settings(Reading):
    """Everything else that changes memory or speed."""

    context: int
    """`-c`, tokens of all slots together."""
    slots: int
    """`-np`: sequences at once."""
    unified_kv: bool
    """`-kvu`: all slots share one cache; else each has `context / slots`."""
    type_k: CacheType = "f16"
    type_v: CacheType = "f16"
    flash_attention: bool = True
    batch: int = 2048
    ubatch: int = 512
    output_rows: int | None = None
    """Rows of logits reserved; None for llama-server's: one a slot. llama-bench reserves a batch."""
    kv_offload: bool = True
    op_offload: bool = True
    """Large batches multiply host weights on the GPU; False is `--no-op-offload`."""
    repack: bool = True
    mapped: bool = True
    """Weights are memory-mapped (the default), not read."""
    locked: bool = False
    """Weights in host memory are kept from being swapped out (mlock)."""
    pinned_host: bool = True
    """Host weights may lie in the GPU driver's pinned memory; False is `--no-host`."""
    full_swa: bool = False


def padded(tokens: int, multiple: int = 256) -> int:
    """Rounded up to a multiple (GGML_PAD)."""
    return -(-tokens // multiple) * multiple


def cells_per_stream(settings: Settings) -> int:
    """KV cells of one stream: the context, or a slot's share of it (llama-context.cpp, n_ctx_seq)."""
    whole = padded(settings.context)
    return whole if settings.unified_kv or settings.slots == 1 else padded(whole // settings.slots)


def streams(settings: Settings) -> int:
    """Separate KV caches: one, or one a slot."""
    return 1 if settings.unified_kv else settings.slots


def cells_sliding(settings: Settings, window: int) -> int:
    """KV cells of one stream in sliding layers (llama-kv-cache-iswa.cpp)."""
    cells = cells_per_stream(settings)
    if settings.full_swa:
        return cells
    windows = window * (settings.slots if settings.unified_kv else 1)
    return padded(min(cells, windows + settings.ubatch))

"""Host memory beside weights, caches and compute: what no log line of the engine adds up."""

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Shape
from ..settings import Settings
from .cache import bytes_per_token

CHECKPOINTS_PER_SLOT = 32
"""llama-server's `--ctx-checkpoints` (b11434)."""
PROMPT_CACHE_BYTES = 8192 << 20
"""llama-server's `--cache-ram`."""
_PROCESS_BYTES = 40 << 20
_BYTES_A_TOKEN_OF_VOCABULARY = 400
"""Measured: llama-server b11434 holds 16 MiB of code and 13 MiB more for a vocabulary of 49,152; both rounded up."""
_GPU_PROCESS_BYTES = 350 << 20
"""CUDA's and cuBLAS' host side; from reports, not measured here."""


def output_bytes(shape: Shape, settings: Settings) -> int:
    """The buffer of logits: 32-bit floats, a row of the vocabulary for each output (llama-context.cpp)."""
    return 4 * shape.vocabulary * (settings.output_rows or settings.slots)


def process_bytes(shape: Shape, *, gpu: bool) -> int:
    """The server itself: code, vocabulary, and the GPU library's host side."""
    return _PROCESS_BYTES + _BYTES_A_TOKEN_OF_VOCABULARY * shape.vocabulary + (_GPU_PROCESS_BYTES if gpu else 0)


def checkpoint_bytes(shape: Shape, settings: Settings) -> int:
    """One checkpoint of one slot: the state that cannot be rolled back, windows and recurrent states. 0 for others."""
    window = min(shape.sliding_window, settings.context)
    sliding = window * bytes_per_token(shape, settings.type_k, settings.type_v, sliding=True)
    state = TYPES_BY_NAME["f32"].row_bytes(shape.state_conv_elements + shape.state_elements)
    return sliding + state * sum(layer.recurrent for layer in shape.run_layers)


def prompt_bytes(shape: Shape, settings: Settings) -> int:
    """What the prompt cache keeps of one slot whose context is full."""
    share = settings.context if settings.unified_kv else settings.context // settings.slots
    return share * bytes_per_token(shape, settings.type_k, settings.type_v, sliding=False) + checkpoint_bytes(
        shape, settings
    )

"""How a kind of GPU backend allocates and what it can do: ggml-cuda.cu and its neighbours, llama.cpp b11434."""

from typing import NamedTuple


class Traits(NamedTuple):
    """Of all devices of a run, and of the host beside them."""

    alignment: int
    """Of tensors in device buffers."""
    row_padding: int
    """Rows of quantized tensors are padded to a multiple of so many elements; 0: not."""
    offload_rows: int | None
    """Batches from this size on are worth copying host weights to the device; None: never."""
    pipeline: bool
    """Asynchronous copies and events: several devices work at once, on copies of their inputs."""
    attention_scratch: bool
    """Fused attention converts a cache that is not f16 to f16 beside its result."""
    host_alignment: int = 32
    copies: int = 4
    """GGML_SCHED_MAX_COPIES: of each input, where devices are pipelined."""


CUDA = Traits(alignment=128, row_padding=512, offload_rows=32, pipeline=True, attention_scratch=True)
PROCESSOR = Traits(alignment=32, row_padding=0, offload_rows=None, pipeline=False, attention_scratch=False)

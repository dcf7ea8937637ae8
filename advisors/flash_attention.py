"""Where flash attention runs: the head sizes that the GPU kernels are compiled for.

Source: ggml/src/ggml-cuda/fattn.cu of llama.cpp b11434. Elsewhere the operation falls back to the CPU, and every
layer's cache would cross the bus.
"""

from ..probe.model.types import Shape
from .resources import Gpu

_SQUARE = frozenset({40, 64, 72, 80, 96, 112, 128, 256, 512})
_OBLONG = frozenset({(192, 128), (320, 256), (576, 512)})


def flash_attention_works(shape: Shape, gpus: tuple[Gpu, ...]) -> bool:
    """Whether every device in use has kernels for the model's heads. The CPU has them for all."""
    if not gpus or not any(layer.has_kv for layer in shape.layers):
        return True
    heads = {(shape.key_length, shape.value_length)}
    if any(layer.sliding for layer in shape.layers):
        heads.add((shape.key_length_swa, shape.value_length_swa))
    return all((key == value and key in _SQUARE) or (key, value) in _OBLONG for key, value in heads)

"""Key/value cache and recurrent state.

Source: src/llama-kv-cache.cpp, llama-kv-cache-iswa.cpp and llama-memory-recurrent.cpp of llama.cpp b11434.
"""

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Layer, Shape
from ..settings import HOST, Placement, Settings, cells_per_stream, cells_sliding, streams
from .places import layer_places


def key_value_bytes(shape: Shape, placement: Placement, settings: Settings) -> dict[str, int]:
    """Place -> bytes of the caches of its layers."""
    places = layer_places(shape, placement)
    widest_value = max((_value_width(shape, layer) for layer in shape.layers), default=0)
    total: dict[str, int] = {}
    for number, layer in enumerate(shape.layers):
        if not layer.has_kv:
            continue
        place = places[number] if settings.kv_offload else HOST
        gpu = place in placement.devices
        cells = cells_sliding(settings, shape.sliding_window) if layer.sliding else cells_per_stream(settings)
        rows = cells * streams(settings)
        value = _value_width(shape, layer) if settings.flash_attention else widest_value
        bytes_here = _tensor_bytes(_key_width(shape, layer), rows, settings.type_k, gpu)
        if not shape.mla:
            bytes_here += _tensor_bytes(value, rows, settings.type_v, gpu)
        if shape.indexer_head:
            bytes_here += _tensor_bytes(shape.indexer_head, rows, settings.type_k, gpu)
        total[place] = total.get(place, 0) + bytes_here
    return total


def state_bytes(shape: Shape, placement: Placement, settings: Settings) -> dict[str, int]:
    """Place -> bytes of recurrent state: 32-bit floats, independent of the context, one copy a slot."""
    places = layer_places(shape, placement)
    total: dict[str, int] = {}
    for number, layer in enumerate(shape.run_layers):
        if layer.recurrent:
            place = places[number] if settings.kv_offload else HOST
            gpu = place in placement.devices
            total[place] = (
                total.get(place, 0)
                + _tensor_bytes(shape.state_conv_elements, settings.slots, "f32", gpu)
                + _tensor_bytes(shape.state_elements, settings.slots, "f32", gpu)
            )
    return total


def bytes_per_token(shape: Shape, type_k: str, type_v: str, *, sliding: bool) -> int:
    """What one more token adds to the caches of the full layers, or of the sliding ones until the window is full."""
    total = 0
    for layer in shape.layers:
        if layer.has_kv and layer.sliding == sliding:
            total += TYPES_BY_NAME[type_k].row_bytes(_key_width(shape, layer))
            if not shape.mla:
                total += TYPES_BY_NAME[type_v].row_bytes(_value_width(shape, layer))
    return total


def _key_width(shape: Shape, layer: Layer) -> int:
    return layer.kv_heads * (shape.key_length_swa if layer.sliding else shape.key_length)


def _value_width(shape: Shape, layer: Layer) -> int:
    return layer.kv_heads * (shape.value_length_swa if layer.sliding else shape.value_length)


def _tensor_bytes(width: int, rows: int, type_name: str, gpu: bool) -> int:
    kind = TYPES_BY_NAME[type_name]
    size = kind.row_bytes(width) * rows
    if not gpu:
        return -(-size // 32) * 32
    extra = kind.row_bytes(512 - width % 512) if kind.block > 1 and width % 512 else 0
    return -(-(size + extra) // 128) * 128

"""Compute buffers by closed formulas: quick, for ranking many models. Plans use the engine's own graph.

Fitted on gated dense and mixture models of llama.cpp b11434; the margin is what they were off by at most.
"""

from collections.abc import Mapping

from ...probe.model.types import Layer, Model
from ..graph.compute import ComputeBuffers
from ..settings import Placement, Settings, cells_per_stream, cells_sliding
from .places import layer_of, layer_places


def quick_compute_buffers(
    model: Model, placement: Placement, settings: Settings, places: Mapping[str, str]
) -> ComputeBuffers:
    """An estimate without building the graph."""
    shape = model.shape
    batch, embedding = min(settings.ubatch, settings.context), shape.embedding
    cells = cells_per_stream(settings) + (cells_sliding(settings, shape.sliding_window) if shape.sliding_window else 0)
    widest = max(max(_feed_forward(embedding, layer) for layer in shape.layers), 4 * embedding)
    logits = 4 * shape.vocabulary * (settings.output_rows or settings.slots)
    body = max(4 * batch * widest, 16 * embedding * batch + logits)
    if settings.flash_attention:
        body += 2 * batch * cells
    else:
        heads = max(layer.heads for layer in shape.layers)
        body = max(body, 4 * batch * (heads * cells + 7 * embedding)) + 4 * batch * cells
    used = set(layer_places(shape, placement))
    devices = {device: body for device in placement.devices if device in used}
    host = 16 * embedding * batch + 2 * batch * cells if devices else body + 4 * embedding * batch
    first = placement.devices[0] if placement.devices else None
    if first in devices and settings.op_offload:
        # Host weights are copied to the first GPU for large batches.
        devices[first] += max(
            (t.size_bytes for t in model.tensors if layer_of(t.name) is not None and places.get(t.name) not in devices),
            default=0,
        )
    return ComputeBuffers(devices=devices, host=host, exact=False)


def _feed_forward(embedding: int, layer: Layer) -> int:
    """Elements a token needs at once in a layer's feed-forward part."""
    used = layer.experts_used
    return max(4 * embedding + 3 * layer.ffn, 4 * embedding + 3 * used * layer.expert_ffn, (5 + 2 * used) * embedding)

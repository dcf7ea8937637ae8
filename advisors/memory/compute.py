"""Compute buffers by closed formulas: a stand-in where no graph is built. Fitted on gated dense and MoE models."""

from ...probe.model.types import Model
from ..settings import Placement, Settings, cells_per_stream, cells_sliding
from .places import layer_places
from ...probe.reading import Reading


class ComputeBuffers(Reading):
    """Bytes of compute buffers."""

    devices: dict[str, int]
    host: int
    exact: bool

    def margin(self, size_bytes: int) -> int:
        """How much more it may be."""
        return 0 if self.exact else size_bytes // 20 + (16 << 20)


def compute_buffers(model: Model, placement: Placement, settings: Settings, places: dict[str, str]) -> ComputeBuffers:
    s = model.shape
    ub, e, rows = min(settings.ubatch, settings.context), s.embedding, settings.output_rows or settings.slots
    ffn = max((l.ffn for l in s.layers), default=0)
    moe = max((2 * l.experts_used * e + 5 * e for l in s.layers if l.experts_used), default=0)
    moe = max(moe, max((4 * e + 3 * l.experts_used * l.expert_ffn for l in s.layers), default=0))
    cells = cells_per_stream(settings) + (cells_sliding(settings, s.sliding_window) if s.sliding_window else 0)
    body = max(4 * ub * max(4 * e + 3 * ffn, moe), 16 * e * ub + 4 * s.vocabulary * rows)
    if settings.flash_attention:
        body += 2 * ub * cells
    else:
        heads = max((l.heads for l in s.layers), default=0)
        body = max(body, 4 * ub * (heads * cells + 7 * e)) + 4 * ub * cells
    used = set(layer_places(s, placement))
    devices = {d: body for d in placement.devices if d in used}
    host = 16 * e * ub + 2 * ub * cells if devices else body + 4 * e * ub
    if devices and len(used) > len(devices):
        big = max(
            (t.size_bytes for t in model.tensors if t.name.startswith("blk.") and places.get(t.name) not in devices),
            default=0,
        )
        first = placement.devices[0]
        if first in devices and settings.op_offload:
            devices[first] += big
    return ComputeBuffers(devices=devices, host=host, exact=False)

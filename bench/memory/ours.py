"""What llmtune says of the same case."""

from __future__ import annotations

from llmtune.advisors.graph.compute import Mode, compute_buffers
from llmtune.advisors.memory.cache import key_value_bytes, state_bytes
from llmtune.advisors.memory.places import PINNED, REPACK, weight_places
from llmtune.advisors.memory.weights import weights_bytes
from llmtune.advisors.settings import HOST
from llmtune.probe.model.types import Model

from .cases import Case


def predicted(case: Case, model: Model, mode: Mode) -> dict[str, list[int]]:
    """Place -> weights, caches, compute."""
    placement, settings = case.placement, case.settings
    places = weight_places(model, placement, settings, case.features)
    found: dict[str, list[int]] = {name: [0, 0, 0] for name in (*placement.devices, HOST)}
    for place, size in weights_bytes(model, placement, places).items():
        where = HOST if place == PINNED else place
        found.setdefault(where, [0, 0, 0])[0] += size
    for part in (key_value_bytes(model.shape, placement, settings), state_bytes(model.shape, placement, settings)):
        for place, size in part.items():
            found[place][1] += size
    buffers = compute_buffers(model, placement, settings, places, mode=mode)
    for place, size in buffers.devices.items():
        found[place][2] = size
    found[HOST][2] = buffers.host
    return {("repack" if place == REPACK else place): sizes for place, sizes in found.items()}

"""Bytes of weights in each place."""

from collections.abc import Mapping

from ...probe.model.types import Model
from ..settings import Placement
from .places import SKIPPED, TIED_OUTPUT, allocated_bytes, is_tied, layer_of, layer_places, with_tied_output

_OUTPUT_FIRST = ("gemma4", "gemma3n")
"""They load a tied output before the embedding, so that the loader does not see that it has it already."""
_PER_LAYER = ("rope_freqs.", "rope_factors_long.", "rope_factors_short.")
"""One tensor of the file that every layer uses: each place with layers holds its own."""


def weights_bytes(model: Model, placement: Placement, places: Mapping[str, str]) -> dict[str, int]:
    """Place -> bytes of its weight buffers, exactly as llama.cpp allocates them."""
    total: dict[str, int] = {}
    shared = is_tied(model) and not model.shape.architecture.startswith(_OUTPUT_FIRST)
    embedding_place = places.get("token_embd.weight")
    for tensor in with_tied_output(model):
        place = places[tensor.name]
        if place == SKIPPED:
            continue
        if tensor.name == TIED_OUTPUT and shared and place == embedding_place:
            continue  # the same memory serves as both
        if tensor.name.startswith(_PER_LAYER):
            for each in set(layer_places(model.shape, placement)[: len(model.shape.run_layers)]):
                total[each] = total.get(each, 0) + allocated_bytes(tensor, each, placement)
            continue
        total[place] = total.get(place, 0) + allocated_bytes(tensor, place, placement)
    return total


def largest_host_tensor(model: Model, places: Mapping[str, str], placement: Placement) -> int:
    """Bytes of the largest matrix that lies in host memory although a GPU works."""
    return max(
        (
            t.size_bytes
            for t in model.tensors
            if layer_of(t.name) is not None and places[t.name] not in placement.devices
        ),
        default=0,
    )

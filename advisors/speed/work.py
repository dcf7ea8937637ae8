"""What one token costs in each place: bytes read, operations done, layers run. Arithmetic only, no hardware.

Decoding reads every weight that the token multiplies with once: the layers' matrices, of a mixture only the experts
chosen, the output matrix, and of the token embedding a single row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Layer, Model, Shape
from ..memory.places import EXPERTS, SKIPPED, TIED_OUTPUT, is_input, layer_of, layer_places, with_tied_output
from ..settings import HOST, Placement, Settings

STATE_BYTES = 4
"""Recurrent states are 32-bit floats."""


class Batch(NamedTuple):
    """What is computed at once."""

    tokens: float
    prompt: bool
    """Tokens of one prompt, which share its cache; else one token of each of several sequences."""
    quantized_cache: bool


@dataclass
class PlaceWork:
    """One device's, or the host's, share of a token."""

    dense: dict[str, float] = field(default_factory=dict)
    """Type -> bytes that every token reads."""
    experts: dict[str, float] = field(default_factory=dict)
    """Type -> bytes of all experts."""
    expert_share: float = 1.0
    """Part of the experts that one token uses."""
    layers: int = 0
    expert_layers: int = 0
    """Those of them with experts of their own here."""
    recurrent_layers: int = 0
    cache_bytes: float = 0.0
    """Keys and values that one token reads at the depth asked for."""
    prompt_cache_bytes: float = 0.0
    """The same on average over a whole prompt."""
    state_bytes: float = 0.0
    """Recurrent states, read and written."""
    attention_flops: float = 0.0
    """Of one token at the depth asked for."""
    prompt_attention_flops: float = 0.0
    state_flops: float = 0.0

    def touched_experts(self, tokens: float) -> dict[str, float]:
        """Type -> bytes of the experts that a batch of `tokens` reads: each further token meets some not yet read."""
        share = 1.0 - (1.0 - self.expert_share) ** tokens
        return {kind: size * share for kind, size in self.experts.items()}

    def weight_bytes(self, tokens: float = 1.0) -> dict[str, float]:
        """Type -> bytes that a batch of `tokens` reads."""
        touched = dict(self.dense)
        for kind, size in self.touched_experts(tokens).items():
            touched[kind] = touched.get(kind, 0.0) + size
        return touched

    def active_bytes(self) -> dict[str, float]:
        """Type -> bytes whose weights each token multiplies with."""
        return self.weight_bytes(1.0)

    def cache(self, batch: Batch) -> float:
        """Bytes of keys and values read: a prompt's tokens share them, sequences do not."""
        return self.prompt_cache_bytes if batch.prompt else self.cache_bytes * batch.tokens

    def states(self, batch: Batch) -> float:
        """Bytes of recurrent state."""
        return self.state_bytes * (1.0 if batch.prompt else batch.tokens)

    def attention(self, batch: Batch) -> float:
        """Operations of one token's attention, and on its recurrent state."""
        return (self.prompt_attention_flops if batch.prompt else self.attention_flops) + self.state_flops

    @property
    def all_bytes(self) -> float:
        """All weights here."""
        return sum(self.dense.values()) + sum(self.experts.values())


@dataclass(frozen=True)
class Work:
    """All places in the order the token passes them."""

    places: dict[str, PlaceWork]
    hand_overs: int
    """How often a token's activations change between host and a device, or between devices."""


def measure_work(
    model: Model, placement: Placement, settings: Settings, places: Mapping[str, str], depth: int, prompt: int
) -> Work:
    """Add up a token at `depth`, and one of a prompt of that length on average."""
    shape = model.shape
    devices = set(placement.devices)
    layers = layer_places(shape, placement)
    found: dict[str, PlaceWork] = {}
    share = _expert_share(shape)
    expert_places: dict[int, str] = {}
    tied = not any(tensor.name == TIED_OUTPUT for tensor in model.tensors)
    for tensor in with_tied_output(model):
        if _is_input(tensor.name) and not (tied and tensor.name == TIED_OUTPUT):
            continue
        place = places.get(tensor.name, HOST)
        if place == SKIPPED:
            continue
        place = place if place in devices else HOST
        work = found.setdefault(place, PlaceWork(expert_share=share))
        if _is_expert(tensor.name):
            work.experts[tensor.type] = work.experts.get(tensor.type, 0.0) + tensor.size_bytes
            number = layer_of(tensor.name)
            if number is not None:
                expert_places[number] = place
        else:
            work.dense[tensor.type] = work.dense.get(tensor.type, 0.0) + tensor.size_bytes
    for number, layer in enumerate(shape.run_layers):
        place = layers[number] if layers[number] in devices else HOST
        work = found.setdefault(place, PlaceWork(expert_share=share))
        work.layers += 1
        work.expert_layers += bool(layer.experts_used)
        keeper = work if settings.kv_offload else found.setdefault(HOST, PlaceWork(expert_share=share))
        _add_attention(keeper, shape, layer, settings, depth, prompt)
        if layer.recurrent:
            work.recurrent_layers += 1
            keeper.state_bytes += 2 * STATE_BYTES * (shape.state_conv_elements + shape.state_elements)
            keeper.state_flops += 6 * shape.state_elements
    return Work(places=found, hand_overs=_hand_overs(layers, expert_places, len(shape.run_layers), devices))


@lru_cache(maxsize=65536)
def _is_input(name: str) -> bool:
    return is_input(name) or "embed_tokens." in name


@lru_cache(maxsize=65536)
def _is_expert(name: str) -> bool:
    return EXPERTS.search(name) is not None or ".experts." in name


def _expert_share(shape: Shape) -> float:
    used = max((layer.experts_used for layer in shape.layers), default=0)
    return min(1.0, used / shape.experts) if shape.experts > 0 and used > 0 else 1.0


def _add_attention(work: PlaceWork, shape: Shape, layer: Layer, settings: Settings, depth: int, prompt: int) -> None:
    """Reading the cache and multiplying with it, at `depth`, and on average of all positions of a prompt."""
    if not layer.has_kv:
        return
    key = shape.key_length_swa if layer.sliding else shape.key_length
    value = shape.value_length_swa if layer.sliding else shape.value_length
    row = _row_bytes(settings.type_k, layer.kv_heads * key)
    if not shape.mla:
        row += _row_bytes(settings.type_v, layer.kv_heads * value)
    window = shape.sliding_window if layer.sliding and shape.sliding_window else max(depth, prompt)
    seen, last = min(depth, window), min(prompt, window)
    # Rising to the window, then flat.
    average = last - last * last / (2 * prompt) if prompt else 0.0
    flops = 2.0 * layer.heads * (key + value)
    work.cache_bytes += row * seen
    work.prompt_cache_bytes += row * average
    work.attention_flops += flops * seen
    work.prompt_attention_flops += flops * average


def _row_bytes(type_name: str, elements: int) -> float:
    kind = TYPES_BY_NAME[type_name]
    return elements / kind.block * kind.block_bytes


def _hand_overs(layers: tuple[str, ...], expert_places: Mapping[int, str], run: int, devices: set[str]) -> int:
    """Changes of place along the layers, and two for every layer whose experts lie elsewhere."""
    path = [place if place in devices else HOST for place in layers[:run]] + [layers[-1]]
    changes = sum(1 for before, after in pairwise(path) if before != after)
    apart = sum(1 for number, place in expert_places.items() if number < run and place != path[number])
    return changes + 2 * apart

"""The sizes of llama.cpp's compute buffers: the graph of the largest batch is built, scheduled and allocated (b11434).

What llama_context::sched_reserve does (src/llama-context.cpp), without llama.cpp. Layers that repeat are built a
few times only: the memory that they need repeats too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ...probe.model.types import Model, Tensor
from ...probe.reading import Reading
from ..memory.places import TIED_OUTPUT, layer_places
from ..settings import Placement, Settings
from .allocator import allocate
from .architectures.all import build, is_known
from .graph import Batch, Graph
from .repeats import shortened
from .scheduler import schedule
from .traits import CUDA, PROCESSOR, Traits


class ComputeBuffers(Reading):
    """Bytes of compute buffers."""

    devices: dict[str, int]
    host: int
    exact: bool
    """The architecture's own graph was built; else one guessed from its tensors."""

    def margin(self, size_bytes: int) -> int:
        """How much more it may be."""
        return 0 if self.exact else size_bytes // 20 + (16 << 20)


Mode = Literal["run", "dry", "both"]
"""`run`: what a run allocates; `dry`: what llama.cpp's own estimate without memory says (`--fit` uses it), which
forgets the nodes that are pinned to a backend (ggml_backend_sched_reserve_size resets the scheduler after the graph was
built) and leaves out token generation; `both`: the larger of the two where they can differ."""


def compute_buffers(
    model: Model,
    placement: Placement,
    settings: Settings,
    places: Mapping[str, str],
    traits: Traits = CUDA,
    *,
    mode: Mode = "both",
    whole: bool = False,
) -> ComputeBuffers:
    """Of every device of the placement, and of the host. `places`: every tensor's memory. `whole`: build all layers.

    Raises KeyError where the file lacks a tensor that the architecture's graph needs.
    """
    tensors = {tensor.name: tensor for tensor in model.tensors}
    if TIED_OUTPUT not in tensors and "token_embd.weight" in tensors:
        tensors[TIED_OUTPUT] = tensors["token_embd.weight"]
    where = layer_places(model.shape, placement)
    count = len(model.shape.run_layers)
    # Each layer with an indexer has a constant of its own, which lies in memory all the time.
    whole = whole or bool(model.shape.indexer_head)
    layers = tuple(range(count)) if whole else shortened(model, tensors, places, where, count)
    plan = _Plan(model, placement, settings, places, tensors, where, layers, traits)
    slots = settings.slots
    tokens = min(settings.context, settings.batch, settings.ubatch)
    both = mode == "both" and _pins_matter(model, placement, settings, tokens)
    pins = (True, False) if both else (mode != "dry",)
    peaks = _reserve(plan, Batch(tokens, slots, min(tokens, settings.output_rows or slots)), pins)
    if mode != "dry" and _single_matters(model, placement, settings, tokens):
        peaks += _reserve(plan, Batch(slots, slots, slots), (True,))
    sizes = [max(column) for column in zip(*peaks, strict=True)]
    return ComputeBuffers(
        devices=dict(zip(placement.devices, sizes[:-1], strict=True)), host=sizes[-1], exact=is_known(model)
    )


class _Plan(NamedTuple):
    model: Model
    placement: Placement
    settings: Settings
    places: Mapping[str, str]
    tensors: Mapping[str, Tensor]
    where: tuple[str, ...]
    layers: tuple[int, ...]
    traits: Traits


def _pins_matter(model: Model, placement: Placement, settings: Settings, tokens: int) -> bool:
    """Whether a node can lie elsewhere than its pin says."""
    if not settings.kv_offload and not settings.flash_attention:
        return True
    pinned = placement.gpu_layers > len(model.shape.layers) or tokens < 32
    split = len(placement.devices) > 1 or placement.overrides or placement.cpu_expert_layers
    return pinned and bool(split or not settings.kv_offload or placement.gpu_layers <= len(model.shape.layers))


def _single_matters(model: Model, placement: Placement, settings: Settings, tokens: int) -> bool:
    """Whether a batch of one token a slot may need more than a long one: some of it runs on the host then."""
    if not placement.devices:
        return False
    scores = 0 if settings.flash_attention else max(layer.heads for layer in model.shape.layers)
    return tokens <= settings.slots * max(scores * 8, 32)


def _reserve(plan: _Plan, batch: Batch, pins: tuple[bool, ...]) -> list[list[int]]:
    """Each backend's peak, with pinned nodes and without."""
    placement, settings = plan.placement, plan.settings
    graph = Graph(plan.model, placement, settings, plan.places, plan.tensors, plan.where, plan.layers, batch)
    try:
        build(graph)
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        # Numbers that no file of this architecture has: there is no graph to speak of.
        raise KeyError(plan.model.shape.architecture) from error
    devices = len(placement.devices)
    traits = plan.traits if devices else PROCESSOR
    pipeline = pipelined(plan.model, placement, settings, traits)
    peaks = []
    for pinned in pins:
        ready = schedule(graph, devices, traits, offload=settings.op_offload, pipeline=pipeline, pins=pinned)
        peaks.append(allocate(ready, devices + 1, traits))
    return peaks


def pipelined(model: Model, placement: Placement, settings: Settings, traits: Traits) -> bool:
    """Whether several devices work at once, on copies of their inputs."""
    return (
        traits.pipeline
        and len(placement.devices) > 1
        and placement.gpu_layers > len(model.shape.layers)
        and settings.kv_offload
        and not placement.overrides
        and not placement.cpu_expert_layers
    )

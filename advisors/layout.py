"""Which layers go to which GPU: filled to their free memory, experts of a mixture leaving first."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..probe.model.types import Model
from .memory.cache import key_value_bytes, state_bytes
from .memory.places import EXPERTS, TIED_OUTPUT, allocated_bytes, is_input, layer_of, with_tied_output
from .memory.table import DEVICE_MARGIN_BYTES
from .resources import Gpu
from .settings import Placement, Settings

_ALIKE = 0.8


class Layout(NamedTuple):
    """A placement before it has the engine's words."""

    gpus: tuple[Gpu, ...]
    gpu_layers: int
    layers_per_device: tuple[int, ...]
    cpu_expert_layers: int

    def placement(self) -> Placement:
        """As `Placement`."""
        return Placement(
            devices=tuple(gpu.name for gpu in self.gpus),
            gpu_layers=self.gpu_layers,
            layers_per_device=self.layers_per_device,
            cpu_expert_layers=self.cpu_expert_layers,
        )


class _Sizes(NamedTuple):
    """Bytes per layer if it were on a GPU; the last entry is the output."""

    dense: tuple[int, ...]
    """Weights without experts, cache and state."""
    experts: tuple[int, ...]


def best_layout(model: Model, settings: Settings, gpus: tuple[Gpu, ...], compute: Mapping[str, int]) -> Layout | None:
    """The layout with the most on the GPUs, given their compute buffers' sizes; None if not even the output fits."""
    sizes = _sizes(model, settings, gpus[0])
    room = [(gpu.free_bytes or 0) - gpu.reserve_bytes - DEVICE_MARGIN_BYTES - compute.get(gpu.name, 0) for gpu in gpus]
    count = len(sizes.dense)
    expert_layers = [at for at, size in enumerate(sizes.experts) if size]
    if expert_layers:
        # The first N layers' experts stay behind; bisect for the least N with which all layers fit.
        low, high = 0, expert_layers[-1] + 1
        if _fill(sizes, room, count, high) is not None:
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if _fill(sizes, room, count, middle) is not None else (middle + 1, high)
            if low == 0:
                room = _evened(sizes, room, gpus, count)
            return Layout(gpus, count, _fill(sizes, room, count, low) or (), low)
    kept = expert_layers[-1] + 1 if expert_layers else 0
    if not kept and _fill(sizes, room, count, 0) is not None:
        room = _evened(sizes, room, gpus, count)
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fill(sizes, room, middle, kept) is not None else (low, middle - 1)
    return Layout(gpus, low, _fill(sizes, room, low, kept) or (), kept) if low else None


def _evened(sizes: _Sizes, room: Sequence[int], gpus: Sequence[Gpu], count: int) -> list[int]:
    """The least room of each card in which everything fits, so that all have some left for more context.

    Only of cards about as fast as each other; of unlike ones the fastest is filled first.
    """
    speeds = [gpu.bandwidth_bytes.per_s if gpu.bandwidth_bytes else 0.0 for gpu in gpus]
    if len(gpus) < 2 or min(speeds) < _ALIKE * max(speeds):
        return list(room)
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        fits = _fill(sizes, [int(each * middle) for each in room], count, 0) is not None
        low, high = (low, middle) if fits else (middle, high)
    return [int(each * high) for each in room]


def _fill(sizes: _Sizes, room: Sequence[int], gpu_layers: int, cpu_expert_layers: int) -> tuple[int, ...] | None:
    """Layers per GPU when the last `gpu_layers` are laid out in order; None where they do not fit."""
    counts = [0] * len(room)
    device, left = 0, room[0]
    for at in range(len(sizes.dense) - gpu_layers, len(sizes.dense)):
        need = sizes.dense[at] + (sizes.experts[at] if at >= cpu_expert_layers else 0)
        while need > left:
            device += 1
            if device == len(room):
                return None
            left = room[device]
        left -= need
        counts[device] += 1
    return tuple(counts)


def _sizes(model: Model, settings: Settings, gpu: Gpu) -> _Sizes:
    count = len(model.shape.layers)
    everything = Placement(devices=(gpu.name,), gpu_layers=count + 1, layers_per_device=(count + 1,))
    dense, experts = [0] * (count + 1), [0] * (count + 1)
    run = len(model.shape.run_layers)
    tied = not any(tensor.name == TIED_OUTPUT for tensor in model.tensors)
    for tensor in with_tied_output(model):
        if is_input(tensor.name) and not (tied and tensor.name == TIED_OUTPUT):
            continue
        layer = layer_of(tensor.name)
        if layer is not None and layer >= run:
            continue
        size = allocated_bytes(tensor, gpu.name, everything)
        (experts if EXPERTS.search(tensor.name) else dense)[count if layer is None else layer] += size
    for at, size in enumerate(_cache_per_layer(model, settings, everything)):
        dense[at] += size
    return _Sizes(tuple(dense), tuple(experts))


def _cache_per_layer(model: Model, settings: Settings, everything: Placement) -> list[int]:
    """Cache and state of each layer: those of layers alike are alike."""
    shape = model.shape
    known: dict[tuple[object, ...], int] = {}
    sizes = []
    for layer in shape.layers:
        key = (layer.kv_heads, layer.sliding, layer.recurrent, layer.has_kv)
        if key not in known:
            alone = shape.model_copy(update={"layers": (layer,), "predict_layers": 0})
            one = everything.model_copy(update={"gpu_layers": 2, "layers_per_device": (2,)})
            known[key] = sum(key_value_bytes(alone, one, settings).values()) + sum(
                state_bytes(alone, one, settings).values()
            )
        sizes.append(known[key])
    return sizes

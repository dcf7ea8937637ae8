"""Which layers have to be built: a run of alike layers needs as much memory as a few of them."""

from __future__ import annotations

from collections.abc import Mapping

from ...probe.model.types import Model, Tensor
from ..memory.places import layer_of

KEPT_LAYERS, KEPT_GROUPS = 6, 2
"""Of a run of alike layers, and of alike groups of layers; or one more, so that odd stays odd: buffers change places
from one layer to the next and back."""
LONGEST_PERIOD = 12


def shortened(
    model: Model, tensors: Mapping[str, Tensor], places: Mapping[str, str], where: tuple[str, ...], count: int
) -> tuple[int, ...]:
    """Numbers of the layers to build, in order; the last is always among them."""
    kinds: dict[object, int] = {}
    parts: list[list[object]] = [[] for _ in range(len(model.shape.layers))]
    for name, tensor in tensors.items():
        layer = layer_of(name)
        if layer is not None:
            parts[layer] += (name.partition(".")[2].partition(".")[2], tensor.shape, tensor.type, places.get(name))
    signs = []
    for layer in range(count):
        sign = (tuple(parts[layer]), where[layer], model.shape.layers[layer])
        signs.append(kinds.setdefault(sign, len(kinds)))
    kept = list(range(count - 1))
    for period in range(1, LONGEST_PERIOD + 1):
        kept = without_repeats(kept, [signs[layer] for layer in kept], period)
    return (*kept, count - 1) if count else ()


def without_repeats(kept: list[int], signs: list[int], period: int) -> list[int]:
    """Runs of the same `period` layers, cut to a few."""
    least = KEPT_LAYERS if period == 1 else KEPT_GROUPS
    result: list[int] = []
    at = 0
    while at < len(kept):
        block = signs[at : at + period]
        times = 1
        while signs[at + times * period : at + (times + 1) * period] == block and len(block) == period:
            times += 1
        keep = least + (times - least) * period % 2
        if times > keep and (period == 1 or len(set(block)) > 1):
            result += kept[at : at + keep * period]
            at += times * period
        else:
            result.append(kept[at])
            at += 1
    return result

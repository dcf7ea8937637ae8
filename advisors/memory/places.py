"""Which memory each tensor lies in.

Source: the loader of llama.cpp b11434 (src/llama-model.cpp, src/llama-model-loader.cpp).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Model, Shape, Tensor
from ..settings import HOST, Placement, Settings

PINNED = "pinned"
"""Host memory of the GPU's driver."""
REPACK = "repack"
"""Host memory with rows interleaved for the CPU's vector units: a second copy where weights are mapped."""
SKIPPED = "skipped"
"""Not loaded."""
TIED_OUTPUT = "output.weight"
"""The name under which a token embedding that serves as output is listed a second time."""

_INPUT = ("token_embd.", "position_embd.", "token_types.", "per_layer_token_embd.")
"""Always on the CPU."""
_FIRST_LAYER = ("token_embd_norm.", "per_layer_model_proj.", "per_layer_proj_norm.")
"""Without a layer's number, and yet where the first layer is."""
EXPERTS = re.compile(r"\.ffn_(up|down|gate|gate_up)_(ch|)exps")
_REPACKED = {
    "avx2": {"q4_0": 8, "q4_K": 8, "iq4_nl": 8, "mxfp4": 8},
    "avx512f": {"q2_K": 8},
    "dotprod": {"q4_0": 4, "q4_K": 8, "q5_K": 8, "q6_K": 8, "iq4_nl": 4, "mxfp4": 4, "q8_0": 4, "q1_0": 4},
    "i8mm": {"q4_0": 4, "q4_K": 8, "q5_K": 8, "q6_K": 8, "q8_0": 4, "q1_0": 4},
}
"""Types that are repacked and the number their rows must divide by (ggml/src/ggml-cpu/repack.cpp)."""


def layer_places(shape: Shape, placement: Placement) -> tuple[str, ...]:
    """The place of every layer, and last that of the output. Offload begins at the end."""
    count = len(shape.layers) + 1
    offloaded = min(placement.gpu_layers, count) if placement.devices else 0
    places = [HOST] * (count - offloaded)
    for device, layers in zip(placement.devices, placement.layers_per_device, strict=True):
        places += [device] * layers
    return tuple(places)


def counts_of_split(proportions: Sequence[float], gpu_layers: int) -> tuple[int, ...]:
    """How many layers each device gets from `-ts` proportions: a position belongs to the first share beyond it."""
    total = sum(proportions)
    shares = [sum(proportions[: at + 1]) / total for at in range(len(proportions))]
    counts = [0] * len(proportions)
    for position in range(gpu_layers):
        counts[next((at for at, share in enumerate(shares) if share > position / gpu_layers), len(shares) - 1)] += 1
    return tuple(counts)


def weight_places(
    model: Model, placement: Placement, settings: Settings, features: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Tensor name -> a device, `settings.HOST`, `PINNED`, `REPACK` or `SKIPPED`. A tied output is listed as its own."""
    layers = layer_places(model.shape, placement)
    run = len(model.shape.run_layers)
    overrides = [(re.compile(override.pattern), override.device) for override in placement.overrides]
    repacked = _repacked(features) if settings.repack else {}
    places: dict[str, str] = {}
    tied = is_tied(model)
    for tensor in with_tied_output(model):
        name = tensor.name
        layer = layer_of(name)
        if layer is not None and layer >= run:
            places[name] = SKIPPED
            continue
        if name.startswith(_INPUT):
            place = HOST
        elif name.startswith(_FIRST_LAYER) and not model.shape.architecture.startswith("lfm2"):
            place = layers[0]  # lfm2 calls its output norm token_embd_norm
        else:
            place = layers[layer] if layer is not None else layers[-1]
        if layer is not None and layer < placement.cpu_expert_layers and EXPERTS.search(name):
            place = HOST
        else:
            # The loader calls a tied output by the name that it has in the file.
            loaded = "token_embd.weight" if name == TIED_OUTPUT and tied else name
            place = next((device for pattern, device in overrides if pattern.search(loaded)), place)
        if place == HOST:
            place = _on_host(tensor, placement, settings, repacked)
        places[name] = place
    return places


def is_input(name: str) -> bool:
    """Whether a tensor belongs to the input layer, which is always on the CPU."""
    return name.startswith(_INPUT)


def is_tied(model: Model) -> bool:
    """Whether the token embedding serves as output too."""
    return not any(tensor.name == TIED_OUTPUT for tensor in model.tensors)


def with_tied_output(model: Model) -> tuple[Tensor, ...]:
    """The model's tensors, and the token embedding once more as `output.weight` where the file has no output."""
    tensors = {tensor.name: tensor for tensor in model.tensors}
    embedding = tensors.get("token_embd.weight")
    if embedding is None or TIED_OUTPUT in tensors or model.shape.architecture == "bitnet":
        return model.tensors  # bitnet multiplies with the embedding itself, wherever that lies
    return (*model.tensors, embedding._replace(name=TIED_OUTPUT))


@lru_cache(maxsize=65536)
def layer_of(name: str) -> int | None:
    """The block a tensor belongs to."""
    number = name[4:].partition(".")[0] if name.startswith("blk.") else ""
    return int(number) if number.isascii() and number.isdigit() else None


def _repacked(features: frozenset[str]) -> Mapping[str, int]:
    types: dict[str, int] = {}
    for feature, kinds in _REPACKED.items():
        if feature in features:
            types |= {kind: min(rows, types.get(kind, rows)) for kind, rows in kinds.items()}
    return types


def _on_host(tensor: Tensor, placement: Placement, settings: Settings, repacked: Mapping[str, int]) -> str:
    if placement.devices and settings.pinned_host:
        # The first GPU's host memory comes before the CPU's own kinds; mapped weights stay where the file is.
        return HOST if settings.mapped else PINNED
    rows = repacked.get(tensor.type)
    if rows is None or tensor.name.startswith(_INPUT) or len(tensor.shape) < 2 or tensor.shape[1] % rows:
        return HOST
    dimensions = 3 if len(tensor.shape) > 2 and tensor.shape[2] > 1 else 2
    expected = 3 if EXPERTS.search(tensor.name) else 2
    return REPACK if dimensions == expected and tensor.shape[1] > 1 else HOST


def allocated_bytes(tensor: Tensor, place: str, placement: Placement) -> int:
    """What a tensor takes in a place's buffer: CUDA pads quantized rows to 512 (ggml-cuda.cu), and aligns to 128."""
    if place not in placement.devices:
        return -(-tensor.size_bytes // 32) * 32
    kind = TYPES_BY_NAME.get(tensor.type)
    extra = 0
    if kind and kind.block > 1 and tensor.shape[0] % 512:
        extra = kind.row_bytes(512 - tensor.shape[0] % 512)
    return -(-(tensor.size_bytes + extra) // 128) * 128

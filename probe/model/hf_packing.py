"""Quantized layers, kept as several tensors, as one tensor each: real shape, and all their bytes.

A GPTQ layer is `qweight`, `qzeros`, `scales` and `g_idx`; eight of its weights lie in one 32-bit integer. To count what
the model has, as for GGUF's blocks, scales belong to the weights they scale. Layouts: those of GPTQ, AWQ,
compressed-tensors, bitsandbytes, torchao, NVIDIA's Model Optimizer, and transformers' FP8 and MXFP4 checkpoints.
"""

import re
from collections.abc import Iterable

from .hf_quantization import Quantization
from .types import Tensor

_EXTRA = frozenset(
    {"qzeros", "scales", "g_idx", "SCB", "weight_format", "weight_shape", "weight_g_idx", "activation_scale"}
    | {"weight_scale", "weight_scale_inv", "weight_scale_2", "weight_scale_and_zero", "weight_global_scale"}
    | {"input_scale", "input_global_scale", "weight_zero_point", "input_zero_point", "output_zero_point"}
    | {"weight:scale", "weight:scale_and_zero", "weight:zero_point", "weight:zero"}
)
"""Last parts of names that belong to the weights of the layer before them."""
_EXTRA_OF_WEIGHT = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")
_EXTRA_ENDINGS = (
    "_scales",
    "_weight_scale",
    "_input_scale",
    "_scale_inv",
    "_weight_scale_2",
    "_input_scale_2",
    "_scale_2",
)
"""Of experts kept as one tensor."""
_WEIGHTS = (
    ".qweight",
    ".weight_packed",
    ".weight",
    "_blocks",
    "",
    ".weight:qdata",
    ".weight:int_data",
    ".weight:_data",
)
"""How a layer's weights may be called."""
_PACKED = ("u8", "i8", "i32", "u32", "i16")


def unpacked(tensors: Iterable[Tensor], quantization: Quantization | None) -> tuple[Tensor, ...]:
    """The tensors with their scales joined to them; as they are where nothing is quantized."""
    found = tuple(tensors)
    by_name = {tensor.name: tensor for tensor in found}
    extras: dict[str, list[Tensor]] = {}
    joined: set[str] = set()
    for tensor in found:
        layer = _scaled_layer(tensor.name)
        main = next((layer + end for end in _WEIGHTS if layer + end in by_name), None) if layer else None
        if main is not None and main != tensor.name:
            extras.setdefault(main, []).append(tensor)
            joined.add(tensor.name)
    return tuple(
        _joined(tensor, extras[tensor.name], quantization) if tensor.name in extras else tensor
        for tensor in found
        if tensor.name not in joined
    )


def _scaled_layer(name: str) -> str | None:
    """The layer whose weights the tensor belongs to; None for weights themselves."""
    layer, _, last = name.rpartition(".")
    if last in _EXTRA:
        return layer
    if last in _EXTRA_OF_WEIGHT or last.startswith("bitsandbytes__"):
        return layer.removesuffix(".quant_state").removesuffix(".weight")
    ending = next((end for end in _EXTRA_ENDINGS if last.endswith(end)), None) if "_scale" in last else None
    return name.removesuffix(ending) if ending else None


def _joined(tensor: Tensor, extras: list[Tensor], quantization: Quantization | None) -> Tensor:
    kind, bits = _kind(tensor, extras, quantization)
    factor, width = 1.0, _width(tensor)
    name = re.sub(r"(\.qweight|\.weight_packed|\.weight:\w+)$", ".weight", tensor.name).removesuffix("_blocks")
    shape = tensor.shape
    if bits < width and shape:
        factor = width / bits
        if tensor.name.endswith(".qweight") and len(shape) == 2:
            shape = _grouped_shape(shape, width, bits, quantization)
        elif tensor.name.endswith("_blocks") and len(shape) >= 3:
            shape = (int(shape[0] * factor) * shape[1], *shape[2:])
        elif len(shape) == 2 and shape[0] == 1:  # bitsandbytes: all weights in one column.
            shape = (int(shape[1] * factor),)
        else:
            shape = (int(shape[0] * factor), *shape[1:])
    size = tensor.size_bytes + sum(extra.size_bytes for extra in extras)
    return Tensor(name, shape, kind, size, tensor.file, tensor.offset)


def _width(tensor: Tensor) -> int:
    return tensor.size_bytes * 8 // tensor.elements if tensor.elements else 8


def _grouped_shape(shape: tuple[int, ...], width: int, bits: int, quantization: Quantization | None) -> tuple[int, ...]:
    """AWQ packs along the outputs of a matrix kept inputs first, GPTQ along the inputs; turned to outputs first."""
    if quantization is not None and quantization.method == "awq":
        return (shape[1], shape[0] * width // bits)
    return (shape[1] * width // bits, shape[0])


def _kind(tensor: Tensor, extras: list[Tensor], quantization: Quantization | None) -> tuple[str, int]:
    """What the weights are, and their bits."""
    if tensor.type not in _PACKED:
        return tensor.type, _width(tensor)
    names = [extra.name for extra in extras]
    bits = quantization.bits if quantization and quantization.bits else _width(tensor)
    if tensor.name.endswith("_blocks"):
        return "mxfp4", 4
    if any(".weight.absmax" in name for name in names):
        return (quantization.float4 if quantization else "nf4"), 4
    scale = next((extra for extra in extras if extra.name.endswith("weight_scale")), None)
    if tensor.type == "u8" and scale is not None:
        return ("mxfp4" if scale.type in ("u8", "f8_e8m0") else "nvfp4"), 4
    if tensor.name.endswith((".qweight", ".weight_packed")):
        return f"int{bits}", bits
    if ":" in tensor.name:
        return f"int{bits}", min(bits, _width(tensor))
    return f"int{_width(tensor)}", _width(tensor)

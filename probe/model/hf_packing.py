"""Quantized layers, kept as several tensors, as one tensor each: real shape, and all their bytes.

A GPTQ layer is `qweight`, `qzeros`, `scales` and `g_idx`; eight of its weights lie in one 32-bit integer. To count what
the model has, as for GGUF's blocks, scales belong to the weights they scale. Layouts: those of GPTQ, AWQ,
compressed-tensors, bitsandbytes, torchao, NVIDIA's Model Optimizer, and transformers' FP8 and MXFP4 checkpoints.
"""

import re
from collections.abc import Iterable

from .hf_quantization import Quantization
from .types import Tensor

_EXTRA = re.compile(
    r"(.+?)(?:\.qzeros|\.scales|\.g_idx|\.weight_scale(?:_inv|_2)?|\.(?:weight|input)_global_scale|\.input_scale"
    r"|\.(?:weight|input|output)_zero_point|\.weight_shape|\.weight_g_idx|\.SCB|\.weight_format|\.activation_scale"
    r"|\.weight\.(?:absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.\w+)|_scales|_scale_inv|_scale_2"
    r"|_(?:weight|input)_scale(?:_2)?|\.weight:(?:scale|scale_and_zero|zero_point|zero)|\.weight_scale_and_zero)",
    re.DOTALL,
)
"""What belongs to the weights of the layer before it."""
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
        match = _EXTRA.fullmatch(tensor.name)
        main = next((match[1] + end for end in _WEIGHTS if match[1] + end in by_name), None) if match else None
        if main is not None and main != tensor.name:
            extras.setdefault(main, []).append(tensor)
            joined.add(tensor.name)
    return tuple(
        _joined(tensor, extras[tensor.name], quantization) if tensor.name in extras else tensor
        for tensor in found
        if tensor.name not in joined
    )


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

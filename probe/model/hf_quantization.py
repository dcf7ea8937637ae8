"""How the weights of a Hugging Face model are quantized, by what its config.json or hf_quant_config.json says.

Sources: transformers' quantization_config.py; the specifications of compressed-tensors and of NVIDIA's Model Optimizer.
"""

from typing import NamedTuple

from .hf_keys import HfKeys

_SHOUTED = {"aqlm", "hqq", "vptq", "higgs", "spqr", "eetq", "exl2", "exl3", "awq", "gptq"}


class Quantization(NamedTuple):
    """How weights are stored."""

    name: str
    """What people call it, with its group: `GPTQ 4-bit, group 128`."""
    method: str
    bits: int | None
    """Of one weight, where weights are packed into larger integers."""
    group: int | None
    """Weights that share a scale, along the row."""
    float4: str = "nf4"
    """The name of bitsandbytes' 4-bit type."""


def read_quantization(config: HfKeys, beside: HfKeys | None) -> Quantization | None:
    """None for plain weights. `beside` is hf_quant_config.json, where there is one."""
    keys = config.part("quantization_config")
    if not keys.config:
        keys = config.part("compression_config")
    if not keys.config and beside is not None:
        keys = beside.part("quantization")
        return _modelopt(keys) if keys.config else None
    if not keys.config:
        return None
    method = (keys.text("quant_method") or "").lower().replace("_", "-")
    if method in ("gptq", "awq", "auto-round", "autoround", "intel/auto-round", "gptq-marlin"):
        return _grouped(keys, method)
    if method == "compressed-tensors" or (not method and keys.part("config_groups").config):
        return _compressed(keys)
    if method.startswith("modelopt") or keys.text("quant_algo"):
        return _modelopt(keys)
    if method in ("bitsandbytes", "bnb") or "load_in_4bit" in keys.config:
        return _bitsandbytes(keys)
    if "fp8" in method:
        return _fp8(keys, method)
    if method == "mxfp4":
        return Quantization("MXFP4, group 32", method, 4, 32)
    if method == "torchao":
        return _torchao(keys)
    bits = keys.integer("bits", "w_bit", "nbits", default=0, high=16) if _whole(keys) else 0
    name = method.upper() if method in _SHOUTED else method or "unknown quantization"
    return Quantization(f"{name} {bits}-bit" if bits else name, method, bits or None, None)


def _whole(keys: HfKeys) -> bool:
    # exl2 gives a mean of bits such as 4.65.
    value = keys.find("bits", "w_bit", "nbits")
    return value is not None and isinstance(value[1], int)


def _grouped(keys: HfKeys, method: str) -> Quantization:
    bits = keys.integer("bits", "w_bit", default=4, low=1, high=16)
    group = keys.integer("group_size", "q_group_size", default=128, low=-1, high=1 << 20)
    name = {"gptq": "GPTQ", "awq": "AWQ", "gptq-marlin": "GPTQ"}.get(method, "AutoRound")
    if "awq" in (keys.text("packing_format") or ""):
        method = "awq"
    return Quantization(f"{name} {bits}-bit, {_group(group)}", method, bits, group if group > 0 else None)


def _group(size: int) -> str:
    return f"group {size}" if size > 0 else "one scale a channel"


def _fp8(keys: HfKeys, method: str) -> Quantization:
    block = keys.integers("weight_block_size", 2, 1, 1 << 16)
    scales = f"blocks of {block[0]} x {block[1]}" if block and len(block) == 2 else "one scale a tensor"
    if "fbgemm" in method:
        scales = "one scale a channel"
    scheme = keys.text("activation_scheme")
    activations = f", {scheme} activations" if scheme in ("dynamic", "static") else ""
    return Quantization(f"FP8, {scales}{activations}", "fp8", 8, None)


def _modelopt(keys: HfKeys) -> Quantization:
    algorithm = (keys.text("quant_algo") or "").upper()
    group = keys.integer("group_size", default=16, low=-1, high=1 << 20)
    if "NVFP4" in algorithm:
        return Quantization("NVFP4, group 16", "modelopt", 4, 16)
    if algorithm == "MIXED_PRECISION":
        return Quantization("Model Optimizer, mixed precision", "modelopt", 4, 16)
    if "FP8" in algorithm:
        return Quantization("FP8, one scale a tensor", "modelopt", 8, None)
    if algorithm.startswith("W4A"):
        return Quantization(f"{algorithm}, {_group(group)}", "modelopt", 4, group if group > 0 else None)
    return Quantization(
        f"Model Optimizer {algorithm or 'unknown'}"[:60], "modelopt", 8 if "8" in algorithm else 4, None
    )


def _bitsandbytes(keys: HfKeys) -> Quantization:
    if not keys.flag("load_in_4bit", keys.flag("_load_in_4bit")):
        return Quantization("bitsandbytes 8-bit", "bitsandbytes", 8, None)
    kind = (keys.text("bnb_4bit_quant_type") or "fp4").lower()
    kind = kind if kind in ("nf4", "fp4") else "fp4"
    double = ", scales quantized too" if keys.flag("bnb_4bit_use_double_quant") else ""
    return Quantization(f"bitsandbytes {kind.upper()} 4-bit, group 64{double}", "bitsandbytes", 4, 64, kind)


def _torchao(keys: HfKeys) -> Quantization:
    kind = keys.config.get("quant_type")
    if isinstance(kind, dict):  # {"default": {"_type": "Int4WeightOnlyConfig", "_data": {...}}}
        inner = HfKeys(keys.path, kind).part("default")
        kind = inner.text("_type") or inner.text("type")
    name = kind[:60] if isinstance(kind, str) else "unknown"
    bits = next((n for n in (4, 8, 6, 5, 3, 2) if f"int{n}" in name.lower() or f"float{n}" in name.lower()), 8)
    return Quantization(f"torchao {name}", "torchao", bits, None)


def _compressed(keys: HfKeys) -> Quantization:
    groups = [HfKeys(keys.path, group) for group in _groups(keys)]
    if not groups:
        return Quantization("compressed-tensors, nothing quantized", "compressed-tensors", None, None)
    names, bits, sizes = [], [], []
    for group in groups:
        weights, inputs = group.part("weights"), group.part("input_activations")
        width = weights.integer("num_bits", default=16, low=1, high=16)
        size = weights.integer("group_size", default=0, low=-1, high=1 << 20)
        bits.append(width)
        sizes.append(size if size > 0 else None)
        names.append(_scheme(group, keys, width, size, inputs))
    name = " and ".join(dict.fromkeys(names))
    return Quantization(
        f"compressed-tensors {name}"[:120], "compressed-tensors", min(bits), sizes[bits.index(min(bits))]
    )


def _groups(keys: HfKeys) -> list[dict[str, object]]:
    groups = keys.part("config_groups").config
    if len(groups) > 256:
        raise keys.fault("config_groups", f"has {len(groups)} groups")
    return [group for group in groups.values() if isinstance(group, dict)]


def _scheme(group: HfKeys, keys: HfKeys, width: int, size: int, inputs: HfKeys) -> str:
    weights = group.part("weights")
    layout = group.text("format") or keys.text("format") or ""
    if "nvfp4" in layout:
        return "NVFP4, group 16"
    if "mxfp4" in layout:
        return "MXFP4, group 32"
    activations = inputs.integer("num_bits", default=16, low=1, high=16)
    kind = "FP8 " if weights.text("type") == "float" and width == 8 else ""
    strategy = weights.text("strategy") or ""
    scales = {"channel": "one scale a channel", "tensor": "one scale a tensor", "block": "blocks"}.get(strategy)
    shared = f"group {size}" if size > 0 else scales
    return f"{kind}W{width}A{activations}" + (f", {shared}" if shared else "")

"""Quantized Hugging Face models: what people call it, and the parameters counted although weights are packed."""

from pathlib import Path
from typing import Any

import pytest
from made_hf import LLAMA_PARAMETERS, llama_tensors, write_directory

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.fault import BadModel
from llmtune.probe.model.hf_keys import HfKeys
from llmtune.probe.model.hf_model import read_directory
from llmtune.probe.model.hf_quantization import read_quantization
from llmtune.probe.model.types import Model

Shape = tuple[int, ...]


def gptq(stem: str, out: int, inner: int, bits: int = 4) -> dict[str, Any]:
    return {
        f"{stem}.qweight": ("I32", (inner * bits // 32, out)),
        f"{stem}.qzeros": ("I32", (1, out * bits // 32)),
        f"{stem}.scales": ("F16", (1, out)),
        f"{stem}.g_idx": ("I32", (inner,)),
    }


def awq(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {
        f"{stem}.qweight": ("I32", (inner, out // 8)),
        f"{stem}.qzeros": ("I32", (1, out // 8)),
        f"{stem}.scales": ("F16", (1, out)),
    }


def fp8(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {f"{stem}.weight": ("F8_E4M3", (out, inner)), f"{stem}.weight_scale_inv": ("F32", (1, 1))}


def nvfp4(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {
        f"{stem}.weight": ("U8", (out, inner // 2)),
        f"{stem}.weight_scale": ("F8_E4M3", (out, inner // 16)),
        f"{stem}.weight_scale_2": ("F32", ()),
        f"{stem}.input_scale": ("F32", ()),
    }


def packed(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {
        f"{stem}.weight_packed": ("I32", (out, inner // 8)),
        f"{stem}.weight_scale": ("BF16", (out, 1)),
        f"{stem}.weight_shape": ("I64", (2,)),
    }


def packed_nvfp4(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {
        f"{stem}.weight_packed": ("U8", (out, inner // 2)),
        f"{stem}.weight_scale": ("F8_E4M3", (out, inner // 16)),
        f"{stem}.weight_global_scale": ("F32", (1,)),
        f"{stem}.input_global_scale": ("F32", (1,)),
    }


def nf4(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {
        f"{stem}.weight": ("U8", (out * inner // 2, 1)),
        f"{stem}.weight.absmax": ("U8", (out * inner // 64,)),
        f"{stem}.weight.quant_map": ("F32", (16,)),
        f"{stem}.weight.nested_absmax": ("F32", (1,)),
        f"{stem}.weight.nested_quant_map": ("F32", (256,)),
        f"{stem}.weight.quant_state.bitsandbytes__nf4": ("U8", (190,)),
    }


def int8(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {f"{stem}.weight": ("I8", (out, inner)), f"{stem}.SCB": ("F32", (out,)), f"{stem}.weight_format": ("U8", ())}


def torchao(stem: str, out: int, inner: int) -> dict[str, Any]:
    return {
        f"{stem}.weight:qdata": ("I32", (out // 8, inner)),
        f"{stem}.weight:scale_and_zero": ("BF16", (1, out, 2)),
    }


WEIGHTS = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}
CASES: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "gptq": (gptq, {"quant_method": "gptq", "bits": 4, "group_size": 128}, "GPTQ 4-bit, group 128", "int4"),
    "gptq by channel": (
        gptq,
        {"quant_method": "gptq", "bits": 4, "group_size": -1},
        "GPTQ 4-bit, one scale a channel",
        "int4",
    ),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": 64}, "AWQ 4-bit, group 64", "int4"),
    "autoround": (
        gptq,
        {"quant_method": "auto-round", "bits": 4, "group_size": 128, "packing_format": "auto_round:auto_gptq"},
        "AutoRound 4-bit, group 128",
        "int4",
    ),
    "fp8 in blocks": (
        fp8,
        {"quant_method": "fp8", "weight_block_size": [128, 128], "activation_scheme": "dynamic"},
        "FP8, blocks of 128 x 128, dynamic activations",
        "f8_e4m3",
    ),
    "fp8 by tensor": (
        fp8,
        {"quant_method": "fp8", "activation_scheme": "static"},
        "FP8, one scale a tensor, static activations",
        "f8_e4m3",
    ),
    "nvfp4": (nvfp4, {"quant_method": "modelopt", "quant_algo": "NVFP4"}, "NVFP4, group 16", "nvfp4"),
    "modelopt fp8": (fp8, {"quant_method": "modelopt", "quant_algo": "FP8"}, "FP8, one scale a tensor", "f8_e4m3"),
    "bitsandbytes 4-bit": (
        nf4,
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        "bitsandbytes NF4 4-bit, group 64",
        "nf4",
    ),
    "bitsandbytes 8-bit": (int8, {"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes 8-bit", "int8"),
    "compressed-tensors": (
        packed,
        {
            "quant_method": "compressed-tensors",
            "format": "pack-quantized",
            "config_groups": {"group_0": {"weights": WEIGHTS, "input_activations": None, "targets": ["Linear"]}},
        },
        "compressed-tensors W4A16, group 128",
        "int4",
    ),
    "compressed-tensors fp8": (
        fp8,
        {
            "quant_method": "compressed-tensors",
            "format": "float-quantized",
            "config_groups": {
                "group_0": {
                    "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
                    "input_activations": {"num_bits": 8, "type": "float"},
                }
            },
        },
        "compressed-tensors FP8 W8A8, one scale a channel",
        "f8_e4m3",
    ),
    "compressed-tensors nvfp4": (
        packed_nvfp4,
        {
            "quant_method": "compressed-tensors",
            "format": "nvfp4-pack-quantized",
            "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "float", "group_size": 16}}},
        },
        "compressed-tensors NVFP4, group 16",
        "nvfp4",
    ),
    "torchao": (
        torchao,
        {"quant_method": "torchao", "quant_type": {"default": {"_type": "Int4WeightOnlyConfig", "_data": {}}}},
        "torchao Int4WeightOnlyConfig",
        "int4",
    ),
}


def quantized(path: Path, pack: Any, config: dict[str, Any]) -> Model:
    tensors: dict[str, Any] = {}
    for name, (dtype, shape) in llama_tensors().items():
        if "_proj" in name:
            tensors |= pack(name.removesuffix(".weight"), *shape)
        else:
            tensors[name] = (dtype, shape)
    directory = write_directory(path, tensors, quantization_config=config)
    return read_directory(Host(LiveSource()), str(directory))


@pytest.mark.parametrize("case", CASES)
def test_parameters_are_counted_although_weights_are_packed(tmp_path: Path, case: str) -> None:
    pack, config, name, kind = CASES[case]
    model = quantized(tmp_path / "m", pack, config)
    assert model.quantization == name
    assert model.parameters == LLAMA_PARAMETERS
    assert model.weights_bytes == sum(file.size_bytes - file.header_bytes for file in model.files)
    layers = [tensor for tensor in model.tensors if "_proj" in tensor.name]
    assert len(layers) == 14  # scales and zeros are no tensors of their own
    assert {tensor.type for tensor in layers} == {kind}
    assert all(tensor.name.endswith("_proj.weight") for tensor in layers)
    if case not in ("bitsandbytes 4-bit", "torchao"):  # which keep no shape, or several
        assert {tensor.shape for tensor in layers if "down_proj" in tensor.name} == {(128, 64)}
    assert not [text for text in model.oddities if "quantized" in text]


def test_mxfp4_experts(tmp_path: Path) -> None:
    stem = "model.layers.0.mlp.experts"
    tensors = llama_tensors() | {
        f"{stem}.gate_up_proj_blocks": ("U8", (4, 256, 2, 16)),
        f"{stem}.gate_up_proj_scales": ("U8", (4, 256, 2)),
        f"{stem}.gate_up_proj_bias": ("BF16", (4, 256)),
    }
    config = {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}
    directory = write_directory(tmp_path / "m", tensors, quantization_config=config)
    model = read_directory(Host(LiveSource()), str(directory))
    assert model.quantization == "MXFP4, group 32"
    (experts,) = [tensor for tensor in model.tensors if tensor.name == f"{stem}.gate_up_proj"]
    assert (experts.shape, experts.type) == ((64, 256, 4), "mxfp4")
    assert 8 * experts.size_bytes / experts.elements == 4.25
    assert model.parameters == LLAMA_PARAMETERS + 4 * 256 * 64 + 4 * 256


def test_a_quantization_told_beside_the_configuration(tmp_path: Path) -> None:
    tensors = {name: entry for name, entry in llama_tensors().items() if "_proj" not in name}
    directory = write_directory(tmp_path / "m", tensors | nvfp4("model.layers.0.mlp.up_proj", 128, 64))
    (directory / "hf_quant_config.json").write_text(
        '{"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"}}'
    )
    assert read_directory(Host(LiveSource()), str(directory)).quantization == "NVFP4, group 16"


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
            "FP4 4-bit, group 64, s",
        ),
        ({"quant_method": "fbgemm_fp8"}, "FP8, one scale a channel"),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, "Model Optimizer, mixed precision"),
        ({"quant_method": "modelopt", "quant_algo": "W4A8_AWQ", "group_size": 128}, "W4A8_AWQ, group 128"),
        ({"quant_method": "aqlm", "nbits_per_codebook": 16}, "AQLM"),
        ({"quant_method": "exl2", "bits": 4.65}, "EXL2"),
        ({"quant_method": "hqq", "bits": 4}, "HQQ 4-bit"),
        ({"quant_method": "torchao", "quant_type": "int8_weight_only"}, "torchao int8_weight_only"),
        ({"quant_method": "compressed-tensors", "config_groups": {}}, "compressed-tensors, nothing quantized"),
        ({"bits": 4}, "unknown quantization 4-bit"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"weights": WEIGHTS}, "b": {"weights": {"num_bits": 8, "strategy": "channel"}}},
            },
            "compressed-tensors W4A16, group 128 and W8A16, one scale a channel",
        ),
    ],
)
def test_names(config: dict[str, Any], name: str) -> None:
    found = read_quantization(HfKeys("config.json", {"quantization_config": config}), None)
    assert found is not None
    assert name in found.name


@pytest.mark.parametrize(
    "config",
    [
        {"quant_method": "gptq", "bits": 0},
        {"quant_method": "gptq", "bits": "four"},
        {"quant_method": "awq", "bits": 4, "group_size": 1 << 40},
        {"quant_method": "fp8", "weight_block_size": [0, 128]},
        {"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": -4}}}},
        {"quant_method": "bitsandbytes", "load_in_4bit": "yes"},
    ],
)
def test_absurd_numbers_name_their_key(config: dict[str, Any]) -> None:
    with pytest.raises(BadModel, match=r"^config.json: key '\w+' "):
        read_quantization(HfKeys("config.json", {"quantization_config": config}), None)

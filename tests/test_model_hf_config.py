"""Hugging Face configurations: the shape they tell, and that absurd ones are refused by name."""

import csv
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hf import LLAMA
from recorded import recordings_folder

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.fault import BadModel
from llmtune.probe.model.hf_architectures import gguf_architecture
from llmtune.probe.model.hf_config import config_shape, parse_config, read_config
from llmtune.probe.model.types import Shape


def shape(config: dict[str, Any]) -> Shape:
    return config_shape(parse_config(config, "config.json"))


def made(architecture: str, **keys: Any) -> Shape:
    return shape({**LLAMA, "architectures": [architecture], **keys})


def test_a_usual_transformer() -> None:
    got = shape(LLAMA)
    assert (got.architecture, got.embedding, got.vocabulary, got.context_trained) == ("llama", 64, 256, 2048)
    assert (got.key_length, got.value_length, got.rope_dimensions, got.mla, got.sliding_kind) == (
        16,
        16,
        16,
        False,
        "none",
    )
    assert [(one.heads, one.kv_heads, one.ffn, one.has_kv) for one in got.layers] == [(4, 2, 128, True)] * 2


def test_the_language_part_of_a_multimodal_model() -> None:
    language = {**LLAMA, "architectures": None, "model_type": "qwen3_vl_text", "head_dim": 32}
    got = shape(
        {"architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "text_config": language}
    )
    assert (got.architecture, got.key_length, len(got.layers)) == ("qwen3vl", 32, 2)
    deep = {
        "architectures": ["X"],
        "thinker_config": {"model_type": "y", "text_config": {**LLAMA, "model_type": "llama"}},
    }
    assert shape(deep).architecture == "llama"


def test_latent_attention() -> None:
    got = made(
        "DeepseekV3ForCausalLM",
        kv_lora_rank=512, q_lora_rank=1536, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128,
        n_routed_experts=256, num_experts_per_tok=8, moe_intermediate_size=2048, n_shared_experts=1,
        first_k_dense_replace=1, num_nextn_predict_layers=1, num_hidden_layers=4,
    )  # fmt: skip
    assert (got.architecture, got.mla, got.key_length, got.value_length) == ("deepseek2", True, 576, 512)
    assert (got.key_length_mla, got.value_length_mla, got.rope_dimensions, got.kv_lora_rank) == (192, 128, 64, 512)
    assert [one.kv_heads for one in got.layers] == [1] * 5
    assert [one.experts_used for one in got.layers] == [0, 8, 8, 8, 8]
    assert [one.ffn for one in got.layers] == [128, 0, 0, 0, 0]
    assert (got.experts_shared, got.shared_expert_ffn, got.predict_layers) == (1, 2048, 1)
    assert [one.has_kv for one in got.layers] == [True] * 4 + [False]


def test_low_rank_projections_that_keep_whole_keys() -> None:
    got = made(
        "MiniCPM3ForCausalLM", kv_lora_rank=256, qk_rope_head_dim=32, qk_nope_head_dim=64, v_head_dim=64
    )  # fmt: skip
    assert (got.mla, got.key_length, got.value_length, got.layers[0].kv_heads) == (False, 96, 64, 2)


def test_sliding_windows() -> None:
    types = ["sliding_attention", "full_attention"] * 3
    got = made("GptOssForCausalLM", sliding_window=128, layer_types=types, num_hidden_layers=6, num_local_experts=32)
    assert [one.sliding for one in got.layers] == [True, False] * 3
    assert (got.architecture, got.sliding_window) == ("gpt-oss", 128)
    assert {one.expert_ffn for one in got.layers} == {128}
    gemma = made("Gemma3ForCausalLM", sliding_window=512, sliding_window_pattern=3, num_hidden_layers=6)
    assert [one.sliding for one in gemma.layers] == [True, True, False] * 2
    granite = made("GraniteSWAForCausalLM", sliding_window=512, num_hidden_layers=5)
    assert [one.sliding for one in granite.layers] == [False, True, True, True, False]
    unused = made("Qwen2ForCausalLM", sliding_window=4096, use_sliding_window=False)
    assert (unused.sliding_window, unused.layers[0].sliding) == (0, False)


def test_gemma4_has_other_heads_in_full_layers() -> None:
    types = ["sliding_attention"] * 5 + ["full_attention"]
    got = made(
        "Gemma4ForConditionalGeneration", layer_types=types, num_hidden_layers=6, sliding_window=1024, head_dim=16,
        global_head_dim=32, num_key_value_heads=4, num_global_key_value_heads=2, num_kv_shared_layers=0,
    )  # fmt: skip
    assert (got.key_length, got.key_length_swa) == (32, 16)
    assert [one.kv_heads for one in got.layers] == [4] * 5 + [2]


def test_linear_attention_with_a_full_layer_now_and_then() -> None:
    keys = {
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_num_key_heads": 16, "linear_num_value_heads": 32, "full_attention_interval": 4,
    }  # fmt: skip
    got = made("Qwen3NextForCausalLM", num_hidden_layers=8, **keys)
    assert [one.recurrent for one in got.layers] == [True, True, True, False] * 2
    assert (got.state_conv_elements, got.state_elements) == (3 * (4096 + 2 * 16 * 128), 128 * 4096)
    types = ["full_attention", "linear_attention"] * 4
    listed = made("Qwen3_5ForConditionalGeneration", num_hidden_layers=8, layer_types=types, **keys)
    assert [one.recurrent for one in listed.layers] == [False, True] * 4
    assert [one.has_kv for one in listed.layers] == [True, False] * 4


def test_hybrids_of_mamba() -> None:
    keys = {"mamba_num_heads": 8, "mamba_head_dim": 16, "ssm_state_size": 32, "conv_kernel": 4, "n_groups": 2}
    got = made("NemotronHForCausalLM", hybrid_override_pattern="M-M*-", num_hidden_layers=5, **keys)
    assert [one.recurrent for one in got.layers] == [True, False, True, False, False]
    assert [one.has_kv for one in got.layers] == [False, False, False, True, False]
    assert [one.ffn for one in got.layers] == [0, 128, 0, 0, 128]
    assert (got.state_conv_elements, got.state_elements) == (3 * (128 + 2 * 2 * 32), 32 * 128)
    experts = {"num_experts_per_tok": 2, "n_routed_experts": 8, "moe_intermediate_size": 64, "n_shared_experts": 1}
    moe = made("NemotronHForCausalLM", hybrid_override_pattern="ME*", num_hidden_layers=3, **keys, **experts)
    assert (moe.architecture, [one.experts_used for one in moe.layers]) == ("nemotron_h_moe", [0, 2, 0])
    granite = made(
        "GraniteMoeHybridForCausalLM", layer_types=["mamba", "attention"], mamba_d_state=16, mamba_expand=2,
        num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=32,
    )  # fmt: skip
    assert [one.recurrent for one in granite.layers] == [True, False]
    assert [one.has_kv for one in granite.layers] == [False, True]
    assert [one.expert_ffn for one in granite.layers] == [128, 128]
    lfm = made("Lfm2ForCausalLM", layer_types=["conv", "full_attention"], conv_L_cache=3)
    assert [one.recurrent for one in lfm.layers] == [True, False]
    assert (lfm.state_conv_elements, lfm.state_elements) == (64 * 2, 0)
    kimi = made(
        "KimiLinearForCausalLM", kv_lora_rank=512, qk_rope_head_dim=64,
        linear_attn_config={"full_attn_layers": [2], "short_conv_kernel_size": 4, "head_dim": 128},
    )  # fmt: skip
    assert [one.has_kv for one in kimi.layers] == [False, True]


def test_models_without_attention() -> None:
    got = shape({"model_type": "mamba2", "hidden_size": 64, "num_hidden_layers": 2, "state_size": 16, "expand": 2})
    assert [one.recurrent for one in got.layers] == [True, True]
    assert not any(one.has_kv for one in got.layers)


@pytest.mark.parametrize(
    ("keys", "layers"),
    [
        ({"decoder_sparse_step": 2}, [0, 2, 0, 2]),
        ({"mlp_only_layers": [0, 3]}, [0, 2, 2, 0]),
        ({"first_k_dense_replace": 2}, [0, 0, 2, 2]),
        ({"moe_layer_freq": [0, 1, 0, 1]}, [0, 2, 0, 2]),
        ({"moe_layers_enum": "1,2"}, [0, 2, 2, 0]),
        ({"mlp_layer_types": ["dense", "sparse", "sparse", "dense"]}, [0, 2, 2, 0]),
        ({"expert_layer_period": 2, "expert_layer_offset": 1}, [0, 2, 0, 2]),
    ],
)
def test_which_layers_have_experts(keys: dict[str, Any], layers: list[int]) -> None:
    got = made("Qwen3MoeForCausalLM", num_experts=4, num_experts_per_tok=2, num_hidden_layers=4, **keys)
    assert [one.experts_used for one in got.layers] == layers


def test_keys_under_other_names() -> None:
    old = {
        "architectures": ["GPT2LMHeadModel"],
        "n_embd": 64,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 1024,
        "vocab_size": 9,
    }
    got = shape(old)
    assert (got.architecture, got.embedding, got.context_trained, got.layers[0].ffn) == ("gpt2", 64, 1024, 256)
    falcon = shape({**old, "architectures": ["RWForCausalLM"], "multi_query": True})
    assert (falcon.architecture, falcon.layers[0].kv_heads) == ("falcon", 1)


def test_an_unknown_architecture_is_read_as_a_usual_one() -> None:
    config = parse_config({**LLAMA, "architectures": ["ZebraForCausalLM"], "model_type": "zebra"}, "config.json")
    assert (config.known, config_shape(config).architecture) == (False, "ZebraForCausalLM")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": -1}, "key 'num_hidden_layers' is -1, outside 1 to 512"),
        ({"num_hidden_layers": 2**40}, "key 'num_hidden_layers' is 1099511627776, outside 1 to 512"),
        ({"num_hidden_layers": 10**3000}, "is an integer of hundreds of digits"),
        ({"num_hidden_layers": "32"}, "is '32', not an integer"),
        ({"num_hidden_layers": 1.5}, "is 1.5, not an integer"),
        ({"num_hidden_layers": True}, "is True, not an integer"),
        ({"num_hidden_layers": None}, "lacks the key 'num_hidden_layers'"),
        ({"hidden_size": 0}, "key 'hidden_size' is 0, outside 1"),
        ({"hidden_size": float("nan")}, "key 'hidden_size' is nan, not an integer"),
        ({"hidden_size": float("-inf")}, "key 'hidden_size' is -inf, not an integer"),
        ({"partial_rotary_factor": float("inf")}, "key 'partial_rotary_factor' is inf, not a number"),
        ({"hidden_size": 1e300}, "key 'hidden_size' is 1e+300"),
        ({"num_attention_heads": [4]}, "key 'num_attention_heads' is [4], not an integer"),
        ({"num_key_value_heads": -2}, "key 'num_key_value_heads' is -2"),
        ({"vocab_size": 2**60}, "key 'vocab_size'"),
        ({"head_dim": -64}, "key 'head_dim'"),
        ({"layer_types": ["full_attention"]}, "key 'layer_types' has 1 elements for 2 layers"),
        ({"layer_types": [1, 2]}, "key 'layer_types' is [1, 2], not a list of words"),
        ({"num_experts": 10**6}, "key 'num_experts' is 1000000, outside 0 to 1024"),
        ({"num_experts": 4, "num_experts_per_tok": 5}, "key 'num_experts_per_tok' is 5, but there are 4 experts"),
        ({"tie_word_embeddings": "no"}, "key 'tie_word_embeddings' is 'no', not true or false"),
        ({"partial_rotary_factor": "half"}, "key 'partial_rotary_factor' is 'half', not a number"),
        ({"mlp_only_layers": [-1]}, "key 'mlp_only_layers' is -1"),
        ({"architectures": ["NemotronHForCausalLM"]}, "lacks the key 'layer_types'"),
        (
            {"architectures": ["NemotronHForCausalLM"], "hybrid_override_pattern": "MXM"},
            "key 'hybrid_override_pattern'",
        ),
        ({"architectures": [], "model_type": None}, "names neither architectures nor model_type"),
        ({"max_position_embeddings": {"a": "x" * 500}}, "key 'max_position_embeddings' is {'a': 'xxx"),
    ],
)
def test_absurd_numbers_name_the_file_and_the_key(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadModel) as caught:
        shape({**LLAMA, **changes})
    assert str(caught.value).startswith("config.json: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"{", "is no valid JSON"),
        (b"[]", "is no JSON object"),
        (b'{"a":' * 50_000, "is nested too deeply"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "is no valid JSON"),
        (b"\xff\xfe{", "is no valid JSON"),
        (b" " * (5 << 20) + b"{}", "has 5242882 bytes, more than 4 MiB"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(BadModel) as caught:
        read_config(Host(LiveSource()), str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


KEYS = sorted(
    {
        *LLAMA, "head_dim", "num_experts", "num_experts_per_tok", "moe_intermediate_size", "first_k_dense_replace",
        "decoder_sparse_step", "mlp_only_layers", "moe_layer_freq", "n_shared_experts", "sliding_window", "layer_types",
        "sliding_window_pattern", "hybrid_layer_pattern", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim",
        "v_head_dim", "full_attention_interval", "linear_num_value_heads", "num_nextn_predict_layers", "text_config",
        "hybrid_override_pattern", "mamba_expand", "mamba_d_ssm", "attn_layer_period", "linear_attn_config",
        "conv_L_cache", "block_auto_adjust_ff_dim", "num_kv_shared_layers", "use_sliding_window", "ffn_config",
        "attn_config", "quantization_config", "partial_rotary_factor", "global_head_dim", "index_head_dim",
    }
)  # fmt: skip
values = (
    st.none() | st.booleans() | st.integers(-2, 600) | st.integers() | st.floats() | st.text(max_size=6)
    | st.lists(st.integers(-1, 9) | st.sampled_from(["full_attention", "mamba", "conv"]), max_size=4)
    | st.dictionaries(st.sampled_from(KEYS), st.integers(-1, 300) | st.text(max_size=3) | st.none(), max_size=3)
)  # fmt: skip
CLASSES = [
    "LlamaForCausalLM",
    "Gemma4ForConditionalGeneration", "Qwen3NextForCausalLM", "NemotronHForCausalLM", "Lfm2ForCausalLM",
    "DeepseekV3ForCausalLM", "GptOssForCausalLM", "JambaForCausalLM", "KimiLinearForCausalLM", "Mamba2ForCausalLM",
    "Llama4ForConditionalGeneration", "Step3p5ForCausalLM", "MiMoV2ForCausalLM", "GraniteMoeHybridForCausalLM", "Zebra",
]  # fmt: skip


@pytest.mark.fuzz
@settings(max_examples=examples(1500), deadline=1000)
@given(name=st.sampled_from(CLASSES), changes=st.dictionaries(st.sampled_from(KEYS), values, max_size=6))
def test_any_values_give_a_shape_or_one_line(name: str, changes: dict[str, Any]) -> None:
    start = time.process_time()
    try:
        got = shape({**LLAMA, "architectures": [name], **changes})
    except BadModel as caught:
        assert str(caught).startswith("config.json: ")  # noqa: PT017
    else:
        assert 1 <= len(got.layers) <= 512
        assert got.embedding >= 1
        assert all(one.kv_heads >= 0 and one.ffn >= 0 and one.experts_used <= got.experts for one in got.layers)
    assert time.process_time() - start < 1


def test_infinities_that_do_not_matter_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**LLAMA, "time_step_limit": [0.0, float("inf")]}))
    assert config_shape(read_config(Host(LiveSource()), str(path))).embedding == 64


def table() -> list[dict[str, str]]:
    folder = recordings_folder()
    path = (
        Path(os.environ.get("LLMTUNE_TRUTH", folder.parent / "truth" if folder else "/nonexistent"))
        / "model_shapes.csv"
    )
    if not path.is_file():
        return []
    with path.open() as stream:
        return [row for row in csv.DictReader(stream) if row["n_layers"] and row["architecture"] and row["n_heads"]]


def whole(text: str) -> int | None:
    return int(float(text)) if text else None


def pattern(text: str, count: int) -> list[str]:
    """The layer types of a row, which may be cut short, continued by their period."""
    words = re.findall(r"'(\w+)'", text)
    period = next(n for n in range(1, len(words) + 1) if all(words[at] == words[at % n] for at in range(len(words))))
    return (words[:period] * count)[:count]


@pytest.mark.skipif(not table(), reason="no table of published shapes at hand")
def test_published_shapes() -> None:
    names = {
        "num_hidden_layers": "n_layers", "hidden_size": "hidden", "num_attention_heads": "n_heads",
        "head_dim": "head_dim", "num_key_value_heads": "n_kv_heads", "intermediate_size": "ffn",
        "moe_intermediate_size": "moe_ffn",
        "num_experts": "n_experts", "num_experts_per_tok": "experts_per_tok", "vocab_size": "vocab",
        "max_position_embeddings": "max_pos", "sliding_window": "sliding_window", "kv_lora_rank": "kv_lora_rank",
        "qk_rope_head_dim": "qk_rope_head_dim",
    }  # fmt: skip
    read = 0
    for row in table():
        config: dict[str, Any] = {key: whole(row[column]) for key, column in names.items() if row[column]}
        config |= {"architectures": [row["architecture"]], "model_type": row["model_type"]}
        if row["swa_pattern"].startswith("["):
            config["layer_types"] = pattern(row["swa_pattern"], config["num_hidden_layers"])
        if row["model_type"] in ("nemotron_h", "granitemoehybrid"):
            continue  # The table does not hold which of their layers attend.
        got = shape(config)
        read += 1
        assert gguf_architecture([row["architecture"], row["model_type"]]) == got.architecture, row["name"]
        assert len(got.layers) == config["num_hidden_layers"]
        assert (got.embedding, got.vocabulary) == (config["hidden_size"], config.get("vocab_size", 0))
        assert got.experts == config.get("num_experts", 0)
        assert got.mla == ("kv_lora_rank" in config)
        attending = [one for one in got.layers if one.has_kv]
        assert all(one.heads == config["num_attention_heads"] for one in attending)
        if not got.mla and "num_key_value_heads" in config:
            assert {one.kv_heads for one in attending} == {config["num_key_value_heads"]}, row["name"]
        if got.experts and row["moe_ffn"]:
            assert max(one.expert_ffn for one in got.layers) == config["moe_intermediate_size"]
    assert read > 50


def test_json_with_halves_of_characters_is_no_trap() -> None:
    config = json.loads(
        '{"model_type": "llama\\ud800", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}'
    )
    assert shape(config).architecture == "llama"

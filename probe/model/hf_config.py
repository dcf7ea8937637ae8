"""A Hugging Face config.json to a `Shape`: put under GGUF's names as llama.cpp's converter does, then read as GGUF is.

So a model has the same shape whichever form it comes in. Sources: the configuration classes of transformers, and
conversion/*.py of llama.cpp b11434.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..host import Host
from .fault import BadModel
from .gguf import Value
from .gguf_shape import read_shape
from .hf_architectures import gguf_architecture
from .hf_experts import FeedForward, feed_forward
from .hf_keys import HfKeys
from .hf_layers import (
    attention_layers,
    layer_count,
    layer_kinds,
    predict_count,
    recurrent_numbers,
    sliding_numbers,
)
from .json_file import read_object
from .types import Shape

MAX_CONFIG_BYTES = 4 << 20
"""The longest in use, with a quantization for each layer, take 0.5 MB."""
_PARTS = ("text_config", "llm_config", "language_config", "thinker_config", "language_model", "text_model")
"""Where multimodal models keep their language part."""
_NOT_ABSORBED = frozenset({"minicpm3", "plm"})
"""Have a low-rank key/value projection, but keep whole keys and values."""
_NO_KV_IN_OTHERS = frozenset(
    {"lfm2", "lfm2moe", "jamba", "granitehybrid", "kimi-linear", "kimi-k3", "nemotron_h", "nemotron_h_moe"}
)
"""Told by 0 key/value heads in layers that do not attend."""


class Config(NamedTuple):
    """A config.json."""

    path: str
    keys: HfKeys
    architecture: str
    known: bool
    """Whether llama.cpp has such an architecture."""
    tied: bool


def read_config(host: Host, path: str) -> Config:
    """The config.json at `path`; raises `BadModel`."""
    return parse_config(read_object(host, path, MAX_CONFIG_BYTES), path)


def parse_config(config: Mapping[str, Any], path: str) -> Config:
    """A configuration whose language part may be nested."""
    merged, names = dict(config), _names(config)
    part: Mapping[str, Any] = config
    for _ in range(3):
        nested = next((part[key] for key in _PARTS if isinstance(part.get(key), dict)), None)
        if nested is None:
            break
        part = nested
        merged |= {key: value for key, value in nested.items() if value is not None}
        names = _names(nested) + names
    if not names:
        raise BadModel(path, "names neither architectures nor model_type; it is no language model's configuration")
    keys = HfKeys(path, merged)
    known = gguf_architecture(names)
    architecture = known or names[0][:60]
    if architecture == "nemotron_h" and keys.find("num_experts_per_tok"):
        architecture = "nemotron_h_moe"
    tied = keys.flag("tie_word_embeddings") or architecture.startswith("gemma")
    return Config(path, keys, architecture, known is not None, tied)


def _names(config: Mapping[str, Any]) -> list[str]:
    listed = config.get("architectures")
    names = listed[:1] if isinstance(listed, list) else []
    return [name for name in (*names, config.get("model_type")) if isinstance(name, str) and name]


def config_shape(config: Config, predicts: bool | None = None) -> Shape:
    """The hyperparameters; raises `BadModel`. `predicts` tells whether the files hold prediction blocks, if known."""
    keys, architecture = config.keys, config.architecture
    run = layer_count(keys)
    predict = predict_count(keys, run)
    if predicts is not None:
        predict = max(predict, 1) if predicts else 0
    count = run + predict
    kinds = layer_kinds(keys, run)
    padded = [*kinds, *(["both"] * predict)] if kinds is not None else None
    embedding = keys.integer("hidden_size", "n_embd", "d_model", "dim", default=None, low=1, high=1 << 20)
    attends = attention_layers(keys, architecture, kinds, run)
    forward = feed_forward(keys, architecture, padded, count, run)
    numbers: dict[str, Value] = {
        "block_count": count,
        "nextn_predict_layers": predict,
        "embedding_length": embedding,
        "context_length": keys.integer(
            "max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "seq_length",
            "model_max_length", high=1 << 31,
        ),
        "vocab_size": keys.integer("vocab_size", "padded_vocab_size", high=1 << 24),
        "attention.indexer.key_length": keys.integer("index_head_dim", high=1 << 16),
        "attention.shared_kv_layers": keys.integer("num_kv_shared_layers", high=run),
        "attention.sliding_window": 0,
    }  # fmt: skip
    numbers |= _heads(keys, architecture, embedding, attends, count, run)
    numbers |= _experts(forward)
    numbers |= recurrent_numbers(keys, architecture, embedding)
    numbers |= sliding_numbers(keys, architecture, kinds, run, predict)
    if architecture.startswith(("qwen3next", "qwen35", "qwen4", "minimax-01")) and not all(attends):
        numbers["attention.recurrent_layers"] = tuple(not attends[at] if at < run else False for at in range(count))
    metadata = {f"{architecture}.{name}": value for name, value in numbers.items()}
    return read_shape(config.path, metadata | {"general.architecture": architecture}, None)


def _experts(forward: FeedForward) -> dict[str, Value]:
    return {
        "feed_forward_length": tuple(forward.dense),
        "expert_count": forward.experts,
        "expert_used_count": tuple(forward.used),
        "expert_feed_forward_length": tuple(forward.expert_ffn),
        "expert_shared_count": forward.shared,
        "expert_shared_feed_forward_length": forward.shared_ffn,
    }


def _heads(
    keys: HfKeys, architecture: str, embedding: int, attends: list[bool], count: int, run: int
) -> dict[str, Value]:
    if architecture in ("mamba", "mamba2") or architecture.startswith("rwkv"):
        return {"attention.head_count": 0}
    heads = keys.integer(
        "num_attention_heads",
        "n_head",
        "n_heads",
        "num_heads",
        "decoder_attention_heads",
        default=None,
        low=1,
        high=1 << 16,
    )
    head = keys.integer(
        "head_dim", "attention_head_dim", "kv_channels", "d_kv", "hidden_size_per_head", "qk_head_dim",
        default=embedding // heads, high=1 << 16,
    )  # fmt: skip
    kv = _kv_heads(keys, heads)
    numbers: dict[str, Value] = {
        "attention.head_count": heads,
        "attention.head_count_kv": kv,
        "attention.key_length": head,
        "attention.value_length": keys.integer("v_head_dim", default=head, high=1 << 16),
        "rope.dimension_count": keys.bounded("partial_rotary_factor", int(head * _rotary_share(keys)), 0, 1 << 16),
    }
    if keys.integer("kv_lora_rank", high=1 << 16) and keys.integer("qk_rope_head_dim", high=1 << 16):
        numbers |= _latent(keys, architecture, kv)
    kv_per_layer = _kv_per_layer(keys, architecture, numbers, count)
    if architecture in _NO_KV_IN_OTHERS:
        kv_per_layer = tuple(kv_per_layer[at] if at >= run or attends[at] else 0 for at in range(count))
    numbers["attention.head_count_kv"] = kv_per_layer
    return numbers


def _kv_heads(keys: HfKeys, heads: int) -> int:
    attention = keys.part("attn_config")  # dbrx, mpt
    default = attention.integer("kv_n_heads", default=heads, low=1, high=1 << 16)
    if keys.flag("multi_query") and not keys.flag("new_decoder_architecture"):  # falcon, gpt_bigcode
        default = 1
    grouped = keys.flag("multi_query_attention", True)  # chatglm
    names = ["num_key_value_heads", "n_kv_heads", "num_kv_heads", "num_attention_groups", "n_head_kv"]
    return keys.integer(*names, *(["multi_query_group_num"] if grouped else []), default=default, low=1, high=1 << 16)


def _rotary_share(keys: HfKeys) -> float:
    share = keys.number("partial_rotary_factor", "rotary_pct", "rope_pct", default=1.0)
    return min(max(share, 0.0), 1.0)


def _latent(keys: HfKeys, architecture: str, kv: int) -> dict[str, Value]:
    """Multi-head latent attention: one compressed vector a token stands for all heads' keys and values."""
    rank, rope = keys.integer("kv_lora_rank", high=1 << 16), keys.integer("qk_rope_head_dim", high=1 << 16)
    whole = keys.integer("qk_nope_head_dim", default=128, high=1 << 16) + rope
    value = keys.integer("v_head_dim", default=128, high=1 << 16)
    numbers: dict[str, Value] = {
        "attention.q_lora_rank": keys.integer("q_lora_rank", high=1 << 16),
        "attention.kv_lora_rank": rank,
        "rope.dimension_count": rope,
        "attention.key_length": whole,
        "attention.value_length": value,
        "attention.head_count_kv": kv,
    }
    if architecture not in _NOT_ABSORBED:
        numbers |= {
            "attention.key_length": rank + rope,
            "attention.value_length": rank,
            "attention.key_length_mla": whole,
            "attention.value_length_mla": value,
            "attention.head_count_kv": 1,
        }
    return numbers


def _kv_per_layer(keys: HfKeys, architecture: str, numbers: dict[str, Value], count: int) -> tuple[int, ...]:
    """Also sets the key lengths where full and sliding layers differ."""
    latent = numbers["attention.head_count_kv"]
    kv = latent if isinstance(latent, int) else 1
    per_layer = [kv] * count
    kinds = keys.config.get("layer_types")
    sliding = [isinstance(kinds, list) and at < len(kinds) and kinds[at] == "sliding_attention" for at in range(count)]
    if architecture == "gemma4":
        small = numbers["attention.key_length"]
        numbers |= {"attention.key_length_swa": small, "attention.value_length_swa": small}
        full = keys.integer("global_head_dim", default=small if isinstance(small, int) else 0, high=1 << 16)
        numbers |= {"attention.key_length": full, "attention.value_length": full, "rope.dimension_count": full}
        wide = keys.integer("num_global_key_value_heads", default=kv, low=1, high=1 << 16)
        per_layer = [kv if sliding[at] else wide for at in range(count)]
    elif architecture == "mimo2":
        pattern = keys.integers("hybrid_layer_pattern", 4096, 0, 1) or []
        small = keys.integer("swa_num_key_value_heads", default=kv, low=1, high=1 << 16)
        per_layer = [small if at >= len(pattern) or pattern[at] else kv for at in range(count)]
    elif architecture == "step35":
        other = keys.part("attention_other_setting")
        small = other.integer("num_attention_groups", default=kv, low=1, high=1 << 16)
        per_layer = [small if sliding[at] else kv for at in range(count)]
    return tuple(per_layer)

"""What a tensor is for, by its name: GGUF's (gguf-py/gguf/constants.py of llama.cpp) and those of transformers."""

import re
from functools import lru_cache
from typing import Literal, get_args

TensorClass = Literal[
    "embedding",
    "output",
    "attention",
    "recurrent",
    "dense FFN",
    "experts",
    "shared experts",
    "vision and audio",
    "other",
]
TENSOR_CLASSES: tuple[TensorClass, ...] = get_args(TensorClass)

_RULES: tuple[tuple[TensorClass, str], ...] = (
    ("vision and audio", r"vision|visual|audio|image|multi_modal|mm_projector|patch_embed|^v\.|^mm\.|^vit\."),
    ("embedding", r"^(per_layer_)?token_embd|embed_tokens|\bwte\b|\bwpe\b|word_embeddings|tok_embeddings|embed_in\b"),
    ("embedding", r"backbone\.embeddings\b|position_embd|token_types|^(transformer\.|model\.)?embeddings?\."),
    ("output", r"^output\.|lm_head|embed_out|^cls\.|output_layer"),
    ("shared experts", r"shexp|shared_expert|shared_mlp|share_expert"),
    ("experts", r"_(ch)?exps\b|experts?\.|experts_|ffn_gate_inp|exp_probs|router|\.gate\.(weight|wg|e_score)"),
    ("experts", r"block_sparse_moe"),
    ("recurrent", r"ssm_|shortconv|time_mix|channel_mix|linear_attn|mamba|conv1d|\bA_log\b|\bdt_bias\b|dt_proj"),
    ("recurrent", r"\.conv\.|mixer\.(in_proj|out_proj|D\b)|x_proj"),
    ("attention", r"attn|attention|[qkv]_proj|\.indexer|qkv|query_key_value|\.c_attn|\bo_proj"),
    ("dense FFN", r"ffn_|mlp|feed_forward|\bfc[12]\b|\bw[123]\b|up_proj|down_proj|gate_proj|dense_(h|4h)_to"),
)  # fmt: skip
_COMPILED = tuple((name, re.compile(rule)) for name, rule in _RULES)
_ROUTER = re.compile(r"ffn_gate_inp|exp_probs|router|\.gate\.(weight|wg|e_score)")
_NORM = re.compile(r"norm|\bln_|rope_freqs|layer_output_scale|\bln[12]\b")
_NUMBER = re.compile(r"\.[0-9]+(?=\.)")
_LAYER = re.compile(r"(?:^|\.)(?:blk|layers|h|blocks)\.(\d{1,4})\.")
_PREDICTS = re.compile(r"(?:^|\.)(?:mtp\b|mtp_|nextn)")


def tensor_class(name: str) -> TensorClass:
    """The class of the tensor called `name`."""
    return _class(_NUMBER.sub(".0", name))


@lru_cache(maxsize=4096)
def _class(name: str) -> TensorClass:
    # Of 90,000 names of a model with many experts some fifty remain when the numbers are the same.
    if _NORM.search(name):
        return "other"
    return next((kind for kind, rule in _COMPILED if rule.search(name)), "other")


def layer_number(name: str) -> int | None:
    """The block a tensor belongs to; None for those of the whole model."""
    found = _LAYER.search(name)
    return int(found[1]) if found else None


def predicts(name: str) -> bool:
    """Whether it is called as part of a block for multi-token prediction."""
    return _predicts(_NUMBER.sub(".0", name))


@lru_cache(maxsize=4096)
def _predicts(name: str) -> bool:
    return _PREDICTS.search(name) is not None


def is_router(name: str) -> bool:
    """Whether it chooses the experts, and so works for every token."""
    return _router(_NUMBER.sub(".0", name))


@lru_cache(maxsize=4096)
def _router(name: str) -> bool:
    return _ROUTER.search(name) is not None

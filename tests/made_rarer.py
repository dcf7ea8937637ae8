"""Usual decoders that are met more rarely."""

from __future__ import annotations

from typing import Any

from made_decoders import POST, V, dense, sparse
from made_gguf import Entry
from made_layers import Made
from made_others import latent


def changed(made: Made, *more: Entry, without: str = "", renamed: tuple[str, str] = ("", ""), **keys: object) -> Made:
    """The same with other tensors: in every layer those whose names begin with `blk.`, N standing for the number."""
    tensors = [entry for entry in made.tensors if not without or without not in entry[0]]
    if renamed[0]:
        old, new = renamed
        ends = ("post_attention_norm.weight", "post_ffw_norm.weight") if old.endswith("!") else (old,)
        old = old.rstrip("!")
        tensors = [
            (name.replace(old, new) if name.endswith(ends) else name, shape, kind) for name, shape, kind in tensors
        ]
    count = made.metadata["block_count"]
    assert isinstance(count, int)
    for name, shape, kind in more:
        numbers = range(count) if ".N." in name else range(1)
        tensors += [(name.replace(".N.", f".{number}."), shape, kind) for number in numbers]
    metadata = {**made.metadata, **{key.replace("__", "."): value for key, value in keys.items()}}
    return made._replace(tensors=tensors, metadata=metadata)  # type: ignore[arg-type]


SLIDES = [False, True, True, True] * 2

INDEXER: list[Entry] = [
    ("blk.N.indexer.k_norm.weight", (128,), "f32"), ("blk.N.indexer.k_norm.bias", (128,), "f32"),
    ("blk.N.indexer.proj.weight", (1024, 32), "q4_K"), ("blk.N.indexer.attn_k.weight", (1024, 128), "q4_K"),
    ("blk.N.indexer.attn_q_b.weight", (768, 32 * 128), "q4_K"),
]  # fmt: skip
INDEXED: dict[str, Any] = {
    "attention__indexer__head_count": 32, "attention__indexer__key_length": 128, "attention__indexer__top_k": 512,
}  # fmt: skip

RARER: dict[str, Made] = {
    "step35": changed(
        sparse(
            "step35", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=1, norm=64, select=True, shared=512,
            expert_shared_feed_forward_length=512, attention__sliding_window=512,
            attention__sliding_window_pattern=SLIDES, expert_weights_norm=True, expert_gating_func=2,
        ),
        ("blk.N.attn_gate.weight", (1024, 16), "q4_K"),
    ),
    "laguna": changed(
        sparse(
            "laguna", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=1, norm=64, select=True, shared=512,
            expert_shared_feed_forward_length=512, expert_shared_count=1, attention__sliding_window=512,
            expert_weights_norm=True, expert_gating_func=2,
        ),
        ("blk.N.attn_gate.weight", (1024, 1024), "q4_K"),
    ),
    "afmoe": changed(
        sparse(
            "afmoe", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=2, norm=64, select=True, shared=512, names=POST,
            expert_shared_count=1, attention__sliding_window=512, expert_weights_norm=True, expert_weights_scale=2.8,
        ),
        ("blk.N.attn_gate.weight", (1024, 1024), "q4_K"),
    ),
    "arctic": changed(
        sparse("arctic", 6, 1024, 1024, 16, 4, 64, 16, 2, 1024),
        ("blk.N.ffn_norm_exps.weight", (1024,), "f32"),
        ("blk.N.ffn_gate.weight", (1024, 1024), "q4_K"),
        ("blk.N.ffn_up.weight", (1024, 1024), "q4_K"),
        ("blk.N.ffn_down.weight", (1024, 1024), "q4_K"),
    ),
    "openelm": dense("openelm", 8, 1024, 2816, 16, 4, fused=True, norm=64, tied=True),
    "bitnet": changed(
        dense("bitnet", 8, 1024, 2816, 16, 4, tied=True),
        ("blk.N.attn_sub_norm.weight", (1024,), "f32"),
        ("blk.N.ffn_sub_norm.weight", (2816,), "f32"),
    ),
    "jais": dense("jais", 8, 1024, 2816, 16, 16, rms=False, fused=True, bias=True, out_bias=True, ffn_bias=True),
    "plamo3": changed(
        dense(
            "plamo3", 8, 1024, 2816, 16, 4, fused=True, norm=64, ffn_kind="double", names=POST,
            attention__sliding_window=512,
        ),
        renamed=("_norm.weight!", "_norm"),
    ),
    "smallthinker": sparse(
        "smallthinker", 8, 1024, 768, 16, 4, 64, 32, 4, 768, expert_gating_func=2, attention__sliding_window=4096,
    ),
    "hy_v3": changed(
        sparse(
            "hy_v3", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=1, norm=64, select=True, shared=512,
            expert_shared_feed_forward_length=512, expert_weights_norm=True, expert_gating_func=2,
        ),
        renamed=("exp_probs_b.bias", "exp_probs_b"),
    ),
    "mellum": sparse("mellum", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, norm=64, attention__sliding_window=1024),
    "mpt": dense(
        "mpt", 8, 1024, 4096, 16, 16, rms=False, fused=True, ffn_kind="plain", norm_bias=False, tied=True,
        attention__clamp_kqv=8.0, attention__max_alibi_bias=8.0,
    ),
    "bloom": dense(
        "bloom", 8, 1024, 4096, 16, 16, rms=False, fused=True, bias=True, out_bias=True, ffn_kind="plain", tied=True,
        ffn_bias=True, extra=[("token_embd_norm.weight", (1024,), "f32"), ("token_embd_norm.bias", (1024,), "f32")],
    ),
    "apertus": changed(
        dense("apertus", 8, 1024, 4096, 16, 4, norm=64, ffn_kind="plain"),
        xielu__alpha_n=[0.8] * 8, xielu__alpha_p=[0.8] * 8, xielu__beta=[0.5] * 8, xielu__eps=[0.1] * 8,
    ),
    "minicpm": dense("minicpm", 8, 1152, 2880, 18, 18, tied=True),
    "qwen3vl": dense(
        "qwen3vl", 8, 1024, 3072, 16, 8, 128, norm=128, n_deepstack_layers=3, rope__dimension_sections=[24, 20, 20, 0],
    ),
    "jais2": dense("jais2", 8, 1024, 4096, 16, 4, rms=False, bias=True, out_bias=True, ffn_kind="plain", ffn_bias=True),
    "nanbeige": dense("nanbeige", 8, 1024, 2816, 16, 4),
    "gemma3-full": dense("gemma3", 8, 1152, 6912, 4, 1, 256, tied=True, norm=256, names=POST),
    "deci": dense("deci", 8, 1024, 2816, 16, 4),
    "orion": dense("orion", 8, 1024, 2816, 16, 4, rms=False),
    "xverse": dense("xverse", 8, 1024, 2816, 16, 16),
    "qwen": changed(dense("qwen", 8, 1024, 2816, 16, 16, fused=True, bias=True), feed_forward_length=5632),
    "refact": dense("refact", 8, 1024, 2816, 16, 1),
    "starcoder": dense(
        "starcoder", 8, 1024, 4096, 16, 1, rms=False, fused=True, bias=True, out_bias=True, ffn_kind="plain",
        ffn_bias=True, extra=[("position_embd.weight", (1024, 2048), "f32")], context_length=2048,
    ),
    "codeshell": dense(
        "codeshell", 8, 1024, 4096, 16, 4, rms=False, fused=True, bias=True, out_bias=True, ffn_kind="plain",
        ffn_bias=True,
    ),
    "pangu": dense("pangu-embedded", 8, 1024, 2816, 16, 4, bias=True, out_bias=True),
    "maincoder": dense("maincoder", 8, 1024, 2816, 16, 4, norm=64),
    "plamo": dense("plamo", 8, 1024, 2816, 16, 4, names=("attn_norm",)),
    "dbrx": sparse(
        "dbrx", 6, 1024, 1792, 16, 4, 64, 16, 4, 1792, rms=False, fused=True, names=("attn_norm", "attn_output_norm"),
        attention__clamp_kqv=8.0,
    ),
    "deepseek32": changed(
        latent("deepseek32", 6, 1024, 4096, 16, lora=768, count=32, lead=2, expert_gating_func=2, rope=64, plain=128),
        *INDEXER, **INDEXED,
    ),
    "glm-dsa": changed(
        latent("glm-dsa", 6, 1024, 4096, 16, lora=768, count=32, lead=2, expert_gating_func=2, rope=64, plain=128),
        *INDEXER, **INDEXED,
    ),
    "phimoe": changed(
        sparse("phimoe", 6, 1024, 1024, 16, 4, 64, 16, 2, 1024, bias=True, out_bias=True),
        ("blk.N.attn_norm.bias", (1024,), "f32"),
        ("blk.N.ffn_norm.bias", (1024,), "f32"),
        ("output_norm.bias", (1024,), "f32"),
        ("output.bias", (V,), "f32"),
    ),
}  # fmt: skip

"""What tells one usual decoder's graph from another's, beside the tensors that it has (src/models/*.cpp, b11434)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..feed_forward import Activation, Gating

Rope = Literal[
    "always", "never", "sliding", "sliding-or-all", "steps", "finetuned", "steps-from-zero", "sliding-or-dense"
]
"""Which layers rotate: those that slide; those, or all where none slides; all but every n-th."""
Residual = Literal["serial", "attention-last", "input-last", "attention-first"]
"""How the two blocks of a layer are added: one after the other; or both computed from the same input, and
ffn + input + attention; ffn + attention + input; attention + ffn + input."""
Rows = Literal["layer", "after-norm", "before-norm"]
"""Where all but the wanted tokens are dropped: in the last layer, or around the last norm."""


class Style(NamedTuple):
    """The graph of one architecture."""

    act: Activation = "silu"
    rms: bool = True
    bare_norms: bool = False
    """Norms without weights."""
    rope: Rope = "always"
    query_scaled: bool = False
    ffn_norm: str = "ffn_norm"
    """The norm between attention and feed-forward part."""
    post_norm: str = "post_attention_norm"
    """The norm of the attention's result, where it has one."""
    pin_ffn_post: bool = False
    residual: Residual = "serial"
    input_scaled: Literal["no", "rows", "all"] = "no"
    rows: Rows = "layer"
    gating: Gating | None = None
    """None: what the file says."""
    gating_default: Gating = "softmax"
    weights_normed: bool | None = None
    """None: what the file says."""
    weighed_first: bool = False
    selection_biased: bool = True
    shared_gate: Literal["silu-div", "sigmoid"] = "sigmoid"
    logits: Literal["none", "softcap", "scale"] = "none"
    positions: int = 1
    norm_after_rope: bool = False
    bare_query_norm: bool = False
    """Queries and keys are normed after rotation, without weights."""
    temperature: bool = False
    router_early: bool = False
    """The router sees the layer's input."""
    shared_averaged: bool = False
    """The sum of routed and shared experts is halved."""
    skip_first: bool = False
    """input + attention, not attention + input."""
    residual_order: Literal["new-first", "old-first"] = "new-first"
    position_table: bool = False
    value_scaled: str = ""
    """The number in the file that the attention's result is scaled with."""


MOE_SILU = Style(gating="softmax", weights_normed=True)

STYLES: dict[str, Style] = {
    "llama": MOE_SILU, "qwen": Style(), "qwen2": Style(), "qwen3": Style(), "internlm2": Style(), "exaone": Style(),
    "xverse": Style(), "orion": Style(rms=False), "seed_oss": Style(ffn_norm="post_attention_norm", post_norm=""),
    "mistral3": Style(gating="softmax", weights_normed=True, temperature=True), "pangu-embedded": Style(),
    "ernie4_5": Style(), "arcee": Style(act="relu2"), "deci": Style(), "nemotron": Style(act="relu2", rms=False),
    "qwen2vl": Style(positions=4), "qwen3vl": Style(positions=4), "paddleocr": Style(positions=4),
    "qwen3vlmoe": Style(positions=4, gating="softmax", weights_normed=True),
    "qwen2moe": Style(gating="softmax", weights_normed=False, shared_gate="silu-div"),
    "qwen3moe": MOE_SILU, "olmoe": Style(gating="softmax", weights_normed=False),
    "rnd1": MOE_SILU, "mellum": MOE_SILU,
    "smollm3": Style(rope="steps"), "starcoder2": Style(act="gelu", rms=False),
    "gpt2": Style(act="gelu", rms=False, rope="never", position_table=True),
    "starcoder": Style(act="gelu", rms=False, rope="never", position_table=True),
    "codeshell": Style(act="gelu", rms=False),
    "bloom": Style(act="gelu", rms=False, rope="never"), "mpt": Style(act="gelu", rms=False, rope="never"),
    "refact": Style(rope="never"), "baichuan": Style(), "olmo": Style(rms=False, bare_norms=True),
    "olmo2": Style(), "exaone4": Style(rope="sliding-or-all"),
    "exaone-moe": Style(rope="sliding"),
    "chatglm": Style(act="swiglu"), "glm4": Style(act="swiglu", pin_ffn_post=True),
    "glm4moe": Style(ffn_norm="post_attention_norm", post_norm="", gating_default="sigmoid"),
    "phi2": Style(act="gelu", rms=False, residual="attention-first", query_scaled=True),
    "phi3": Style(act="swiglu", query_scaled=True, gating="softmax", weights_normed=True, residual_order="old-first"),
    "phimoe": Style(act="swiglu", query_scaled=True, gating="softmax", weights_normed=True, residual_order="old-first"),
    "falcon": Style(act="gelu", rms=False, residual="input-last"), "plamo": Style(residual="input-last"),
    "gptneox": Style(act="gelu", rms=False), "stablelm": Style(rms=False),
    "command-r": Style(rms=False, residual="attention-last", logits="scale"),
    "cohere2": Style(rms=False, residual="attention-last", logits="scale", rope="sliding"),
    "cohere2moe": Style(
        rms=False, residual="attention-last", logits="scale", rope="sliding-or-dense", gating_default="sigmoid",
        rows="after-norm", shared_averaged=True, selection_biased=False,
    ),
    "gemma": Style(act="gelu", input_scaled="all", query_scaled=True),
    "gemma2": Style(act="gelu", input_scaled="all", query_scaled=True, logits="softcap"),
    "gemma3": Style(act="gelu", input_scaled="rows", query_scaled=True, logits="softcap"),
    "gpt-oss": Style(
        act="swiglu-oai", ffn_norm="post_attention_norm", post_norm="", gating="softmax-weight", weights_normed=False,
        rows="before-norm",
    ),
    "granite": Style(rope="finetuned", gating="softmax", weights_normed=True, logits="scale"),
    "granitemoe": Style(rope="finetuned", gating="softmax", weights_normed=True, logits="scale"),
    "granite_swa": Style(rope="finetuned", gating="softmax", weights_normed=True, logits="scale"),
    "minicpm": Style(rope="finetuned", gating="softmax", weights_normed=True, logits="scale"),
    "dbrx": Style(rms=False, gating="softmax", weights_normed=True, ffn_norm="attn_output_norm", post_norm=""),
    "grok": Style(
        act="gelu", gating="softmax", weights_normed=True, post_norm="attn_output_norm", logits="softcap",
        pin_ffn_post=True,
    ),
    "llama4": Style(
        rope="steps", gating="sigmoid", weights_normed=False, weighed_first=True, temperature=True,
        bare_query_norm=True,
    ),
    "minimax-m2": Style(weights_normed=True),
    "ernie4_5-moe": Style(gating="softmax", weights_normed=True),
    "hunyuan-moe": Style(gating="softmax", weights_normed=True, norm_after_rope=True),
    "hunyuan-dense": Style(norm_after_rope=True), "hunyuan_vl": Style(norm_after_rope=True),
    "maincoder": Style(norm_after_rope=True),
    "dots1": Style(gating_default="sigmoid"), "bailingmoe": Style(gating="softmax"), "bailingmoe2": Style(),
    "deepseek": Style(gating="softmax", weights_normed=False),
    "apertus": Style(act="gelu"), "jais2": Style(act="relu2", rms=False),
    "hy_v3": Style(gating_default="sigmoid", rows="after-norm"),
    "mimo2": Style(gating="sigmoid", weights_normed=True, value_scaled="attention.value_scale"),
    "afmoe": Style(
        rope="steps", gating_default="sigmoid", input_scaled="all", pin_ffn_post=True,
    ),
    "step35": Style(gating_default="sigmoid", rows="before-norm"), "laguna": Style(gating_default="sigmoid"),
    "arctic": MOE_SILU, "openelm": Style(skip_first=True), "bitnet": Style(), "jais": Style(rms=False, rope="never"),
    "plamo3": Style(act="swiglu", pin_ffn_post=True), "nanbeige": Style(),
    "smallthinker": Style(act="relu", rope="steps-from-zero", weights_normed=True, router_early=True),
}  # fmt: skip

"""The usual decoders, dense and with experts."""

from __future__ import annotations

from made_gguf import Entry, Value
from made_layers import USUAL, Made, attention, ends, experts, gated, metadata, norms, stack, ungated, vector

V = 32000


def dense(
    architecture: str, layers: int, width: int, ffn: int, heads: int, kv: int, head: int = 0, *, vocabulary: int = V,
    tied: bool = False, rms: bool = True, fused: bool = False, bias: bool = False, out_bias: bool = False,
    ffn_kind: str = "gated", ffn_bias: bool = False, norm: int | tuple[int, int] = 0,
    names: tuple[str, ...] = tuple(USUAL), extra: list[Entry] | None = None, norm_bias: bool | None = None,
    end_norm: bool = True, **more: Value,
) -> Made:  # fmt: skip
    head = head or width // heads
    norm_bias = (not rms) if norm_bias is None else norm_bias

    def layer(_: int) -> list[Entry]:
        found = norms(width, *names, bias=norm_bias)
        found += attention(width, heads, kv, head, fused=fused, bias=bias, out_bias=out_bias, norm=norm)
        if ffn_kind == "gated":
            return found + gated(width, ffn, bias=ffn_bias)
        return found + ungated(width, ffn, bias=ffn_bias, double=ffn_kind == "double")

    tensors = ends(width, vocabulary, tied=tied, bias=norm_bias) + (extra or []) + stack(layers, layer)
    if not end_norm:
        tensors = [entry for entry in tensors if not entry[0].startswith("output_norm")]
    return Made(architecture, metadata(layers, width, ffn, heads, kv, head, more, rms=rms), tensors, vocabulary)


def sparse(
    architecture: str, layers: int, width: int, ffn: int, heads: int, kv: int, head: int, count: int, used: int,
    expert: int, *, vocabulary: int = V, shared: int = 0, lead: int = 0, norm: int | tuple[int, int] = 0,
    fused: bool = False, bias: bool = False, select: bool = False, names: tuple[str, ...] = tuple(USUAL),
    tied: bool = False, rms: bool = True, shared_gate: bool = False, every: int = 1, gate: bool = True,
    sinks: bool = False, expert_bias: bool = False, kind: str = "", out_bias: bool = False, **more: Value,
) -> Made:  # fmt: skip
    def layer(il: int) -> list[Entry]:
        found = norms(width, *names)
        found += attention(width, heads, kv, head, fused=fused, bias=bias, norm=norm, out_bias=out_bias)
        if sinks:
            found += vector("attn_sinks", heads)
        if il < lead or (il + 1) % every:
            return found + gated(width, ffn)
        found += experts(width, expert, count, kind, select=select, gate=gate, bias=expert_bias, route_bias=expert_bias)
        if shared:
            found += gated(width, shared, "_shexp")
        if shared_gate:
            found += [("ffn_gate_inp_shexp", (width,), "f32")]
        return found

    more = {
        "expert_count": count, "expert_used_count": used, "expert_feed_forward_length": expert,
        **({"leading_dense_block_count": lead} if lead else {}), **more,
    }  # fmt: skip
    tensors = ends(width, vocabulary, tied=tied) + stack(layers, layer)
    return Made(architecture, metadata(layers, width, ffn, heads, kv, head, more, rms=rms), tensors, vocabulary)


POST = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
ROPE: list[Entry] = [("rope_freqs.weight", (32,), "f32")]

DECODERS: dict[str, Made] = {
    "llama": dense("llama", 10, 1024, 2816, 16, 4, extra=ROPE),
    "llama-wide": dense("llama", 6, 2048, 8192, 32, 8, vocabulary=128256),
    "llama-mha": dense("llama", 8, 1536, 4096, 12, 12, tied=True),
    "llama-moe": sparse("llama", 8, 1024, 3584, 16, 4, 64, 8, 2, 3584),
    "smollm": dense("llama", 12, 576, 1536, 9, 3, tied=True, vocabulary=49152),
    "qwen2": dense("qwen2", 10, 896, 4864, 14, 2, bias=True, tied=True, vocabulary=151936),
    "qwen2vl": dense("qwen2vl", 8, 1536, 8960, 12, 2, bias=True, rope__dimension_sections=[16, 24, 24, 0]),
    "qwen3": dense("qwen3", 10, 1024, 3072, 16, 8, 128, norm=128, tied=True, vocabulary=151936),
    "qwen3moe": sparse("qwen3moe", 10, 1024, 3072, 16, 4, 128, 32, 8, 384, norm=128),
    "qwen2moe": sparse(
        "qwen2moe", 8, 1024, 3072, 16, 16, 64, 60, 4, 704, bias=True, shared=2816, shared_gate=True,
        expert_shared_feed_forward_length=2816,
    ),
    "gemma": dense("gemma", 8, 1024, 8192, 8, 1, 256, tied=True, vocabulary=64000),
    "gemma2": dense(
        "gemma2", 10, 1152, 4608, 8, 4, 256, tied=True, vocabulary=64000, names=POST, attention__sliding_window=1024,
        attn_logit_softcapping=50.0, final_logit_softcapping=30.0,
    ),
    "gemma3": dense(
        "gemma3", 14, 1152, 6912, 4, 1, 256, tied=True, vocabulary=65536, norm=256, names=POST,
        attention__sliding_window=512,
    ),
    "phi3": dense("phi3", 10, 1536, 4096, 16, 16, fused=True, ffn_kind="double"),
    "phi3-long": dense(
        "phi3", 8, 1536, 4096, 16, 8, fused=True, ffn_kind="double", rope__scaling__original_context_length=4096,
        extra=[("rope_factors_long.weight", (48,), "f32"), ("rope_factors_short.weight", (48,), "f32")],
    ),
    "phi2": dense(
        "phi2", 8, 1280, 5120, 20, 20, rms=False, bias=True, out_bias=True, ffn_kind="plain", ffn_bias=True,
        names=("attn_norm",), extra=[("output.bias", (V,), "f32")],
    ),
    "glm4": dense("glm4", 8, 1024, 3424 // 32 * 32, 16, 2, 64, ffn_kind="double", names=POST, bias=True),
    "glm4moe": sparse(
        "glm4moe", 8, 1024, 2816, 16, 4, 128, 32, 8, 704, lead=1, shared=704, select=True, bias=True, norm=128,
        names=("attn_norm", "post_attention_norm"), expert_shared_count=1, expert_weights_norm=True,
        expert_weights_scale=2.5, expert_gating_func=2,
    ),
    "gpt-oss": sparse(
        "gpt-oss", 12, 960, 960, 16, 4, 64, 16, 4, 960, bias=True, out_bias=True, sinks=True, expert_bias=True,
        kind="mxfp4", names=("attn_norm", "post_attention_norm"), attention__sliding_window=128,
    ),
    "mistral3": dense("mistral3", 8, 1280, 4096, 32, 8, 128, attention__temperature_scale=0.1),
    "granite": dense(
        "granite", 8, 1024, 4096, 16, 4, tied=True, embedding_scale=12.0, residual_scale=0.22, logit_scale=8.0,
        attention__scale=0.0156,
    ),
    "granitemoe": sparse(
        "granitemoe", 8, 1024, 512, 16, 8, 64, 32, 8, 512, tied=True, embedding_scale=12.0, residual_scale=0.22,
        logit_scale=6.0, attention__scale=0.0156, shared=1024, expert_shared_feed_forward_length=1024,
    ),
    "command-r": dense(
        "command-r", 8, 1536, 4096, 16, 16, rms=False, tied=True, names=("attn_norm",), logit_scale=0.0625,
        norm_bias=False, vocabulary=64000,
    ),
    "cohere2": dense(
        "cohere2", 9, 1024, 3072, 16, 4, rms=False, tied=True, names=("attn_norm",), logit_scale=0.25, norm_bias=False,
        vocabulary=64000, attention__sliding_window=1024,
    ),
    "stablelm": dense("stablelm", 8, 1024, 2816, 16, 16, rms=False),
    "stablelm-parallel": dense("stablelm", 8, 1280, 3456, 20, 5, rms=False, names=("attn_norm",)),
    "falcon": dense(
        "falcon", 8, 1152, 4608, 18, 1, rms=False, fused=True, ffn_kind="plain", names=("attn_norm",),
    ),
    "gptneox": dense(
        "gptneox", 8, 1024, 4096, 16, 16, rms=False, fused=True, bias=True, out_bias=True, ffn_kind="plain",
        ffn_bias=True, use_parallel_residual=True,
    ),
    "gptneox-serial": dense(
        "gptneox", 8, 1024, 4096, 16, 16, rms=False, fused=True, bias=True, out_bias=True, ffn_kind="plain",
        ffn_bias=True, use_parallel_residual=False,
    ),
    "gpt2": dense(
        "gpt2", 8, 768, 3072, 12, 12, rms=False, fused=True, bias=True, out_bias=True, ffn_kind="plain",
        ffn_bias=True, extra=[("position_embd.weight", (768, 1024), "f32")], context_length=1024,
    ),
    "starcoder2": dense(
        "starcoder2", 8, 1536, 6144, 12, 2, rms=False, bias=True, out_bias=True, ffn_kind="plain", ffn_bias=True,
        tied=True,
    ),
    "olmo": dense("olmo", 8, 1024, 4096, 16, 16, rms=False, names=(), norm_bias=False, end_norm=False),
    "olmo2": dense(
        "olmo2", 8, 1024, 4096, 16, 16, norm=1024, names=("post_attention_norm", "post_ffw_norm"),
    ),
    "olmo3": dense(
        "olmo2", 12, 1024, 3584, 16, 4, norm=(1024, 256), names=("post_attention_norm", "post_ffw_norm"),
        attention__sliding_window=1024,
    ),
    "olmoe": sparse("olmoe", 8, 1024, 512, 16, 16, 64, 32, 8, 512, norm=1024),
    "llama4": sparse(
        "llama4", 8, 1280, 4096, 20, 4, 64, 16, 1, 2048, shared=2048, interleave_moe_layer_step=1,
    ),
    "minimax-m2": sparse(
        "minimax-m2", 8, 1024, 512, 16, 4, 128, 32, 8, 512, norm=(2048, 512), select=True, expert_gating_func=2,
    ),
    "ernie4_5": dense("ernie4_5", 8, 1024, 3072, 16, 2, 128, tied=True),
    "ernie4_5-moe": sparse(
        "ernie4_5-moe", 8, 1024, 3072, 20, 4, 128, 32, 6, 512, lead=1, select=True, shared=1024, tied=True,
        expert_shared_feed_forward_length=1024, interleave_moe_layer_step=1, expert_shared_count=2,
    ),
    "hunyuan-moe": sparse(
        "hunyuan-moe", 8, 1024, 1024, 16, 4, 64, 16, 8, 1024, norm=64, shared=1024, tied=True,
        expert_shared_feed_forward_length=1024,
    ),
    "hunyuan-dense": dense("hunyuan-dense", 8, 1024, 3584, 16, 4, 128, norm=128, tied=True),
    "dots1": sparse(
        "dots1", 8, 1024, 2816, 16, 16, 64, 32, 6, 512, lead=1, norm=64, select=True, shared=1024,
        expert_shared_count=2, expert_weights_scale=2.5, expert_weights_norm=True, expert_gating_func=2,
    ),
    "bailingmoe": sparse(
        "bailingmoe", 8, 1024, 2816, 16, 4, 64, 32, 6, 704, shared=1408, expert_shared_count=2,
        expert_weights_norm=True, expert_weights_scale=1.0,
    ),
    "bailingmoe2": sparse(
        "bailingmoe2", 8, 1024, 2560, 16, 4, 64, 32, 8, 512, lead=1, norm=64, fused=True, select=True, shared=512,
        expert_shared_count=1, expert_shared_feed_forward_length=512, expert_weights_scale=2.5,
        expert_weights_norm=True, expert_gating_func=2, expert_group_count=4, expert_group_used_count=2,
    ),
    "smollm3": dense("smollm3", 9, 1024, 5504 // 256 * 256, 16, 4, tied=True, vocabulary=128256),
    "exaone": dense("exaone", 8, 1024, 3584, 16, 4),
    "exaone4": dense(
        "exaone4", 8, 1024, 3584, 16, 4, norm=64, names=("post_attention_norm", "post_ffw_norm"), tied=True,
    ),
    "seed_oss": dense(
        "seed_oss", 8, 1024, 5632, 16, 2, 128, bias=True, names=("attn_norm", "post_attention_norm"),
    ),
    "nemotron": dense(
        "nemotron", 8, 1024, 4096, 16, 4, rms=False, ffn_kind="plain",
    ),
    "arcee": dense("arcee", 8, 1024, 6144, 16, 4, ffn_kind="plain"),
    "internlm2": dense("internlm2", 8, 1024, 3584, 16, 4),
    "baichuan": dense("baichuan", 8, 1024, 2816, 16, 16),
    "chatglm": dense("chatglm", 8, 1024, 3424 // 32 * 32, 16, 2, fused=True, bias=True, ffn_kind="double"),
    "deepseek": sparse(
        "deepseek", 8, 1024, 2816, 16, 16, 64, 32, 6, 704, lead=1, shared=1408, expert_shared_count=2,
        expert_weights_scale=1.0,
    ),
    "grok": sparse(
        "grok", 6, 1024, 4096, 16, 4, 64, 8, 2, 4096,
        names=("attn_norm", "attn_output_norm", "ffn_norm", "post_ffw_norm"),
    ),
    "mimo2": sparse(
        "mimo2", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=1, select=True, sinks=True,
        attention__sliding_window=128, attention__sliding_window_pattern=[False, True, True, True] * 2,
        rope__freq_base_swa=10000.0,
    ),
    "exaone-moe": sparse(
        "exaone-moe", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=1, select=True, norm=64, shared=512,
        expert_shared_count=1, attention__sliding_window=128, expert_weights_norm=True, expert_weights_scale=2.5,
        expert_gating_func=2,
    ),
    "cohere2moe": sparse(
        "cohere2moe", 8, 1024, 2816, 16, 4, 64, 32, 8, 512, lead=1, names=("attn_norm",), tied=True,
        attention__sliding_window=1024, logit_scale=0.25, expert_weights_norm=True, expert_gating_func=2,
    ),
}  # fmt: skip

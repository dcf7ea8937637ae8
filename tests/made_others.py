"""Models that are no usual decoders: latent attention, recurrent and hybrid layers, Gemma 3n and 4, RWKV."""

from __future__ import annotations

from made_decoders import POST, V
from made_gguf import Entry, Value
from made_layers import Made, attention, ends, experts, gated, matrix, metadata, norms, stack, ungated, vector


def latent(
    architecture: str, layers: int, width: int, ffn: int, heads: int, *, lora: int = 0, absorbed: bool = True,
    count: int = 0, lead: int = 1, rank: int = 512, plain: int = 128, rope: int = 64, value: int = 128,
    act: str = "gated", **more: Value,
) -> Made:  # fmt: skip
    """Multi-head latent attention."""
    head = plain + rope

    def layer(il: int) -> list[Entry]:
        found = norms(width, "attn_norm", "ffn_norm") + vector("attn_kv_a_norm", rank)
        if lora:
            found += (
                vector("attn_q_a_norm", lora) + matrix("attn_q_a", width, lora) + matrix("attn_q_b", lora, heads * head)
            )
        else:
            found += matrix("attn_q", width, heads * head)
        found += matrix("attn_kv_a_mqa", width, rank + rope)
        if absorbed:
            found += [("attn_k_b", (plain, rank, heads), "q8_0"), ("attn_v_b", (rank, value, heads), "q8_0")]
        else:
            found += matrix("attn_kv_b", rank, heads * (plain + value))
        found += matrix("attn_output", heads * value, width)
        if il < lead or not count:
            return found + (gated(width, ffn) if act == "gated" else ungated(width, ffn))
        return found + experts(width, 512, count, select=True) + gated(width, 512, "_shexp")

    more = {"attention__kv_lora_rank": rank, **more}
    if lora:
        more["attention__q_lora_rank"] = lora
    if count:
        more |= {
            "expert_count": count, "expert_used_count": 6, "expert_feed_forward_length": 512, "expert_shared_count": 1,
            "leading_dense_block_count": lead, "expert_weights_scale": 2.5, "expert_weights_norm": True,
        }  # fmt: skip
    made = metadata(layers, width, ffn, heads, 1 if absorbed else heads, head, more)
    made["rope.dimension_count"] = rope
    made["attention.key_length"] = rank + rope if absorbed else head
    made["attention.value_length"] = rank if absorbed else value
    if absorbed:
        made |= {"attention.key_length_mla": head, "attention.value_length_mla": value}
    return Made(architecture, made, ends(width, V) + stack(layers, layer), V)


def delta(
    architecture: str,
    layers: int,
    width: int,
    *,
    count: int = 0,
    together: bool = False,
    keys: int = 8,
    values: int = 16,
) -> Made:
    """Gated delta nets with attention in every fourth layer."""
    size, heads, head = 64, 8, 128
    key, value = size * keys, size * values

    def layer(il: int) -> list[Entry]:
        found = norms(width, "attn_norm", "post_attention_norm")
        if (il + 1) % 4 == 0:
            found += matrix("attn_q", width, 2 * heads * head) + matrix("attn_k", width, 2 * head)
            found += matrix("attn_v", width, 2 * head) + matrix("attn_output", heads * head, width)
            found += vector("attn_q_norm", head) + vector("attn_k_norm", head)
        else:
            found += matrix("attn_qkv", width, 2 * key + value) + matrix("attn_gate", width, value)
            found += [("ssm_conv1d", (4, 2 * key + value), "f32"), ("ssm_dt.bias", (values,), "f32")]
            found += [("ssm_a", (values,), "f32"), ("ssm_norm", (size,), "f32"), *matrix("ssm_out", value, width)]
            if together:
                found += matrix("ssm_ba", width, 2 * values)
            else:
                found += matrix("ssm_beta", width, values) + matrix("ssm_alpha", width, values)
        if not count:
            return found + gated(width, 3 * width)
        found += experts(width, 256, count) + gated(width, 256, "_shexp")
        return [*found, ("ffn_gate_inp_shexp", (width,), "f32")]

    more: dict[str, Value] = {
        "ssm__conv_kernel": 4, "ssm__inner_size": value, "ssm__state_size": size, "ssm__time_step_rank": values,
        "ssm__group_count": keys,
    }  # fmt: skip
    if count:
        more |= {
            "expert_count": count, "expert_used_count": 8, "expert_feed_forward_length": 256,
            "expert_shared_feed_forward_length": 256,
        }  # fmt: skip
    if architecture != "qwen3next":
        more["rope__dimension_sections"] = [11, 11, 10, 0]
    made = metadata(layers, width, 3 * width, heads, 2, head, more)
    made["rope.dimension_count"] = 64
    return Made(architecture, made, ends(width, V) + stack(layers, layer), V)


def scan1(width: int, inner: int, size: int, rank: int, *, normed: bool = False) -> list[Entry]:
    """A mamba layer."""
    found = matrix("ssm_in", width, 2 * inner) + matrix("ssm_out", inner, width)
    found += matrix("ssm_x", inner, rank + 2 * size)
    found += [("ssm_conv1d", (4, inner), "f32"), ("ssm_conv1d.bias", (inner,), "f32"), ("ssm_dt", (rank, inner), "f32")]
    found += [("ssm_dt.bias", (inner,), "f32"), ("ssm_a", (size, inner), "f32"), ("ssm_d", (inner,), "f32")]
    if normed:
        found += vector("ssm_dt_norm", rank) + vector("ssm_b_norm", size) + vector("ssm_c_norm", size)
    return found


def scan2(width: int, inner: int, size: int, heads: int, groups: int, *, normed: bool = True) -> list[Entry]:
    """A mamba-2 layer."""
    channels = inner + 2 * groups * size
    found = matrix("ssm_in", width, inner + channels + heads) + matrix("ssm_out", inner, width)
    found += [("ssm_conv1d", (4, channels), "f32"), ("ssm_conv1d.bias", (channels,), "f32")]
    found += [("ssm_dt.bias", (heads,), "f32"), ("ssm_a", (1, heads), "f32"), ("ssm_d", (1, heads), "f32")]
    if normed:
        found.append(("ssm_norm", (inner // groups, groups), "f32"))
    return found


def ssm(inner: int, size: int, rank: int, groups: int = 0) -> dict[str, Value]:
    """Hyperparameters of a scan."""
    found: dict[str, Value] = {
        "ssm__conv_kernel": 4, "ssm__inner_size": inner, "ssm__state_size": size, "ssm__time_step_rank": rank,
    }  # fmt: skip
    return found | ({"ssm__group_count": groups} if groups else {})


def _feed_forward_alone(width: int, ffn: int, count: int, latent_width: int) -> list[Entry]:
    """Nemotron-H's third kind of layer: dense, or experts of a narrower space."""
    if not count:
        return ungated(width, ffn)
    inside = latent_width or width
    found: list[Entry] = [("ffn_gate_inp", (width, count), "f32"), ("exp_probs_b.bias", (count,), "f32")]
    if latent_width:
        found += matrix("ffn_latent_down", width, inside) + matrix("ffn_latent_up", inside, width)
    found += [("ffn_up_exps", (inside, 512, count), "q4_K"), ("ffn_down_exps", (512, inside, count), "q4_K")]
    return found + ungated(width, 1024, "_shexp")


def hybrid(architecture: str, kinds: str, width: int, ffn: int, *, count: int = 0, latent_width: int = 0) -> Made:
    """`kinds`: a letter a layer: a attention, m mamba, 2 mamba-2, f feed-forward alone, b attention and mamba-2."""
    heads, kv, head, layers = 16, 4, width // 16, len(kinds)
    inner, size, groups = 2 * width, 64, 2
    alone = architecture.startswith("nemotron_h")

    def mixer(kind: str) -> list[Entry]:
        if kind == "a":
            return attention(width, heads, kv, head)
        if kind == "m":
            return scan1(width, inner, 16, width // 16, normed=True)
        scan = scan2(width, inner, size, inner // 64, groups)
        return attention(width, heads, kv, head) + scan if kind == "b" else scan if kind == "2" else []

    def layer(il: int) -> list[Entry]:
        kind = kinds[il]
        found = norms(width, "attn_norm") + mixer(kind)
        if alone:
            return found + (_feed_forward_alone(width, ffn, count, latent_width) if kind == "f" else [])
        found.append(("ffn_norm!" if architecture == "falcon-h1" else "ffn_norm", (width,), "f32"))
        if count and (il % 2 or architecture == "granitehybrid"):
            return found + experts(width, ffn, count)
        return found + gated(width, ffn)

    more = ssm(
        inner, 16 if "m" in kinds else size, width // 16 if "m" in kinds else inner // 64, 0 if "m" in kinds else groups
    )
    if count:
        more |= {"expert_count": count, "expert_used_count": 4 if architecture != "jamba" else 2}
        if alone:
            more |= {
                "expert_feed_forward_length": 512,
                "expert_shared_feed_forward_length": 1024,
                "expert_weights_norm": True,
            }
            more |= {"expert_shared_count": 1, "expert_weights_scale": 2.5}
        if latent_width:
            more["moe_latent_size"] = latent_width
    if architecture == "granitehybrid":
        more |= {"residual_scale": 0.22, "embedding_scale": 12.0, "logit_scale": 6.0, "attention__scale": 0.0156}
    kv_heads: object = kv if architecture == "falcon-h1" else [kv if kind in "ab" else 0 for kind in kinds]
    lengths: object = [ffn if kind == "f" else 0 for kind in kinds] if alone else ffn
    if alone:
        more["attention__layer_norm_epsilon"] = 1e-5
    made = metadata(layers, width, lengths, heads, kv_heads, head, more)  # type: ignore[arg-type]
    return Made(architecture, made, ends(width, V) + stack(layers, layer), V)


def lfm(kinds: str, width: int, ffn: int, *, count: int = 0) -> Made:
    """`c`: a short convolution; `a`: attention."""
    heads, kv, layers = width // 64, width // 256, len(kinds)

    def layer(il: int) -> list[Entry]:
        found = norms(width, "attn_norm", "ffn_norm")
        if kinds[il] == "a":
            found += attention(width, heads, kv, 64, norm=64)
        else:
            found += [("shortconv.conv", (3, width), "f32")]
            found += matrix("shortconv.in_proj", width, 3 * width) + matrix("shortconv.out_proj", width, width)
        if count and il >= 2:
            return found + experts(width, 512, count, select=True)
        return found + gated(width, ffn)

    more: dict[str, Value] = {"shortconv__l_cache": 3}
    if count:
        more |= {
            "expert_count": count, "expert_used_count": 4, "expert_feed_forward_length": 512,
            "leading_dense_block_count": 2, "expert_gating_func": 2,
        }  # fmt: skip
    made = metadata(layers, width, ffn, heads, [kv if kind == "a" else 0 for kind in kinds], 64, more)
    del made["attention.key_length"], made["attention.value_length"]
    tensors: list[Entry] = [("token_embd.weight", (width, V), "q6_K"), ("token_embd_norm.weight", (width,), "f32")]
    return Made("lfm2moe" if count else "lfm2", made, tensors + stack(layers, layer), V)


def gemma4(layers: int, width: int, ffn: int, *, count: int = 0, per_layer: int = 0, shared: int = 0) -> Made:
    """Every sixth layer full, with longer heads."""
    heads, vocabulary = 8, 65536
    sliding = [(il + 1) % 6 != 0 for il in range(layers)]
    kv = [4 if slides else 2 for slides in sliding]

    def layer(il: int) -> list[Entry]:
        head = 256 if sliding[il] else 512
        found = norms(width, *POST)
        found += (
            matrix("attn_q", width, heads * head)
            + vector("attn_q_norm", head)
            + matrix("attn_output", heads * head, width)
        )
        if il < layers - shared:
            found += matrix("attn_k", width, kv[il] * head) + vector("attn_k_norm", head)
            if sliding[il]:
                found += matrix("attn_v", width, kv[il] * head)
        found += [*gated(width, ffn), ("layer_output_scale", (1,), "f32")]
        if count:
            found += [*experts(width, 512, count, joined=True), ("ffn_gate_inp.scale", (width,), "f32")]
            found += norms(width, "pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2")
        if per_layer:
            found += matrix("inp_gate", width, per_layer) + matrix("proj", per_layer, width) + norms(width, "post_norm")
        return found

    more: dict[str, Value] = {
        "attention__sliding_window": 512, "attention__sliding_window_pattern": sliding,
        "attention__key_length_swa": 256, "attention__value_length_swa": 256,
        "embedding_length_per_layer_input": per_layer, "final_logit_softcapping": 30.0,
        "rope__dimension_count_swa": 256,
    }  # fmt: skip
    if shared:
        more["attention__shared_kv_layers"] = shared
    if count:
        more |= {"expert_count": count, "expert_used_count": 8, "expert_feed_forward_length": 512}
    tensors: list[Entry] = [*ends(width, vocabulary, tied=True), ("rope_freqs.weight", (256,), "f32")]
    if per_layer:
        tensors += [
            ("per_layer_token_embd.weight", (per_layer * layers, vocabulary), "q8_0"),
            ("per_layer_model_proj.weight", (width, per_layer * layers), "bf16"),
            ("per_layer_proj_norm.weight", (per_layer,), "f32"),
        ]
    return Made(
        "gemma4", metadata(layers, width, ffn, heads, kv, 512, more), tensors + stack(layers, layer), vocabulary
    )


def gemma3n() -> Made:
    """30 layers, of which 20 keep a cache."""
    layers, width, ffn, heads, kv, head, vocabulary = 30, 1024, 4096, 8, 2, 256, 65536

    def layer(_: int) -> list[Entry]:
        found = norms(width, *POST) + attention(width, heads, kv, head, norm=head) + gated(width, ffn)
        found += matrix("inp_gate", width, 256) + matrix("proj", 256, width)
        found += norms(width, "post_norm", "altup_correct_scale", "altup_router_norm", "laurel_post_norm")
        found += [
            ("altup_correct_coef", (4, 4), "f32"),
            ("altup_predict_coef", (4, 16), "f32"),
            ("altup_router", (width, 4), "f32"),
        ]
        return found + matrix("laurel_l", width, 64) + matrix("laurel_r", 64, width)

    tensors: list[Entry] = [
        *ends(width, vocabulary, tied=True),
        ("altup_proj.weight", (width, width, 3), "f16"), ("altup_unembd_proj.weight", (width, width, 3), "f16"),
        ("per_layer_token_embd.weight", (256 * layers, vocabulary), "q8_0"),
        ("per_layer_model_proj.weight", (width, 256 * layers), "bf16"), ("per_layer_proj_norm.weight", (256,), "f32"),
    ]  # fmt: skip
    made = metadata(layers, width, ffn, heads, kv, head, {"attention__sliding_window": 512})
    return Made("gemma3n", made, tensors + stack(layers, layer), vocabulary)


def rwkv7(layers: int = 8, width: int = 1024, ffn: int = 4096) -> Made:
    """No attention."""
    ranks = {"w": 64, "a": 64, "v": 32, "g": 128}

    def layer(il: int) -> list[Entry]:
        found = norms(width, "attn_norm", "attn_norm_2", bias=True)
        for name, rank in ranks.items():
            rank = 64 if name == "v" and il == 0 else rank
            found += matrix(f"time_mix_{name}1", width, rank) + matrix(f"time_mix_{name}2", rank, width)
            if name != "g":
                found += vector(f"time_mix_{name}0", width)
        found += norms(width, "time_mix_k_k", "time_mix_k_a", "time_mix_r_k")
        found += [("time_mix_lerp_fused", (width, 1, 1, 6), "f32"), ("channel_mix_lerp_k", (width, 1, 1), "f32")]
        for name in ("key", "value", "receptance", "output"):
            found += matrix(f"time_mix_{name}", width, width)
        found += vector("time_mix_ln", width, bias=True)
        return found + matrix("channel_mix_key", width, ffn) + matrix("channel_mix_value", ffn, width)

    made: dict[str, Value] = {
        "context_length": 1048576, "embedding_length": width, "block_count": layers, "feed_forward_length": ffn,
        "attention.head_count": 0, "attention.layer_norm_epsilon": 1e-5, "wkv.head_size": 64,
        "attention.decay_lora_rank": 64, "attention.iclr_lora_rank": 64, "attention.value_residual_mix_lora_rank": 32,
        "attention.gate_lora_rank": 128,
    }  # fmt: skip
    tensors = ends(width, V, bias=True)
    tensors += [("token_embd_norm.weight", (width,), "f32"), ("token_embd_norm.bias", (width,), "f32")]
    return Made("rwkv7", made, tensors + stack(layers, layer), V)


def mamba(architecture: str) -> Made:
    """Nothing but scans."""
    layers, width = 10, 1024
    if architecture == "mamba":
        entries, more = scan1(width, 2048, 16, 64), ssm(2048, 16, 64)
    else:
        entries, more = scan2(width, 2048, 128, 32, 1), ssm(2048, 128, 32, 1)
    made = metadata(layers, width, 0, 0, 0, 0, more)
    for key in ("attention.key_length", "attention.value_length", "rope.dimension_count", "attention.head_count_kv"):
        del made[key]
    tensors = ends(width, V, tied=True) + stack(layers, lambda _: norms(width, "attn_norm") + entries)
    return Made(architecture, made, tensors, V)


OTHERS: dict[str, Made] = {
    "deepseek2": latent("deepseek2", 8, 1024, 4096, 16, lora=768, count=32, lead=2, expert_gating_func=2),
    "deepseek2-lite": latent("deepseek2", 27, 1024, 4096, 16, count=32, expert_gating_func=1),
    "deepseek2-groups": latent(
        "deepseek2", 8, 1536, 4096, 24, lora=768, count=64, lead=1, expert_gating_func=2, expert_group_count=8,
        expert_group_used_count=4,
    ),
    "deepseek2-expanded": latent(
        "deepseek2", 8, 1024, 4096, 16, lora=768, count=32, absorbed=False, expert_gating_func=2
    ),
    "minicpm3": latent(
        "minicpm3", 8, 1024, 2816, 16, lora=768, absorbed=False, rank=256, plain=64, rope=32, value=64,
    ),
    "qwen3next": delta("qwen3next", 12, 1024, count=32, together=True),
    "qwen35": delta("qwen35", 12, 1024),
    "qwen35moe": delta("qwen35moe", 12, 1024, count=32),
    "lfm2": lfm("ccacacca", 1024, 4608),
    "lfm2moe": lfm("ccacacca", 1024, 3584, count=16),
    "mamba": mamba("mamba"),
    "mamba2": mamba("mamba2"),
    "jamba": hybrid("jamba", "mmammmamm", 1024, 2816, count=8),
    "granitehybrid": hybrid("granitehybrid", "22a222a22", 1024, 2048),
    "granitehybrid-moe": hybrid("granitehybrid", "222a222a", 1024, 512, count=16),
    "nemotron_h": hybrid("nemotron_h", "2f2f2af2f2f", 1024, 4096),
    "nemotron_h_moe": hybrid("nemotron_h_moe", "2f2f2af2f2f", 1024, 4096, count=16),
    "nemotron_h_latent": hybrid("nemotron_h_moe", "2f2f2af2f2f", 1024, 4096, count=16, latent_width=512),
    "falcon-h1": hybrid("falcon-h1", "bbbbbbbb", 1024, 2816),
    "gemma4": gemma4(12, 1280, 5120),
    "gemma4-moe": gemma4(12, 1280, 2048, count=32),
    "gemma4-e": gemma4(18, 1024, 4096, per_layer=256, shared=6),
    "gemma3n": gemma3n(),
    "rwkv7": rwkv7(),
}  # fmt: skip

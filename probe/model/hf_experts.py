"""Which layers of a Hugging Face model have experts, and how long each layer's feed-forward parts are.

Sources: the configuration classes of transformers, and llama.cpp's conversion of each (conversion/*.py, b11434).
"""

from typing import NamedTuple

from .hf_keys import HfKeys

MAX_EXPERTS = 1024
_BOTH = frozenset({"arctic", "gemma4"})
"""Each layer has a dense part beside its experts."""
_EXPERTS_ARE_THE_FFN = frozenset(
    {"granitemoe", "granitehybrid", "gpt-oss", "phimoe", "minimax-m2", "minimax-01", "grok"}
)
"""`intermediate_size` is the experts'."""


class FeedForward(NamedTuple):
    """The feed-forward parts, layer by layer."""

    dense: list[int]
    experts: int
    used: list[int]
    expert_ffn: list[int]
    shared: int
    shared_ffn: int


def feed_forward(keys: HfKeys, architecture: str, kinds: list[str] | None, count: int, run: int) -> FeedForward:
    """For `run` layers and the prediction blocks after them; `kinds` names each layer where the file does."""
    dense = _dense(keys, architecture, count)
    experts, used, expert_ffn = _experts(keys, architecture, dense[0])
    has = [bool(experts) and layer for layer in _expert_layers(keys, architecture, kinds, count, run)]
    plain = "nemotron" in architecture
    shared_given = keys.integer(
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
        "share_expert_dim",
    )
    shared = keys.integer(
        "n_shared_experts",
        "num_shared_experts",
        "moe_num_shared_experts",
        default=1 if shared_given else 0,
        high=MAX_EXPERTS,
    )
    if architecture == "llama4" and experts:
        shared, dense = 1, [keys.integer("intermediate_size_mlp", default=dense[0])] * count
    if plain:
        dense = [dense[at] if kinds and kinds[at] in ("mlp", "moe", "both") else 0 for at in range(count)]
    elif experts and architecture not in _BOTH:
        dense = [0 if has[at] else dense[at] for at in range(count)]
    if not experts:
        shared = 0
    return FeedForward(
        dense=dense,
        experts=experts,
        used=[used if layer else 0 for layer in has],
        expert_ffn=[expert_ffn if layer else 0 for layer in has],
        shared=shared,
        shared_ffn=(shared_given or shared * expert_ffn) if shared else 0,
    )


def _dense(keys: HfKeys, architecture: str, count: int) -> list[int]:
    found = keys.find(
        "prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size", "n_inner", "ffn_hidden_size",
        "block_ff_dim", "ffn_dim", "hidden_dim", "d_ff",
    )  # fmt: skip
    if found is None:
        hidden = keys.integer("hidden_size", "n_embd", "d_model", default=0, high=1 << 20)
        moe_only = keys.find("moe_intermediate_size") is not None or architecture in ("mamba", "mamba2", "dbrx")
        return [0 if moe_only else 4 * hidden] * count
    key, value = found
    if isinstance(value, list):  # gemma3n: one a layer.
        lengths = keys.integers(key, 4096) or [0]
        return (lengths + [lengths[-1]] * count)[:count]
    length = keys.bounded(key, value, 0, 1 << 24)
    if keys.flag("block_auto_adjust_ff_dim"):
        # lfm2: two thirds, times a factor, rounded up.
        multiple = keys.integer("block_multiple_of", default=256, low=1)
        length = int(keys.number("block_ffn_dim_multiplier", default=1.0) * int(2 * length / 3))
        length = -(-length // multiple) * multiple
    if keys.flag("use_double_wide_mlp"):
        first = count - keys.integer("num_kv_shared_layers", high=count)
        return [length if layer < first else 2 * length for layer in range(count)]
    return [length] * count


def _experts(keys: HfKeys, architecture: str, dense: int) -> tuple[int, int, int]:
    part = keys.part("ffn_config")  # dbrx
    experts = keys.integer(
        "num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts",
        default=part.integer("moe_num_experts", high=MAX_EXPERTS), high=MAX_EXPERTS,
    )  # fmt: skip
    if experts <= 1:
        return 0, 0, 0
    used = keys.integer(
        "num_experts_per_tok", "num_experts_per_token", "top_k_experts", "num_selected_experts", "moe_top_k", "moe_k",
        "num_experts_per_topk", default=part.integer("moe_top_k", default=2, high=MAX_EXPERTS), high=MAX_EXPERTS,
    )  # fmt: skip
    if used > experts:
        raise keys.fault("num_experts_per_tok", f"is {used}, but there are {experts} experts")
    default = part.integer("ffn_hidden_size", default=dense)
    if architecture in _EXPERTS_ARE_THE_FFN:
        return experts, used, default
    return experts, used, keys.integer("moe_intermediate_size", "expert_intermediate_size", default=default)


def _expert_layers(keys: HfKeys, architecture: str, kinds: list[str] | None, count: int, run: int) -> list[bool]:
    """Prediction blocks of such models have experts too."""
    if "nemotron" in architecture:
        return [bool(kinds) and kinds[at] in ("moe", "both") for at in range(count)] if kinds else [False] * count
    lead = keys.integer("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index", high=count)
    step = keys.integer("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_interval", default=1, low=1)
    has = [at >= lead and (at + 1) % step == 0 for at in range(count)]
    frequency = keys.config.get("moe_layer_freq")
    if isinstance(frequency, list):
        listed = keys.integers("moe_layer_freq", 4096, 0, 1) or []
        has = [bool(listed[at]) if at < len(listed) else True for at in range(count)]
    elif frequency is not None:
        every = keys.integer("moe_layer_freq", default=1, low=1)
        has = [has[at] and at % every == 0 for at in range(count)]
    period = keys.integer("expert_layer_period", default=1, low=1)
    if period > 1:  # jamba
        offset = keys.integer("expert_layer_offset", high=period)
        has = [at % period == offset for at in range(count)]
    chosen = keys.integers("moe_layers", 4096)
    enumerated = keys.text("moe_layers_enum")
    if enumerated is not None:  # step3: "3,4,5"
        chosen = [int(part) for part in enumerated.split(",") if part.strip().isdecimal()]
    if chosen:
        has = [at in chosen or at >= run for at in range(count)]
    for layer in keys.integers("mlp_only_layers", 4096) or []:
        if layer < count:
            has[layer] = False
    types = keys.words("mlp_layer_types", run)
    if types:
        has = [types[at] == "sparse" if at < run else True for at in range(count)]
    return has

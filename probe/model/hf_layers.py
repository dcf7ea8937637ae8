"""The kind of each layer of a Hugging Face model, and what recurrent layers keep.

Sources: the configuration classes of transformers, and llama.cpp's conversion of each (conversion/*.py, b11434).
"""

from collections.abc import Mapping

from .fault import BadModel
from .hf_keys import MAX_LAYERS, HfKeys, shown

Numbers = dict[str, int]

_LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
"""Of nemotron's hybrid_override_pattern."""
_LISTED = frozenset({"dots3note", "maple", "mimo2", "spark2_5", "step35"})
"""Which of their layers slide is told by the file only."""
_MIXED = frozenset({"nemotron_h", "nemotron_h_moe", "granitehybrid", "jamba", "lfm2", "lfm2moe", "kimi-linear"})
"""Which of their layers attend is told by the file only."""
_ATTENTION = frozenset({"attention", "full_attention", "sliding_attention", "hybrid", "chunked_attention"})


def layer_count(keys: HfKeys) -> int:
    """The layers that run for every token."""
    for key in ("hybrid_override_pattern", "layers_block_type"):
        value = keys.config.get(key)
        if isinstance(value, str | list) and keys.find("num_hidden_layers") is None:
            return keys.bounded(key, len(value), 1, MAX_LAYERS)
    return keys.integer("num_hidden_layers", "n_layer", "n_layers", "num_layers", default=None, low=1, high=MAX_LAYERS)


def predict_count(keys: HfKeys, run: int) -> int:
    """Blocks for multi-token prediction."""
    return keys.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers", high=MAX_LAYERS - run)


def layer_kinds(keys: HfKeys, run: int) -> list[str] | None:
    """What each of the `run` layers is, as far as the file names it."""
    pattern = keys.config.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        if len(pattern) != run or set(pattern) - set(_LETTERS):
            raise keys.fault("hybrid_override_pattern", f"is {shown(pattern)}, not one of M, *, - and E a layer")
        return [_LETTERS[letter] for letter in pattern]
    for key in ("layers_block_type", "layer_types"):
        kinds = keys.words(key, run)
        if kinds is not None:
            return kinds
    return None


def attention_layers(keys: HfKeys, architecture: str, kinds: list[str] | None, run: int) -> list[bool]:
    """For each layer whether it attends, in models where some do not."""
    if architecture == "kimi-linear" or keys.part("linear_attn_config").config:
        full = keys.part("linear_attn_config").integers("full_attn_layers", 4096)
        if full:
            return [at + 1 in full for at in range(run)]
    listed = keys.integers("attn_layer_indices", 4096) or keys.integers("full_attn_idxs", 4096)
    if listed:
        return [at in listed for at in range(run)]
    attends = keys.integers("attn_type_list", 4096, 0, 1)  # minimax-01
    if attends and len(attends) >= run:
        return [bool(kind) for kind in attends[:run]]
    if kinds is not None:
        return [kind in _ATTENTION for kind in kinds]
    if architecture in _MIXED and keys.find("attn_layer_period") is None:
        raise BadModel(keys.path, "lacks the key 'layer_types'; which layers attend cannot be told")
    period = keys.integer("attn_layer_period", default=1, low=1)
    offset = keys.integer("attn_layer_offset", high=1024)
    return [at % period == offset % period for at in range(run)]


def recurrent_numbers(keys: HfKeys, architecture: str, embedding: int) -> Numbers:
    """The sizes of the recurrent layers' state, under GGUF's names."""
    if architecture.startswith(("qwen3next", "qwen35", "qwen4")):
        return {
            "ssm.conv_kernel": keys.integer("linear_conv_kernel_dim", default=4, high=1 << 10),
            "ssm.state_size": keys.integer("linear_key_head_dim", default=128, high=1 << 16),
            "ssm.group_count": keys.integer("linear_num_key_heads", default=16, high=1 << 12),
            "ssm.inner_size": _product(keys, "linear_value_head_dim", "linear_num_value_heads"),
            "full_attention_interval": keys.integer("full_attention_interval", default=4, low=1, high=1024),
        }
    if architecture in ("lfm2", "lfm2moe"):
        return {"shortconv.l_cache": keys.integer("conv_L_cache", "conv_l_cache", default=3, high=1 << 10)}
    linear = keys.part("linear_attn_config")
    if linear.config:
        return {
            "ssm.conv_kernel": linear.integer("short_conv_kernel_size", default=4, high=1 << 10),
            "kda.head_dim": linear.integer("head_dim", default=128, high=1 << 16),
        }
    if architecture in ("mamba", "mamba2", "jamba", "falcon-h1", "granitehybrid", "nemotron_h", "nemotron_h_moe"):
        return _mamba(keys, architecture, embedding)
    if architecture.startswith("rwkv"):
        return {"wkv.head_size": keys.integer("head_size", "head_dim", default=64, high=1 << 16)}
    return {}


def _mamba(keys: HfKeys, architecture: str, embedding: int) -> Numbers:
    second = architecture != "mamba" and architecture != "jamba"
    heads = keys.integer("mamba_num_heads", "mamba_n_heads", "num_heads", high=1 << 16)
    head = keys.integer("mamba_head_dim", "mamba_d_head", "head_dim", default=64, high=1 << 16)
    expanded = int(keys.number("mamba_expand", "expand", default=2.0) * embedding)
    inner = keys.integer("mamba_d_ssm", default=0)
    if not inner and architecture.startswith("nemotron"):
        inner = heads * head
    if not inner and architecture in ("mamba", "mamba2"):
        inner = keys.integer("intermediate_size", "d_inner", default=0)
    groups = keys.integer("n_groups", "mamba_n_groups", "mamba_num_groups", default=1, high=1 << 12) if second else 0
    default_state = 128 if second else 16
    return {
        "ssm.conv_kernel": keys.integer("conv_kernel", "mamba_d_conv", "d_conv", default=4, high=1 << 10),
        "ssm.state_size": keys.integer(
            "state_size", "mamba_d_state", "ssm_state_size", "d_state", default=default_state, high=1 << 16
        ),
        "ssm.group_count": groups,
        "ssm.inner_size": keys.bounded("mamba_expand", inner or expanded, 0, 1 << 24),
    }


def _product(keys: HfKeys, *names: str) -> int:
    product = 1
    for name in names:
        product *= keys.integer(name, default=128 if name.endswith("dim") else 32, high=1 << 16)
    return keys.bounded(names[0], product, 0, 1 << 24)


def sliding_numbers(
    keys: HfKeys, architecture: str, kinds: list[str] | None, run: int, predict: int
) -> Mapping[str, int | tuple[bool, ...]]:
    """The window and which layers it holds for, under GGUF's names; what it means there is the reader's to know."""
    if not keys.flag("use_sliding_window", True):
        return {}
    window = keys.integer("sliding_window", "sliding_window_size", "window_size", "attention_chunk_size", high=1 << 31)
    if not window:
        return {}
    told: dict[str, int | tuple[bool, ...]] = {"attention.sliding_window": window}
    slides = ("sliding_attention", "chunked_attention")
    hybrid = keys.integers("hybrid_layer_pattern", MAX_LAYERS + 1, 0, 1)
    pattern = keys.config.get("sliding_window_pattern", keys.config.get("_sliding_window_pattern"))
    if hybrid is not None and len(hybrid) >= run:
        told["attention.sliding_window_pattern"] = tuple(bool(kind) for kind in hybrid[:run]) + (True,) * predict
    elif kinds is not None and any(kind in slides or kind == "full_attention" for kind in kinds):
        told["attention.sliding_window_pattern"] = tuple(kind in slides for kind in kinds) + (False,) * predict
    elif isinstance(pattern, str) and 0 < len(pattern) <= 64:  # exaone4: LLLG
        told["attention.sliding_window_pattern"] = len(pattern)
    elif isinstance(pattern, int):
        told["attention.sliding_window_pattern"] = keys.bounded("sliding_window_pattern", pattern, 1, 1024)
    elif architecture == "gemma4":
        told["attention.sliding_window_pattern"] = 6
    elif architecture == "granite_swa":
        told["attention.sliding_window_pattern"] = tuple(at % 4 != 0 for at in range(run)) + (False,) * predict
    elif architecture in _LISTED:
        raise BadModel(keys.path, "lacks the key 'layer_types'")
    return told

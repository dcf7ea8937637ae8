"""GGUF metadata to a `Shape`: llama_model_base::load_hparams and llama_hparams of llama.cpp b11434."""

from collections.abc import Mapping

from .fault import BadModel
from .gguf import Counted, Value
from .gguf_keys import Keys
from .gguf_layers import cached_layers, recurrent_layers, sliding_layers
from .types import Layer, Shape

MAX_LAYERS = 512
MAX_EXPERTS = 1024
"""llama-hparams.h."""
_NO_LANGUAGE_MODEL = {
    "clip": "is a multimodal projector (mmproj), not a language model; name the language model's file",
    "adapter": "is a LoRA adapter, not a model; name the base model's file",
    "imatrix": "is an importance matrix, not a model",
}


def read_shape(path: str, metadata: Mapping[str, Value], embedding_rows: int | None) -> Shape:
    """The hyperparameters; raises `BadModel` naming the key at fault."""
    architecture = _architecture(path, metadata)
    keys = Keys(path, metadata, architecture)
    count = keys.integer("block_count", None, 1, MAX_LAYERS)
    predict = keys.integer("nextn_predict_layers", 0, 0, count)
    run = count - predict
    embedding = keys.integer("embedding_length", None, 1, 1 << 20)
    heads = keys.per_layer("attention.head_count", count, 0, 1 << 16)
    kv_heads = keys.per_layer("attention.head_count_kv", count, heads[0], 1 << 16)
    if not keys.has("attention.head_count_kv"):
        kv_heads = heads
    ffn = keys.per_layer("feed_forward_length", count, 0)
    experts = keys.integer("expert_count", 0, 0, MAX_EXPERTS)
    used = keys.per_layer("expert_used_count", count, 0, max(experts, MAX_EXPERTS))
    if max(used) > experts:
        raise BadModel(path, f"says that {max(used)} of {experts} experts are used")
    expert_ffn = keys.per_layer("expert_feed_forward_length", count, 0) if experts else (0,) * count
    dense_lead = keys.integer("leading_dense_block_count", 0, 0, count)
    recurrent = recurrent_layers(keys, architecture, kv_heads, ffn, run)
    cached = cached_layers(keys, architecture, recurrent, kv_heads, ffn, run)
    sliding, window, kind = sliding_layers(keys, architecture, recurrent, run)
    layers = tuple(
        Layer(
            heads=heads[at],
            kv_heads=kv_heads[at],
            ffn=ffn[at],
            sliding=sliding[at],
            recurrent=recurrent[at],
            has_kv=cached[at],
            experts_used=used[at] if at >= dense_lead else 0,
            expert_ffn=expert_ffn[at] if at >= dense_lead else 0,
        )
        for at in range(count)
    )
    head = embedding // max(heads[0], 1) if heads[0] else 0
    key_length = keys.integer("attention.key_length", head, 0, 1 << 16) if heads[0] else 0
    value_length = keys.integer("attention.value_length", head, 0, 1 << 16) if heads[0] else 0
    key_mla = keys.integer("attention.key_length_mla", 0, 0, 1 << 16)
    value_mla = keys.integer("attention.value_length_mla", 0, 0, 1 << 16)
    convolution, state = _state_elements(keys, architecture, embedding, heads[0], key_length)
    return Shape(
        architecture=architecture,
        embedding=embedding,
        vocabulary=_vocabulary(keys, metadata, embedding_rows),
        context_trained=keys.integer("context_length", 0, 0, 1 << 31) or None,
        layers=layers,
        predict_layers=predict,
        key_length=key_length,
        value_length=value_length,
        key_length_swa=keys.integer("attention.key_length_swa", key_length, 0, 1 << 16),
        value_length_swa=keys.integer("attention.value_length_swa", value_length, 0, 1 << 16),
        rope_dimensions=keys.integer("rope.dimension_count", key_length, 0, 1 << 16),
        sliding_window=window,
        sliding_kind=kind,
        mla=bool(key_mla and value_mla),
        key_length_mla=key_mla,
        value_length_mla=value_mla,
        kv_lora_rank=keys.integer("attention.kv_lora_rank", 0),
        q_lora_rank=keys.integer("attention.q_lora_rank", 0),
        experts=experts,
        experts_shared=keys.integer("expert_shared_count", 0, 0, MAX_EXPERTS),
        shared_expert_ffn=keys.integer("expert_shared_feed_forward_length", 0),
        state_conv_elements=convolution,
        state_elements=state,
        indexer_head=keys.integer("attention.indexer.key_length", 0, 0, 1 << 16),
    )


def _architecture(path: str, metadata: Mapping[str, Value]) -> str:
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise BadModel(path, "has no general.architecture; it is no model that engines can run")
    kind = metadata.get("general.type")
    for name in (architecture, kind):
        if isinstance(name, str) and name in _NO_LANGUAGE_MODEL:
            raise BadModel(path, _NO_LANGUAGE_MODEL[name])
    return architecture


def _vocabulary(keys: Keys, metadata: Mapping[str, Value], embedding_rows: int | None) -> int:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, Counted):
        return tokens.length
    return keys.integer("vocab_size", embedding_rows or 0, 0, 1 << 24)


def _state_elements(keys: Keys, architecture: str, embedding: int, heads: int, key_length: int) -> tuple[int, int]:
    """n_embd_r and n_embd_s (llama-hparams.cpp): elements of convolution and state, of one layer and sequence."""
    wkv = keys.integer("wkv.head_size", 0, 0, 1 << 16)
    if wkv:
        return keys.integer("token_shift_count", 2, 0, 16) * embedding, embedding * wkv
    kernel = keys.integer("ssm.conv_kernel", 0, 0, 1 << 16)
    inner = keys.integer("ssm.inner_size", 0)
    state = keys.integer("ssm.state_size", 0)
    groups = keys.integer("ssm.group_count", 0, 0, 1 << 16)
    short = keys.integer("shortconv.l_cache", 0, 0, 1 << 16)
    if short:
        return embedding * (short - 1), state * inner
    kda = keys.integer("kda.head_dim", 0, 0, 1 << 16)
    if kda:
        return 3 * (kernel - 1 if kernel else 3) * heads * kda, kda * kda * heads
    convolution = max(kernel - 1, 0) * (inner + 2 * groups * state)
    if architecture == "minimax-01":
        return convolution, key_length * key_length * heads
    return convolution, state * inner

"""Well-known models by their shapes (`data/shapes.json`), and the model without a file that a shape makes."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Layer, Model, Shape, Tensor
from .gpu_table import DATA
from .quantization_mix import Mix


class KnownModel(NamedTuple):
    """One entry of the catalogue; the file's head says what each field means."""

    name: str
    release: str
    architecture: str
    parameters: float
    """In billions."""
    active: float
    context: int
    layers: int
    embedding: int
    vocabulary: int
    heads: int
    kv_heads: int
    ffn: int
    head: int = 0
    tied: bool = False
    gate: bool = False
    mlp: int = 3
    experts: int = 0
    used: int = 0
    expert_ffn: int = 0
    shared: int = 0
    shared_ffn: int = 0
    dense_first: int = 0
    moe_every: int = 1
    parallel: bool = False
    latent: int = 0
    """Length to which experts' inputs are reduced."""
    window: int = 0
    full_every: int = 1
    full_head: int = 0
    full_kv: int = 0
    shared_value: bool = False
    """Full layers use the keys as values, so there is no matrix for these."""
    cache_layers: int = 0
    """Layers with a cache of their own where the others share it."""
    wide_ffn: int = 0
    wide_layers: int = 0
    per_layer: int = 0
    q_rank: int = 0
    kv_rank: int = 0
    rope: int = 0
    nope: int = 0
    value: int = 0
    linear: tuple[int, ...] = ()
    mamba: tuple[int, ...] = ()
    pattern: str = ""


_CONV_KERNEL = 4
Rows = Iterator[tuple[str, tuple[int, ...]]]


@cache
def catalogue() -> tuple[KnownModel, ...]:
    """All known models, small ones first."""
    entries = json.loads((DATA / "shapes.json").read_text("utf-8"))["models"]
    known = [_known(entry) for entry in entries]
    return tuple(sorted(known, key=lambda model: model.parameters))


def _known(entry: dict[str, Any]) -> KnownModel:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return KnownModel(**fields)


@cache
def shape_model(known: KnownModel, quantization: str) -> Model:
    """The model as `llama-quantize` would write it; raises `ValueError` for a quantization it does not know."""
    layers = tuple(_layer(known, number) for number in range(known.layers))
    mix = Mix(quantization, known)
    tensors = tuple(_tensor(name, shape, mix.type_of(name, shape)) for name, shape in _tensors(known, layers))
    return Model(
        name=known.name,
        path="",
        kind="shape",
        shape=_shape(known, layers),
        tensors=tensors,
        files=(),
        quantization=quantization,
        title=known.name,
        chat_template=True,
        metadata={},
        oddities=(),
        active_parameters=round(known.active * 1e9),
    )


def _tensor(name: str, shape: tuple[int, ...], kind: str) -> Tensor:
    rows = 1
    for length in shape[1:]:
        rows *= length
    return Tensor(name, shape, kind, TYPES_BY_NAME[kind].row_bytes(shape[0]) * rows)


def _kind(known: KnownModel, number: int) -> str:
    """M mamba, L linear attention, E experts only, - feed-forward only, * attention only, A attention and the rest."""
    if known.pattern:
        return known.pattern[number]
    return "L" if known.linear and (number + 1) % known.full_every else "A"


def _layer(known: KnownModel, number: int) -> Layer:
    kind = _kind(known, number)
    full = known.linear != () or not known.window or (number + 1) % known.full_every == 0
    mixture = _has_experts(known, number)
    attention = kind in "A*"
    return Layer(
        heads=known.heads if attention else 0,
        kv_heads=(known.full_kv if full and known.full_kv else known.kv_heads) if attention else 0,
        ffn=_ffn(known, number),
        sliding=attention and not full,
        recurrent=kind in "ML",
        has_kv=attention and (not known.cache_layers or number < known.cache_layers),
        experts_used=known.used if mixture else 0,
        expert_ffn=known.expert_ffn if mixture else 0,
    )


def _has_experts(known: KnownModel, number: int) -> bool:
    if known.pattern:
        return known.pattern[number] == "E"
    return bool(known.experts) and number >= known.dense_first and (number + 1) % known.moe_every == 0


def _ffn(known: KnownModel, number: int) -> int:
    if known.pattern and known.pattern[number] != "-":
        return 0
    if _has_experts(known, number) and not known.parallel:
        return 0
    return known.wide_ffn if known.wide_layers and number >= known.layers - known.wide_layers else known.ffn


def _head(known: KnownModel) -> int:
    return known.head or known.embedding // known.heads


def _shape(known: KnownModel, layers: tuple[Layer, ...]) -> Shape:
    mla = bool(known.kv_rank)
    key = known.kv_rank + known.rope if mla else known.full_head or _head(known)
    conv, state = 0, 0
    if known.linear:
        keys, values, head = known.linear
        conv, state = (_CONV_KERNEL - 1) * (2 * keys + values) * head, values * head * head
    if known.mamba:
        heads, head, groups, size = known.mamba
        conv, state = (_CONV_KERNEL - 1) * (heads * head + 2 * groups * size), heads * head * size
    return Shape(
        architecture=known.architecture,
        embedding=known.embedding,
        vocabulary=known.vocabulary,
        context_trained=known.context,
        layers=layers,
        predict_layers=0,
        key_length=key,
        value_length=known.kv_rank if mla else key,
        key_length_swa=_head(known),
        value_length_swa=_head(known),
        rope_dimensions=known.rope or _head(known),
        sliding_window=known.window,
        sliding_kind="standard" if known.window else "none",
        mla=mla,
        key_length_mla=known.nope + known.rope if mla else 0,
        value_length_mla=known.value,
        kv_lora_rank=known.kv_rank,
        q_lora_rank=known.q_rank,
        experts=known.experts,
        experts_shared=known.shared,
        shared_expert_ffn=known.shared_ffn or known.shared * known.expert_ffn,
        state_conv_elements=conv,
        state_elements=state,
        indexer_head=0,
    )


def _tensors(known: KnownModel, layers: tuple[Layer, ...]) -> Rows:
    width = known.embedding
    yield "token_embd.weight", (width, known.vocabulary)
    if known.per_layer:
        yield "per_layer_token_embd.weight", (known.per_layer * known.layers, known.vocabulary)
        yield "per_layer_model_proj.weight", (width, known.per_layer * known.layers)
    yield "output_norm.weight", (width,)
    if not known.tied:
        yield "output.weight", (width, known.vocabulary)
    for number, layer in enumerate(layers):
        block = f"blk.{number}."
        yield f"{block}attn_norm.weight", (width,)
        kind = _kind(known, number)
        parts = {"M": _mamba, "L": _linear}.get(kind)
        if parts is not None:
            yield from ((block + name, shape) for name, shape in parts(known))
        elif layer.heads:
            yield from ((block + name, shape) for name, shape in _attention(known, layer))
        yield from ((block + name, shape) for name, shape in _feed_forward(known, layer))
        if known.per_layer:
            yield f"{block}inp_gate.weight", (width, known.per_layer)
            yield f"{block}proj.weight", (known.per_layer, width)


def _attention(known: KnownModel, layer: Layer) -> Rows:
    width, heads = known.embedding, layer.heads
    if known.kv_rank:
        query = heads * (known.nope + known.rope)
        if known.q_rank:
            yield "attn_q_a.weight", (width, known.q_rank)
            yield "attn_q_b.weight", (known.q_rank, query)
        else:
            yield "attn_q.weight", (width, query)
        yield "attn_kv_a_mqa.weight", (width, known.kv_rank + known.rope)
        yield "attn_k_b.weight", (known.nope, known.kv_rank, heads)
        yield "attn_v_b.weight", (known.kv_rank, known.value, heads)
        yield "attn_output.weight", (heads * known.value, width)
        return
    full = not layer.sliding and known.full_head
    head = known.full_head if full else _head(known)
    yield "attn_q.weight", (width, heads * head * (2 if known.gate else 1))
    if layer.has_kv:
        yield "attn_k.weight", (width, layer.kv_heads * head)
        if not (full and known.shared_value):
            yield "attn_v.weight", (width, layer.kv_heads * head)
    yield "attn_output.weight", (heads * head, width)


def _linear(known: KnownModel) -> Rows:
    keys, values, head = known.linear
    width = known.embedding
    yield "attn_qkv.weight", (width, (2 * keys + values) * head)
    yield "attn_gate.weight", (width, values * head)
    yield "ssm_ba.weight", (width, 2 * values)
    yield "ssm_conv1d.weight", (_CONV_KERNEL, (2 * keys + values) * head)
    yield "ssm_out.weight", (values * head, width)


def _mamba(known: KnownModel) -> Rows:
    heads, head, groups, size = known.mamba
    inner = heads * head
    yield "ssm_in.weight", (known.embedding, 2 * inner + 2 * groups * size + heads)
    yield "ssm_conv1d.weight", (_CONV_KERNEL, inner + 2 * groups * size)
    yield "ssm_out.weight", (inner, known.embedding)


def _feed_forward(known: KnownModel, layer: Layer) -> Rows:
    width = known.embedding
    names = ("gate", "up") if known.mlp == 3 else ("up",)
    if layer.ffn:
        yield "ffn_norm.weight", (width,)
        for name in names:
            yield f"ffn_{name}.weight", (width, layer.ffn)
        yield "ffn_down.weight", (layer.ffn, width)
    if not layer.experts_used:
        return
    inner = known.latent or width
    yield "ffn_gate_inp.weight", (width, known.experts)
    if known.latent:
        yield "ffn_latent_down.weight", (width, known.latent)
        yield "ffn_latent_up.weight", (known.latent, width)
    for name in names:
        yield f"ffn_{name}_exps.weight", (inner, layer.expert_ffn, known.experts)
    yield "ffn_down_exps.weight", (layer.expert_ffn, inner, known.experts)
    shared = known.shared_ffn or known.shared * layer.expert_ffn
    if shared:
        for name in names:
            yield f"ffn_{name}_shexp.weight", (width, shared)
        yield "ffn_down_shexp.weight", (shared, width)

"""Decoders of which some or all layers keep a recurrent state (src/models/*.cpp, b11434)."""

from __future__ import annotations

from ..attention import Caches, attend, key_length, project
from ..delta import linear_attention
from ..feed_forward import dense, experts
from ..graph import Graph
from ..node import Node
from ..recurrent import States, mamba1, mamba2, short_convolution
from .gating import gating_of, shared_experts


def qwen_next(graph: Graph) -> None:
    """qwen3next, qwen35, qwen35moe: every fourth layer attends, the others are gated delta nets."""
    x = graph.embedded()
    states, caches = States(graph), Caches(graph)
    positions = graph.positions(1 if graph.arch == "qwen3next" else 4)
    wanted = graph.output_rows()
    for il in graph.layers:
        skip = x
        x = graph.norm_of(il, "attn_norm", x)
        graph.expand(x)
        if graph.layer(il).recurrent:
            x = linear_attention(graph, states, il, x, interleaved=graph.arch == "qwen3next")
        else:
            x = _gated_attention(graph, il, x, positions, caches)
        middle = graph.add(x, skip)
        x = graph.norm_of(il, "post_attention_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x)
        else:
            scale = float(graph.number("expert_weights_scale"))
            x = shared_experts(graph, il, x, experts(graph, il, x, scale=scale, biased=False))
        x = graph.add(x, middle)
    _end_after_norm(graph, x, wanted)


def _end_after_norm(graph: Graph, x: Node, wanted: Node) -> None:
    x = graph.normed(x, graph.weight("output_norm.weight"), graph.weight("output_norm.bias"), -1)
    x.is_output = True
    x = graph.get_rows(x, wanted)
    x.is_output = True
    graph.logits(x)


def _gated_attention(graph: Graph, il: int, x: Node, positions: Node, caches: Caches) -> Node:
    layer, head, tokens = graph.layer(il), key_length(graph, il), graph.tokens
    if graph.w(il, "attn_qkv") is not None:
        mixed = graph.linear(il, "attn_qkv", x)
        row = mixed.strides()[1]
        q, k, v = (
            graph.cont(graph.view_2d(mixed, width, tokens, row))
            for width in (2 * head * layer.heads, head * layer.kv_heads, head * layer.kv_heads)
        )
    else:
        q, k, v = (graph.linear(il, f"attn_{name}", x) for name in "qkv")
    both = graph.reshape(q, 2 * head, layer.heads, tokens) if graph.arch == "qwen3next" else q
    nb1 = 8 * head
    q, gate = (graph.view_3d(both, (head, layer.heads, tokens), nb1, nb1 * layer.heads) for _ in range(2))
    k, v = (graph.reshape(part, head, layer.kv_heads, tokens) for part in (k, v))
    q = graph.rope(graph.norm_of(il, "attn_q_norm", q), positions)
    k = graph.rope(graph.norm_of(il, "attn_k_norm", k), positions)
    x = attend(graph, caches, il, q, k, v, output=None)
    gate = graph.unary(graph.cont(gate, head * layer.heads, tokens))
    return graph.mm(il, "attn_output", graph.mul(x, gate))


def lfm2(graph: Graph) -> None:
    """Short convolutions between attention layers."""
    x = graph.embedded()
    states, caches = States(graph), Caches(graph)
    positions, wanted = graph.positions(), graph.output_rows()
    for il in graph.layers:
        skip, layer = x, graph.layer(il)
        x = graph.norm_of(il, "attn_norm", x)
        if layer.recurrent:
            x = short_convolution(graph, states, il, x)
        else:
            head = key_length(graph, il)
            q, k, v = project(graph, il, x, head, layer.heads, layer.kv_heads)
            q = graph.rope(graph.norm_of(il, "attn_q_norm", q), positions)
            k = graph.rope(graph.norm_of(il, "attn_k_norm", k), positions)
            x = attend(graph, caches, il, q, k, v)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(skip, x)
        x = graph.norm_of(il, "ffn_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x)
        else:
            scale = float(graph.number("expert_weights_scale"))
            x = experts(graph, il, x, gating=gating_of(graph), normed=True, scale=scale)
        x = graph.add(middle, x)
    x = graph.normed(x, graph.weight("token_embd_norm.weight") or graph.weight("output_norm.weight"), None, -1)
    x.is_output = True
    graph.logits(x)


def mamba(graph: Graph) -> None:
    """Nothing but selective scans."""
    x = graph.embedded()
    states, wanted = States(graph), graph.output_rows()
    scan = mamba2 if graph.arch == "mamba2" else mamba1
    for il in graph.layers:
        skip = x
        x = scan(graph, states, il, graph.norm_of(il, "attn_norm", x))
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        x = graph.add(x, skip)
    graph.finish(x)


def jamba(graph: Graph) -> None:
    """Mamba layers, some attention without positions, some experts."""
    x = graph.embedded()
    states, caches, wanted = States(graph), Caches(graph), graph.output_rows()
    for il in graph.layers:
        skip, layer = x, graph.layer(il)
        x = graph.norm_of(il, "attn_norm", x)
        if layer.kv_heads == 0:
            x = mamba1(graph, states, il, x)
        else:
            q, k, v = project(graph, il, x, key_length(graph, il), layer.heads, layer.kv_heads)
            x = attend(graph, caches, il, q, k, v)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(skip, x)
        x = graph.norm_of(il, "ffn_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x)
        else:
            x = experts(graph, il, x, normed=False, scale=float(graph.number("expert_weights_scale")), biased=False)
        x = graph.add(middle, x)
    graph.finish(x)


def granite_hybrid(graph: Graph) -> None:
    """Mamba-2 layers and attention, with granite's scales."""
    x = graph.embedded()
    states, caches = States(graph), Caches(graph)
    rotates = bool(graph.value("rope.scaling.finetuned", True))
    positions = graph.positions()
    wanted = graph.output_rows()
    residual = bool(graph.number("residual_scale"))
    for il in graph.layers:
        skip, layer = x, graph.layer(il)
        x = graph.norm_of(il, "attn_norm", x)
        if layer.recurrent:
            x = mamba2(graph, states, il, x)
        else:
            q, k, v = project(graph, il, x, key_length(graph, il), layer.heads, layer.kv_heads)
            if rotates:
                factors = graph.rope_factors(il)
                q, k = graph.rope(q, positions, factors), graph.rope(k, positions, factors)
            x = attend(graph, caches, il, q, k, v)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(graph.scale(x) if residual else x, skip)
        x = graph.norm_of(il, "ffn_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x)
        else:
            scale = float(graph.number("expert_weights_scale"))
            x = shared_experts(graph, il, x, experts(graph, il, x, scale=scale, biased=False))
        x = graph.add(graph.scale(x) if residual else x, middle)
    graph.finish(x, after=graph.scale if graph.number("logit_scale") else None)


def nemotron_h(graph: Graph) -> None:
    """Each layer is one thing: a mamba-2 scan, attention without positions, or a feed-forward block."""
    x = graph.embedded()
    graph.expand(x)
    states, caches, wanted = States(graph), Caches(graph), graph.output_rows()
    for il in graph.layers:
        skip, layer = x, graph.layer(il)
        x = graph.norm_of(il, "attn_norm", x)
        if layer.recurrent:
            x = mamba2(graph, states, il, x)
        elif layer.has_kv:
            q, k, v = project(graph, il, x, key_length(graph, il), layer.heads, layer.kv_heads)
            x = attend(graph, caches, il, q, k, v)
        elif graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x, "relu2")
        else:
            x = _latent_experts(graph, il, x)
        x = graph.add(x, skip)
    _end_after_norm(graph, x, wanted)


def _latent_experts(graph: Graph, il: int, x: Node) -> Node:
    latent = graph.mm(il, "ffn_latent_down", x) if graph.w(il, "ffn_latent_down") is not None else x
    logits = graph.mm(il, "ffn_gate_inp", x)
    out = experts(
        graph, il, latent, act="relu2", gating="sigmoid", normed=bool(graph.value("expert_weights_norm", False)),
        scale=float(graph.number("expert_weights_scale")), logits=logits,
    )  # fmt: skip
    if graph.w(il, "ffn_latent_up") is not None:
        out = graph.mm(il, "ffn_latent_up", out)
    shared = dense(graph, il, x, "relu2", names=("ffn_up_shexp", "ffn_gate_shexp", "ffn_down_shexp"))
    return graph.add(out, shared)


def falcon_h1(graph: Graph) -> None:
    """Attention and a mamba-2 scan side by side in every layer."""
    x = graph.embedded()
    states, caches = States(graph), Caches(graph)
    positions, wanted = graph.positions(), graph.output_rows()
    for il in graph.layers:
        skip, layer = x, graph.layer(il)
        y = graph.norm_of(il, "attn_norm", x)
        q, k, v = project(graph, il, y, key_length(graph, il), layer.heads, layer.kv_heads)
        attended = attend(graph, caches, il, graph.rope(q, positions), graph.rope(k, positions), v)
        scanned = mamba2(graph, states, il, graph.norm_of(il, "attn_norm", x))
        both = graph.add(attended, scanned)
        middle = graph.add(both, skip)
        if il == graph.last:
            middle = graph.get_rows(middle, wanted)
        y = dense(graph, il, graph.norm_of(il, "ffn_norm", middle))
        x = graph.add(y, middle)
    graph.finish(x)

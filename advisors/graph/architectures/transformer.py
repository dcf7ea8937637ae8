"""The usual decoder: attention and feed-forward blocks around a residual stream (src/models/*.cpp, b11434)."""

from __future__ import annotations

from typing import NamedTuple

from ..attention import Caches, attend, project
from ..feed_forward import Activation, Gating, dense, experts
from ..graph import Graph
from ..node import Node


class Style(NamedTuple):
    """What tells one architecture's graph from another's, beside the tensors that it has."""

    act: Activation = "silu"
    gating: Gating = "softmax"


STYLES = {
    "llama": Style(),
    "qwen2": Style(),
    "qwen3": Style(),
}


def transformer(graph: Graph, style: Style) -> None:
    """The whole graph."""
    x = graph.embedded()
    positions = graph.positions()
    caches = Caches(graph)
    wanted = graph.output_rows()
    for il in graph.layers:
        skip = x
        x = attention(graph, il, graph.norm_of(il, "attn_norm", x), positions, caches)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(x, skip)
        x = graph.norm_of(il, "ffn_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x, style.act)
        else:
            x = experts(graph, il, x, act=style.act, gating=style.gating)
        x = graph.add(x, middle)
    graph.finish(x)


def attention(graph: Graph, il: int, x: Node, positions: Node, caches: Caches) -> Node:
    layer = graph.layer(il)
    factors = graph.weight("rope_freqs.weight")
    q, k, v = project(graph, il, x, graph.shape.key_length, layer.heads, layer.kv_heads, graph.shape.value_length)
    if graph.w(il, "attn_q_norm") is not None:
        q = graph.rope(graph.norm_of(il, "attn_q_norm", q), positions, factors)
        k = graph.rope(graph.norm_of(il, "attn_k_norm", k), positions, factors)
    else:
        q = graph.rope(q, positions, factors)
        k = graph.rope(k, positions, factors)
    return attend(graph, caches, il, q, k, v)

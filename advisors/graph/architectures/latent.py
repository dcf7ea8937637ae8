"""Decoders whose keys and values are one compressed vector: DeepSeek 2 and 3, MiniCPM 3 (src/models/*.cpp, b11434)."""

from __future__ import annotations

from ..attention import Caches, attend, heads_attend, store_keys
from ..feed_forward import dense, experts
from ..graph import Graph
from ..node import F32, Node
from .gating import gating_of, shared_experts


def deepseek2(graph: Graph) -> None:
    """Also deepseek2ocr and mistral4."""
    mla = graph.shape.mla
    x = graph.embedded()
    temperature = graph.input(F32, 1, 1, graph.tokens) if graph.number("attention.temperature_scale") else None
    positions = graph.positions()
    caches = Caches(graph, keys_only=mla)
    wanted = graph.output_rows()
    for il in graph.layers:
        skip = x
        x = graph.norm_of(il, "attn_norm", x)
        if graph.w(il, "attn_kv_a_mqa") is None:
            x = _plain(graph, il, x, positions, caches)
        elif mla:
            x = _absorbed(graph, il, x, positions, caches, temperature)
        else:
            x = expanded(graph, il, x, positions, caches, temperature)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(x, skip)
        x = graph.norm_of(il, "ffn_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x)
        else:
            normed, scale = bool(graph.value("expert_weights_norm", False)), float(graph.number("expert_weights_scale"))
            routed = experts(graph, il, x, gating=gating_of(graph), normed=normed, scale=scale)
            x = shared_experts(graph, il, x, routed)
        x = graph.add(x, middle)
    graph.finish(x)


def minicpm3(graph: Graph) -> None:
    """Compressed keys that are expanded before they are kept, and scaled residuals."""
    x = graph.scale(graph.embedded())
    positions, caches, wanted = graph.positions(), Caches(graph), graph.output_rows()
    for il in graph.layers:
        skip = x
        x = expanded(graph, il, graph.norm_of(il, "attn_norm", x), positions, caches, None)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(graph.scale(x), skip)
        x = graph.scale(dense(graph, il, graph.norm_of(il, "ffn_norm", middle)))
        x = graph.add(x, middle)
    x = graph.normed(x, graph.weight("output_norm.weight"), None, -1)
    x.is_output = True
    graph.logits(graph.scale(x))


def plm(graph: Graph) -> None:
    """The same with a squared activation."""
    x = graph.embedded()
    positions, caches, wanted = graph.positions(), Caches(graph), graph.output_rows()
    for il in graph.layers:
        skip = x
        x = expanded(graph, il, graph.norm_of(il, "attn_norm", x), positions, caches, None)
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(x, skip)
        x = graph.add(dense(graph, il, graph.norm_of(il, "ffn_norm", middle), "relu2"), middle)
    graph.finish(x)


def _query(graph: Graph, il: int, x: Node, head: int) -> Node:
    if graph.w(il, "attn_q_a") is not None:
        q = graph.mm(il, "attn_q_b", graph.norm_of(il, "attn_q_a_norm", graph.mm(il, "attn_q_a", x)))
    else:
        q = graph.mm(il, "attn_q", x)
    return graph.reshape(q, head, graph.layer(il).heads, graph.tokens)


def _compressed(graph: Graph, il: int, x: Node, rope: int) -> tuple[Node, Node]:
    """The vector that is kept, and the part of the key that is rotated."""
    rank = graph.shape.kv_lora_rank
    both = graph.mm(il, "attn_kv_a_mqa", x)
    row = 4 * (rank + rope)
    kept = graph.view_2d(both, rank, graph.tokens, row)
    return graph.norm_of(il, "attn_kv_a_norm", kept), graph.view_3d(both, (rope, 1, graph.tokens), row, row)


def _absorbed(graph: Graph, il: int, x: Node, positions: Node, caches: Caches, temperature: Node | None) -> Node:
    """The matrix of the keys is applied to the queries, so that the cache holds the compressed vector alone."""
    query, kept, key = absorbed_parts(graph, il, x, positions)
    if temperature is not None:
        query = graph.mul(query, temperature)
    graph.expand(query, kept, key)
    cached = store_keys(graph, caches.full, il, key)
    value = graph.view(cached, (graph.shape.kv_lora_rank, *cached.ne[1:]), cached.strides())
    out = heads_attend(graph, query, cached, value, caches.full.mask, decompress=graph.w(il, "attn_v_b"))
    return graph.linear(il, "attn_output", out)


def absorbed_parts(graph: Graph, il: int, x: Node, positions: Node, low: Node | None = None) -> tuple[Node, Node, Node]:
    """Query, compressed vector, and key. `low`: the low-rank query where it is made already."""
    shape, heads, tokens = graph.shape, graph.layer(il).heads, graph.tokens
    rope = shape.rope_dimensions
    if low is None:
        q = _query(graph, il, x, shape.key_length_mla)
    else:
        q = graph.reshape(graph.mm(il, "attn_q_b", low), shape.key_length_mla, heads, tokens)
    kept, k_rope = _compressed(graph, il, x, rope)
    k_rope = graph.rope(k_rope, positions)
    nb = q.strides()
    plain = graph.view_3d(q, (shape.key_length_mla - rope, heads, tokens), nb[1], nb[2])
    turned = graph.rope(graph.view_3d(q, (rope, heads, tokens), nb[1], nb[2]), positions)
    key_matrix = graph.w(il, "attn_k_b")
    if key_matrix is None or graph.w(il, "attn_v_b") is None:
        raise KeyError("attn_k_b")
    absorbed = graph.permute(graph.mul_mat(key_matrix, graph.permute(plain, 0, 2, 1, 3)), 0, 2, 1, 3)
    kept = graph.reshape(kept, shape.kv_lora_rank, 1, tokens)
    return graph.concat(absorbed, turned, 0), kept, graph.concat(kept, k_rope, 0)


def expanded(graph: Graph, il: int, x: Node, positions: Node, caches: Caches, temperature: Node | None) -> Node:
    """Keys and values are expanded and kept in full."""
    shape, heads, tokens = graph.shape, graph.layer(il).heads, graph.tokens
    rope, key, value = shape.rope_dimensions, shape.key_length, shape.value_length
    factors = graph.rope_factors(il) if graph.arch == "minicpm3" else None
    q = _query(graph, il, x, key)
    kept, k_rope = _compressed(graph, il, x, rope)
    k_rope = graph.rope(k_rope, positions, factors)
    kv = graph.mm(il, "attn_kv_b", kept)
    nb1 = 4 * (key - rope + value)
    k_plain = graph.view_3d(kv, (key - rope, heads, tokens), nb1, nb1 * heads)
    v = graph.cont(graph.view_3d(kv, (value, heads, tokens), nb1, nb1 * heads))
    q = graph.rope(q, positions, factors)
    k = graph.concat(k_plain, graph.repeat(k_rope, rope, heads, tokens, 1), 0)
    if temperature is not None:
        q = graph.mul(q, temperature)
    if graph.arch == "plm":
        v = graph.view_2d(v, value * heads, tokens, 4 * value * heads)
        v = graph.reshape(v, value, heads, tokens)
    return attend(graph, caches, il, q, k, v)


def _plain(graph: Graph, il: int, x: Node, positions: Node, caches: Caches) -> Node:
    """deepseek2ocr: ordinary attention."""
    heads, tokens = graph.layer(il).heads, graph.tokens
    head = graph.embedding // heads
    q, k, v = (graph.reshape(graph.linear(il, f"attn_{name}", x), head, heads, tokens) for name in "qkv")
    return attend(graph, caches, il, graph.rope(q, positions), graph.rope(k, positions), v)

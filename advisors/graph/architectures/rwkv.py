"""RWKV 7: no attention, one matrix of state a head (src/models/rwkv7-base.cpp, b11434)."""

from __future__ import annotations

from ..graph import Graph
from ..node import F32, Node
from ..recurrent import States, convolution_cache, load, state_cache


def rwkv7(graph: Graph) -> None:
    """The whole graph."""
    x = graph.embedded()
    x = graph.normed(x, graph.weight("token_embd_norm.weight"), graph.weight("token_embd_norm.bias"), 0, rms=False)
    states, wanted = States(graph), graph.output_rows()
    width, tokens, sequences = graph.embedding, graph.tokens, graph.sequences
    each = tokens // sequences
    first: Node | None = None
    for il in graph.layers:
        x = graph.reshape(x, width, each, sequences)
        cache = convolution_cache(graph, il)
        shift = graph.reshape(load(graph, states, cache), width, 2, sequences)
        nb = shift.strides()
        before_mix, before_ffn = (graph.view_3d(shift, (width, 1, sequences), nb[1], nb[2]) for _ in range(2))
        normed = graph.norm_of(il, "attn_norm", x, rms=False)
        y, value = _time_mix(graph, states, il, normed, _previous(graph, before_mix, normed), first)
        first = first or value
        middle = graph.add(y, x)
        ffn = graph.norm_of(il, "attn_norm_2", middle, rms=False)
        previous = _previous(graph, before_ffn, ffn)
        kept = graph.concat(_last(graph, normed), _last(graph, ffn), 1)
        size = 2 * width * sequences
        flat = (4, 4 * size, 4 * size, 4 * size)
        graph.expand(graph.cpy(graph.view(kept, (size,), flat), graph.view(cache, (size,), flat)))
        middle, ffn, previous = (graph.reshape(part, width, tokens) for part in (middle, ffn, previous))
        if il == graph.last:
            middle, ffn, previous = (graph.get_rows(part, wanted) for part in (middle, ffn, previous))
        mixed = graph.add(graph.mul(graph.sub(previous, ffn), _w(graph, il, "channel_mix_lerp_k")), ffn)
        y = graph.mm(il, "channel_mix_value", graph.sqr(graph.unary(graph.mm(il, "channel_mix_key", mixed))))
        x = graph.add(y, middle)
    graph.finish(x, rms=False)


def _w(graph: Graph, il: int, name: str) -> Node:
    node = graph.w(il, name)
    if node is None:
        raise KeyError(name)
    return node


def _previous(graph: Graph, old: Node, x: Node) -> Node:
    """Each token's predecessor."""
    nb = x.strides()
    return graph.concat(old, graph.view_3d(x, (x.ne[0], x.ne[1] - 1, x.ne[2]), nb[1], nb[2]), 1)


def _last(graph: Graph, x: Node) -> Node:
    nb = x.strides()
    return graph.view_3d(x, (x.ne[0], 1, x.ne[2]), nb[1], nb[2])


def _time_mix(graph: Graph, states: States, il: int, x: Node, previous: Node, first: Node | None) -> tuple[Node, Node]:
    width, tokens, sequences = graph.embedding, graph.tokens, graph.sequences
    each, head = tokens // sequences, int(graph.number("wkv.head_size"))
    heads = width // head
    gating = graph.w(il, "time_mix_g1") is not None

    def low_rank(name: str, part: Node) -> Node:
        return graph.mul_mat(
            _w(graph, il, f"time_mix_{name}2"), graph.mul_mat(_w(graph, il, f"time_mix_{name}1"), part)
        )

    sx = graph.repeat(graph.sub(previous, x), width, each, sequences, 6 if gating else 5)
    mixed = graph.add(graph.mul(sx, _w(graph, il, "time_mix_lerp_fused")), x)
    xr, xw, xk, xv, xa, xg = (graph.view_2d(mixed, width, tokens, 4 * width) for _ in range(6))
    r = graph.mm(il, "time_mix_receptance", xr)
    inner = graph.unary(graph.mul_mat(_w(graph, il, "time_mix_w1"), xw))
    w = graph.add(graph.mul_mat(_w(graph, il, "time_mix_w2"), inner), _w(graph, il, "time_mix_w0"))
    w = graph.unary(graph.scale(graph.unary(w)))
    k, v = graph.mm(il, "time_mix_key", xk), graph.mm(il, "time_mix_value", xv)
    own = v
    if first is not None:
        share = graph.unary(graph.add(low_rank("v", xv), _w(graph, il, "time_mix_v0")))
        v = graph.add(v, graph.mul(graph.sub(first, v), share))
    g = None
    if gating:
        inner = graph.unary(graph.mul_mat(_w(graph, il, "time_mix_g1"), xg))
        g = graph.mul_mat(_w(graph, il, "time_mix_g2"), inner)
    a = graph.unary(graph.add(low_rank("a", xa), _w(graph, il, "time_mix_a0")))
    kk = graph.like(graph.reshape(graph.mul(k, _w(graph, il, "time_mix_k_k")), head, heads, tokens))
    ka = graph.mul(k, _w(graph, il, "time_mix_k_a"))
    k = graph.add(k, graph.sub(graph.mul(a, ka), ka))
    r, w, k, v, a = (graph.reshape(part, head, heads, tokens) for part in (r, w, k, v, a))
    cache = state_cache(graph, il)
    state = load(graph, states, cache)
    out = graph.new(F32, (width, tokens + head * sequences), r, w, k, v, graph.unary(kk), graph.mul(kk, a), state)
    size = width * tokens
    y = graph.view(out, (size,), (4, 4 * size, 4 * size, 4 * size))
    size = width * head * sequences
    flat = (4, 4 * size, 4 * size, 4 * size)
    graph.expand(graph.cpy(graph.view(out, (size,), flat), graph.view(cache, (size,), flat)))
    norm, bias = graph.w(il, "time_mix_ln"), graph.b(il, "time_mix_ln")
    if norm is not None and bias is not None:
        y = graph.reshape(graph.norm(graph.reshape(y, head, heads, tokens)), width, tokens)
        y = graph.add(graph.mul(y, norm), bias)
    else:
        y = graph.reshape(y, width, tokens)
    weighed = graph.mul(graph.mul(k, r), graph.reshape(_w(graph, il, "time_mix_r_k"), head, heads))
    y = graph.add(y, graph.reshape(graph.mul(v, graph.sum_rows(weighed)), width, tokens))
    if g is not None:
        y = graph.mul(y, g)
    return graph.reshape(graph.mm(il, "time_mix_output", y), width, each, sequences), own

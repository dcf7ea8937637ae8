"""Gemma 3n and 4: inputs per layer, caches shared between layers, several streams of residuals (b11434)."""

from __future__ import annotations

from ..attention import Caches, attend, key_length
from ..feed_forward import dense, experts
from ..graph import Graph
from ..node import F32, I32, Node

ALTUP = 4
"""gemma3n's residual streams (n_altup), fixed in llama.cpp."""
SPARSE_LAYERS = 10
"""n_layer_sparsity."""


def gemma4(graph: Graph) -> None:
    """Dense, or with experts beside the dense block."""
    x = graph.embedded(scaled=True)
    positions, caches, wanted = graph.positions(), Caches(graph), graph.output_rows()
    per_layer = _per_layer_inputs(graph, x)
    for il in graph.layers:
        skip = x
        x = _attention(graph, il, graph.norm_of(il, "attn_norm", x), positions, caches)
        x = graph.norm_of(il, "post_attention_norm", x)
        middle = graph.add(x, skip)
        if graph.w(il, "ffn_gate_inp") is not None:
            x = _both_blocks(graph, il, middle)
        else:
            x = dense(graph, il, graph.norm_of(il, "ffn_norm", middle), "gelu")
        x = graph.norm_of(il, "post_ffw_norm", x, pin=False)
        x = graph.add(x, middle)
        if per_layer is not None:
            y = graph.mul(graph.unary(graph.mm(il, "inp_gate", x)), _slice(graph, per_layer))
            y = graph.norm_of(il, "post_norm", graph.mm(il, "proj", y))
            x = graph.add(x, y)
        scale = graph.weight(f"blk.{il}.layer_output_scale.weight")
        if scale is not None:
            x = graph.mul(x, scale)
    x = graph.normed(x, graph.weight("output_norm.weight"), None, -1)
    x.is_output = True
    x = graph.get_rows(x, wanted)
    x.is_output = True
    graph.logits(x, lambda y: _capped(graph, y))


def _capped(graph: Graph, x: Node) -> Node:
    if graph.number("final_logit_softcapping") or graph.arch == "gemma3n":
        return graph.scale(graph.unary(graph.scale(x)))
    return x


def _slice(graph: Graph, x: Node) -> Node:
    return graph.view_2d(x, x.ne[0], x.ne[1], 4 * x.ne[0])


def _per_layer_inputs(graph: Graph, x: Node) -> Node | None:
    table, matrix = graph.weight("per_layer_token_embd.weight"), graph.weight("per_layer_model_proj.weight")
    if table is None or matrix is None:
        return None
    layers = len(graph.shape.run_layers)
    width = table.ne[0] // layers
    rows = graph.get_rows(table, graph.input(I32, graph.tokens))
    rows = graph.scale(graph.reshape(rows, width, layers, graph.tokens))
    graph.expand(rows)
    y = graph.reshape(graph.scale(graph.mul_mat(matrix, x)), width, layers, graph.tokens)
    y = graph.normed(y, graph.weight("per_layer_proj_norm.weight"), None, -1)
    y = graph.scale(graph.add(y, rows))
    return graph.cont(graph.permute(y, 0, 2, 1, 3))


def _attention(graph: Graph, il: int, x: Node, positions: Node, caches: Caches) -> Node:
    layer, head, tokens = graph.layer(il), key_length(graph, il), graph.tokens
    factors = None if layer.sliding or graph.arch == "gemma3n" else graph.rope_factors(il)
    mixed = graph.mm(il, "attn_qkv", x) if graph.w(il, "attn_qkv") is not None else None

    def part(name: str, heads: int) -> Node:
        if mixed is not None:
            return graph.cont(graph.view_2d(mixed, head * heads, tokens, mixed.strides()[1]))
        return graph.mm(il, name, x)

    q = graph.reshape(part("attn_q", layer.heads), head, layer.heads, tokens)
    q = graph.rope(graph.norm_of(il, "attn_q_norm", q), positions, factors)
    if not layer.has_kv:
        return attend(graph, caches, il, q, None, None, store=_lender(graph, il))
    k = part("attn_k", layer.kv_heads)
    v = part("attn_v", layer.kv_heads) if mixed is not None or graph.w(il, "attn_v") is not None else k
    k, v = (graph.reshape(node, head, layer.kv_heads, tokens) for node in (k, v))
    k = graph.rope(graph.norm_of(il, "attn_k_norm", k), positions, factors)
    return attend(graph, caches, il, q, k, graph.rms_norm(v))


def _lender(graph: Graph, il: int) -> int:
    """The layer whose cache a layer without one reads."""
    own = sum(layer.has_kv for layer in graph.shape.run_layers)
    return own - (2 if graph.layer(il).sliding else 1)


def _both_blocks(graph: Graph, il: int, x: Node) -> Node:
    plain = dense(graph, il, graph.norm_of(il, "ffn_norm", x), "gelu")
    plain = graph.norm_of(il, "post_ffw_norm_1", plain)
    routed = graph.norm_of(il, "pre_ffw_norm_2", x)
    scale, router = graph.weight(f"blk.{il}.ffn_gate_inp.scale"), graph.w(il, "ffn_gate_inp")
    if scale is None or router is None:
        raise KeyError("ffn_gate_inp")
    logits = graph.mul_mat(router, graph.mul(graph.scale(graph.rms_norm(x)), scale))
    routed = experts(graph, il, routed, act="gelu", biased=False, logits=logits)
    routed = graph.norm_of(il, "post_ffw_norm_2", routed)
    return graph.add(plain, routed)


def gemma3n(graph: Graph) -> None:
    """Four residual streams, of which one runs through the blocks and corrects the others."""
    x = graph.embedded(scaled=True)
    positions, caches = graph.positions(), Caches(graph)
    per_layer = _per_layer_inputs(graph, x)
    wanted = graph.output_rows()
    width, tokens = graph.embedding, graph.tokens
    target = _magnitude(graph, x)
    others = graph.mul_mat(_named(graph, "altup_proj"), graph.repeat(x, width, tokens, ALTUP - 1, 1))
    others = graph.div(graph.mul(others, target), _magnitude(graph, others))
    x = graph.concat(x, others, 2)
    for il in graph.layers:
        x = _stream_layer(graph, il, x, positions, caches, per_layer)
    target = _magnitude(graph, _slice(graph, x))
    rest = graph.view_3d(x, (width, tokens, ALTUP - 1), 4 * width, 4 * width * tokens)
    rest = graph.mul_mat(_named(graph, "altup_unembd_proj"), rest)
    rest = graph.div(graph.mul(rest, target), _magnitude(graph, rest))
    y = _slice(graph, x)
    for _ in range(ALTUP - 1):
        y = graph.add(y, _slice(graph, rest))
    y = graph.get_rows(graph.scale(y), wanted)
    graph.finish(y, after=lambda logits: _capped(graph, logits))


def _named(graph: Graph, name: str) -> Node:
    node = graph.weight(f"{name}.weight")
    if node is None:
        raise KeyError(name)
    return node


def _magnitude(graph: Graph, x: Node) -> Node:
    return graph.unary(graph.sum_rows(graph.sqr(x)))


def _modalities(graph: Graph, il: int, x: Node) -> Node:
    router = graph.w(il, "altup_router")
    if router is None:
        raise KeyError("altup_router")
    return graph.unary(graph.mul_mat(router, graph.scale(graph.norm_of(il, "altup_router_norm", x))))


def _stream_layer(graph: Graph, il: int, x: Node, positions: Node, caches: Caches, per_layer: Node | None) -> Node:
    width, tokens = graph.embedding, graph.tokens
    coefficients = graph.mm(il, "altup_predict_coef", _modalities(graph, il, _slice(graph, x)))
    coefficients = graph.reshape(coefficients, ALTUP, ALTUP, tokens)
    turned = graph.cont(graph.permute(x, 1, 2, 0, 3))
    predictions = graph.cont(graph.permute(graph.mul_mat(turned, coefficients), 0, 2, 1, 3))
    predictions = graph.add(predictions, x)
    active = _slice(graph, predictions)
    y = graph.norm_of(il, "attn_norm", active)
    laurel = graph.mm(il, "laurel_r", graph.mm(il, "laurel_l", y))
    laurel = graph.add(graph.norm_of(il, "laurel_post_norm", laurel), y)
    y = _attention(graph, il, y, positions, caches)
    y = graph.add(graph.norm_of(il, "post_attention_norm", y), active)
    both = graph.scale(graph.add(y, laurel))
    y = graph.norm_of(il, "ffn_norm", both)
    up, gate = graph.mm(il, "ffn_up", y), graph.mm(il, "ffn_gate", y)
    if il < SPARSE_LAYERS:
        gate = _sparse(graph, gate)
    y = graph.mm(il, "ffn_down", graph.mul(up, graph.unary(gate)))
    y = graph.add(graph.norm_of(il, "post_ffw_norm", y, pin=False), both)
    corrected = _corrected(graph, il, predictions, y)
    first = graph.mul(_slice(graph, corrected), _named(graph, f"blk.{il}.altup_correct_scale"))
    first = graph.unary(graph.mm(il, "inp_gate", first))
    if per_layer is not None:
        first = graph.mul(first, _slice(graph, per_layer))
    first = graph.norm_of(il, "post_norm", graph.mm(il, "proj", first))
    rest = graph.view_3d(corrected, (width, tokens, ALTUP - 1), 4 * width, 4 * width * tokens)
    return graph.concat(_slice(graph, corrected), graph.add(rest, first), 2)


def _sparse(graph: Graph, x: Node) -> Node:
    mean = graph.new(F32, (1, *x.ne[1:]), x)
    deviation = graph.unary(graph.scale(graph.sum_rows(graph.sqr(graph.sub(x, mean)))))
    cut = graph.add(mean, graph.scale(deviation))
    return graph.unary(graph.sub(x, cut))


def _corrected(graph: Graph, il: int, predictions: Node, y: Node) -> Node:
    width, tokens = graph.embedding, graph.tokens
    coefficients = _modalities(graph, il, y)
    new = graph.sub(y, _slice(graph, predictions))
    coefficients = graph.scale(graph.mm(il, "altup_correct_coef", coefficients))
    coefficients = graph.cont(graph.transpose(coefficients), 1, tokens, ALTUP)
    new = graph.repeat(new, width, tokens, ALTUP, 1)
    return graph.add(graph.mul(new, coefficients), predictions)

"""The usual decoder: attention and feed-forward blocks around a residual stream (src/models/*.cpp, b11434)."""

from __future__ import annotations

from ..attention import Caches, attend, key_length, project, value_length
from ..feed_forward import dense, experts
from ..graph import Graph
from ..node import F32, Node
from .gating import SHARED, gating_of
from .style import Style


def transformer(graph: Graph, style: Style) -> None:
    """The whole graph."""
    x, embedded = _input(graph, style)
    positions = graph.positions(style.positions)
    if style.position_table:
        table = graph.weight("position_embd.weight")
        if table is not None:
            x = graph.add(x, graph.get_rows(table, positions))
    if graph.weight("token_embd_norm.weight") is not None:
        x = graph.normed(x, graph.weight("token_embd_norm.weight"), graph.weight("token_embd_norm.bias"), 0, rms=False)
    temperature = graph.input(F32, 1, 1, graph.tokens) if _has_temperature(graph, style) else None
    caches = Caches(graph)
    wanted = graph.output_rows()
    deep = int(graph.number("n_deepstack_layers"))
    for il in graph.layers:
        x = _layer(graph, style, il, x, positions, caches, wanted, temperature)
        if il < deep:
            x = graph.add(x, graph.view_2d(embedded, graph.embedding, graph.tokens, embedded.strides()[1]))
    if style.rows == "before-norm":
        x.is_output = True
        x = graph.get_rows(x, wanted)
    if style.bare_norms:
        x = graph.normed(x, None, None, -1, rms=style.rms)
    else:
        weight, bias = graph.weight("output_norm.weight"), graph.weight("output_norm.bias")
        x = graph.normed(x, weight, bias, -1, rms=style.rms)
    x.is_output = True
    if style.rows == "after-norm":
        x = graph.get_rows(x, wanted)
        x.is_output = True
    graph.logits(x, lambda logits: _final(graph, style, logits))


def _input(graph: Graph, style: Style) -> tuple[Node, Node]:
    deep = int(graph.number("n_deepstack_layers"))
    x = graph.embedded(scaled=style.input_scaled == "rows", width=graph.embedding * (1 + deep) if deep else None)
    embedded = x
    return (graph.scale(x) if style.input_scaled == "all" else x), embedded


def _has_temperature(graph: Graph, style: Style) -> bool:
    return style.temperature and (graph.arch == "llama4" or bool(graph.number("attention.temperature_scale")))


def _final(graph: Graph, style: Style, x: Node) -> Node:
    if style.logits == "scale" or graph.arch == "grok":
        if graph.number("logit_scale") or graph.arch in ("minicpm", "grok"):
            x = graph.scale(x)
    if style.logits == "softcap" and (graph.number("final_logit_softcapping") or graph.arch == "gemma2"):
        x = graph.scale(graph.unary(graph.scale(x)))
    return x


def _layer(
    graph: Graph,
    style: Style,
    il: int,
    x: Node,
    positions: Node,
    caches: Caches,
    wanted: Node,
    temperature: Node | None,
) -> Node:
    skip = x
    routed = graph.mm(il, "ffn_gate_inp", x) if style.router_early and graph.w(il, "ffn_gate_inp") is not None else None
    normed = x
    if style.bare_norms:
        normed = graph.normed(x, None, None, il, rms=style.rms)
    elif graph.w(il, "attn_norm") is not None:
        normed = graph.norm_of(il, "attn_norm", x, rms=style.rms)
    attended = x
    if graph.layer(il).heads:
        source = normed
        if graph.w(il, "attn_norm_2") is not None:
            source = graph.norm_of(il, "attn_norm_2", x, rms=style.rms)
        attended = _attention(graph, style, il, source, positions, caches, temperature)
        if style.value_scaled and graph.number(style.value_scaled):
            attended = graph.scale(attended)
    if il == graph.last and style.rows == "layer":
        attended, skip = graph.get_rows(attended, wanted), graph.get_rows(skip, wanted)
        if style.residual != "serial" or _from_normed(graph, style, il):
            normed = graph.get_rows(normed, wanted)
        if routed is not None:
            routed = graph.get_rows(routed, wanted)
    if not graph.layer(il).ffn and not graph.layer(il).experts_used and graph.arch == "deci":
        return attended
    if style.post_norm and graph.w(il, style.post_norm) is not None and style.ffn_norm != style.post_norm:
        attended = graph.norm_of(il, style.post_norm, attended, rms=style.rms)
    residual_scale = graph.arch == "minicpm" or bool(graph.number("residual_scale"))
    if residual_scale:
        attended = graph.scale(attended)
    parallel = style.residual
    if graph.arch == "gptneox" and graph.value("use_parallel_residual", True):
        parallel, normed = "attention-last", graph.norm_of(il, "ffn_norm", skip, rms=style.rms)
    if parallel != "serial":
        x = _feed_forward(graph, style, il, normed, routed)
        if parallel == "attention-last":
            return graph.add(graph.add(x, skip), attended)
        both = graph.add(x, attended) if parallel == "input-last" else graph.add(attended, x)
        return graph.add(both, skip)
    old_first = style.residual_order == "old-first"
    middle = attended
    if graph.layer(il).heads:
        middle = graph.add(attended, skip)
    x = middle
    if style.bare_norms:
        x = graph.normed(middle, None, None, il, rms=style.rms)
    elif graph.w(il, style.ffn_norm) is not None:
        x = graph.norm_of(il, style.ffn_norm, middle, rms=style.rms)
    elif _from_normed(graph, style, il):
        x = normed
    x = _feed_forward(graph, style, il, x, routed)
    if graph.w(il, "post_ffw_norm") is not None:
        x = graph.norm_of(il, "post_ffw_norm", x, rms=style.rms, pin=style.pin_ffn_post)
    if residual_scale:
        x = graph.scale(x)
    return graph.add(middle, x) if old_first else graph.add(x, middle)


def _from_normed(graph: Graph, style: Style, il: int) -> bool:
    return graph.arch == "stablelm" and graph.w(il, style.ffn_norm) is None


def _rotates(graph: Graph, style: Style, il: int) -> bool:
    layer = graph.layer(il)
    steps = int(graph.number("no_rope_layer_interval", 4))
    match style.rope:
        case "always":
            return graph.arch != "baichuan" or len(graph.shape.layers) == 32
        case "never":
            return False
        case "sliding":
            return layer.sliding
        case "sliding-or-dense":
            return layer.sliding or il < int(graph.number("leading_dense_block_count"))
        case "sliding-or-all":
            return layer.sliding or graph.shape.sliding_kind == "none"
        case "steps":
            return (
                graph.shape.sliding_kind == "none" if graph.arch == "llama4" and steps == 0 else (il + 1) % steps != 0
            )
        case "steps-from-zero":
            return graph.shape.sliding_kind == "none" or il % steps != 0
        case "finetuned":
            return bool(graph.value("rope.scaling.finetuned", True))


def _attention(
    graph: Graph, style: Style, il: int, x: Node, positions: Node, caches: Caches, temperature: Node | None
) -> Node:
    layer = graph.layer(il)
    if not layer.kv_heads:
        return graph.mm(il, "attn_output", x)
    head, rms = key_length(graph, il), style.rms
    q_norm = graph.w(il, "attn_q_norm")
    q, k, v = project(graph, il, x, head, layer.heads, layer.kv_heads, value_length(graph, il))
    gate = graph.mm(il, "attn_gate", x) if style.gated == "mul" else None
    rotates = _rotates(graph, style, il)
    if q_norm is not None and not style.norm_after_rope:
        q, k = _normed_heads(graph, il, q, "attn_q_norm", rms), _normed_heads(graph, il, k, "attn_k_norm", rms)
    if rotates:
        factors = graph.rope_factors(il)
        q, k = graph.rope(q, positions, factors), graph.rope(k, positions, factors)
    if q_norm is not None and style.norm_after_rope:
        q, k = graph.norm_of(il, "attn_q_norm", q, rms=rms), graph.norm_of(il, "attn_k_norm", k, rms=rms)
    if temperature is not None and not (rotates and graph.arch == "llama4"):
        q = graph.mul(q, temperature)
    if style.bare_query_norm and rotates and graph.shape.experts != 128:
        q, k = graph.rms_norm(q), graph.rms_norm(k)
    if style.query_scaled:
        q = graph.scale(q)
    sinks = graph.weight(f"blk.{il}.attn_sinks.weight")
    if gate is None:
        return attend(graph, caches, il, q, k, v, sinks=sinks)
    attended = attend(graph, caches, il, q, k, v, sinks=sinks, output=None)
    return graph.linear(il, "attn_output", graph.mul(attended, graph.unary(gate)))


def _normed_heads(graph: Graph, il: int, x: Node, name: str, rms: bool) -> Node:
    """Normed head by head, or all heads together where the weight is as long."""
    weight = graph.w(il, name)
    head, heads, tokens, _ = x.ne
    if weight is None or weight.ne[0] != head * heads or heads == 1:
        return graph.norm_of(il, name, x, rms=rms)
    flat = graph.reshape(x, head * heads, tokens) if x.nb is None else graph.cont(x, head * heads, tokens)
    if x.op == 1 and x.nb is None and x.src[0].ne[:2] == (head * heads, tokens):
        flat = x.src[0]
    return graph.reshape(graph.norm_of(il, name, flat, rms=rms), head, heads, tokens)


def _feed_forward(graph: Graph, style: Style, il: int, x: Node, routed: Node | None) -> Node:
    if graph.w(il, "ffn_gate_inp") is None:
        return dense(graph, il, x, style.act)
    gating = style.gating or gating_of(graph, style.gating_default)
    normed = style.weights_normed
    if normed is None:
        normed = bool(graph.value("expert_weights_norm", False))
    out = experts(
        graph, il, x, act=style.act, gating=gating, normed=normed, scale=float(graph.number("expert_weights_scale")),
        before=style.weighed_first, biased=style.selection_biased, logits=routed,
    )  # fmt: skip
    if graph.w(il, "ffn_up_shexp") is not None:
        shared = dense(graph, il, x, style.act if style.act in ("gelu", "relu2") else "silu", names=SHARED)
        gate = graph.w(il, "ffn_gate_inp_shexp")
        if gate is not None:
            opened = graph.mul_mat(gate, x)
            opened = graph.div(graph.unary(opened), opened) if style.shared_gate == "silu-div" else graph.unary(opened)
            shared = graph.mul(shared, opened)
        out = graph.add(out, shared)
        if style.shared_averaged:
            out = graph.scale(out)
    elif graph.w(il, "ffn_up") is not None and graph.arch == "grok":
        out = graph.scale(graph.add(dense(graph, il, x, style.act), out))
    return out

"""Feed-forward blocks, dense and of experts (llama-graph.cpp, b11434)."""

from __future__ import annotations

from typing import Literal

from .graph import Graph
from .node import Node

Activation = Literal["silu", "gelu", "relu", "relu2", "swiglu", "geglu", "swiglu-oai"]
Gating = Literal["softmax", "sigmoid", "softmax-weight", "sqrt-softplus"]


def dense(
    graph: Graph,
    il: int,
    x: Node,
    act: Activation = "silu",
    *,
    names: tuple[str, str, str] = ("ffn_up", "ffn_gate", "ffn_down"),
    parallel: bool = True,
    biases: bool = True,
) -> Node:
    """Up, gate, down. `parallel`: the gate multiplies the block's input, not the result of up."""
    up_name, gate_name, down_name = names
    linear = graph.linear if biases else graph.mm
    up = linear(il, up_name, x) if graph.w(il, up_name) is not None else x
    gated = graph.w(il, gate_name) is not None
    gate = linear(il, gate_name, x if parallel else up) if gated else up
    if act in ("swiglu", "geglu"):
        y = graph.half(gate)
    elif act == "relu2":
        y = graph.sqr(graph.unary(gate))
    elif gated and parallel:
        y = _gated(graph, il, gate, up, "swiglu_clamp_shexp")
    else:
        y = graph.unary(gate)
    if act in ("swiglu", "geglu", "relu2") and gated and parallel:
        y = graph.mul(y, up)
    return linear(il, down_name, y)


def experts(
    graph: Graph,
    il: int,
    x: Node,
    *,
    act: Activation = "silu",
    gating: Gating = "softmax",
    normed: bool = True,
    scale: float = 0.0,
    used: int | None = None,
    biased: bool = True,
    before: bool = False,
    logits: Node | None = None,
    names: str = "exps",
) -> Node:
    """A router picks `used` experts for each token; their results are weighed and added. `before`: weighed first."""
    tokens = x.ne[1]
    used = used or graph.layer(il).experts_used or graph.layer(graph.last).experts_used
    if logits is None:
        logits = graph.linear(il, "ffn_gate_inp", x)
    probs = _probabilities(graph, logits, gating)
    count = probs.ne[0]
    bias = graph.b(il, "exp_probs_b") or graph.weight(f"blk.{il}.exp_probs_b") if biased else None
    selection = probs if bias is None else graph.add(probs, bias)
    groups = int(graph.number("expert_group_count"))
    if groups > 1:
        selection = _within_groups(graph, selection, count, groups, int(graph.number("expert_group_used_count")))
    chosen = graph.top_k(logits if before else selection, used)
    weights = graph.get_rows(graph.reshape(probs, 1, count, tokens), chosen)
    weights = _balanced(graph, weights, softmax=gating == "softmax-weight", normed=normed)
    if scale not in (0.0, 1.0):
        weights = graph.scale(weights)
    graph.expand(weights)
    y = graph.reshape(x, x.ne[0], 1, tokens)
    if before:
        y = graph.mul(graph.repeat(y, x.ne[0], used, tokens, 1), weights)
    y = _activated(graph, il, y, chosen, act, names)
    out = _chosen_product(graph, il, f"ffn_down_{names}", y, chosen)
    if not before:
        out = graph.mul(out, weights)
    graph.expand(out)
    stride = out.strides()
    parts = [graph.view_2d(out, out.ne[0], tokens, stride[2]) for _ in range(used)]
    graph.expand(*parts)
    total = parts[0]
    for part in parts[1:]:
        total = graph.add(total, part)
        graph.expand(total)
    return graph.cont(total) if used == 1 else total


def _probabilities(graph: Graph, logits: Node, gating: Gating) -> Node:
    if gating == "softmax":
        return graph.soft_max(logits)
    if gating == "sigmoid":
        return graph.unary(logits)
    return graph.unary(graph.unary(logits)) if gating == "sqrt-softplus" else logits


def _balanced(graph: Graph, weights: Node, *, softmax: bool, normed: bool) -> Node:
    """The chosen experts' weights, made to sum to one where the architecture does that."""
    _, used, tokens, _ = weights.ne
    if softmax:
        weights = graph.soft_max(graph.reshape(weights, used, tokens))
        weights = graph.reshape(weights, 1, used, tokens)
    if normed:
        weights = graph.reshape(weights, used, tokens)
        total = graph.clamp(graph.sum_rows(weights))
        weights = graph.reshape(graph.div(weights, total), 1, used, tokens)
    return weights


def _gated(graph: Graph, il: int, gate: Node, up: Node, limit: str) -> Node:
    """The gate's activation times up, in one step unless both are held within limits."""
    if graph.listed(limit, il) > 0:
        return graph.mul(graph.clamp(graph.unary(gate)), graph.clamp(up))
    return graph.glu(gate, up)


def _within_groups(graph: Graph, selection: Node, count: int, groups: int, used: int) -> Node:
    """Only experts of the best groups may be chosen."""
    tokens = selection.ne[1]
    each = count // groups
    grouped = graph.reshape(selection, each, groups, tokens)
    best = graph.top_k(grouped, 2)
    scores = graph.get_rows(graph.reshape(grouped, 1, each, groups, tokens), best)
    scores = graph.sum_rows(graph.reshape(scores, 2, groups, tokens))
    scores = graph.reshape(scores, groups, tokens)
    picked = graph.top_k(scores, used)
    kept = graph.get_rows(grouped, picked)
    return graph.reshape(graph.set_rows(graph.fill(grouped), kept, picked), count, tokens)


def _chosen_product(graph: Graph, il: int, name: str, x: Node, chosen: Node) -> Node:
    weight = graph.w(il, name)
    if weight is None:
        raise KeyError(f"blk.{il}.{name}.weight")
    result = graph.mul_mat_id(weight, x, chosen)
    scale = graph.weight(f"blk.{il}.{name}.scale")
    if scale is not None:
        tokens = x.ne[2]
        spread = graph.repeat(graph.reshape(scale, 1, scale.ne[0], 1), 1, scale.ne[0], tokens, 1)
        result = graph.mul(result, graph.get_rows(spread, chosen))
    bias = graph.b(il, name)
    return result if bias is None else graph.reusing(result, bias, chosen)


def _activated(graph: Graph, il: int, x: Node, chosen: Node, act: Activation, names: str) -> Node:
    if graph.w(il, f"ffn_gate_up_{names}") is not None:
        both = _chosen_product(graph, il, f"ffn_gate_up_{names}", x, chosen)
        stride = both.strides()
        ne = (both.ne[0] // 2, both.ne[1], both.ne[2])
        gate, up = (graph.view_3d(both, ne, stride[1], stride[2]) for _ in range(2))
        return graph.new(both.type, gate.ne, gate, up)
    up = _chosen_product(graph, il, f"ffn_up_{names}", x, chosen)
    if graph.w(il, f"ffn_gate_{names}") is not None:
        return _gated(graph, il, _chosen_product(graph, il, f"ffn_gate_{names}", x, chosen), up, "swiglu_clamp_exp")
    return graph.sqr(graph.unary(up)) if act == "relu2" else graph.unary(up)

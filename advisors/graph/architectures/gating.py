"""How experts are chosen and shared experts added, where the file or the architecture says."""

from __future__ import annotations

from ..feed_forward import Gating, dense
from ..graph import Graph
from ..node import Node

_GATING: dict[int, Gating] = {1: "softmax", 2: "sigmoid", 3: "softmax-weight", 4: "sqrt-softplus"}
"""llama_expert_gating_func_type."""
SHARED = ("ffn_up_shexp", "ffn_gate_shexp", "ffn_down_shexp")


def gating_of(graph: Graph, default: Gating = "softmax") -> Gating:
    """What the file says."""
    return _GATING.get(int(graph.number("expert_gating_func")), default)


def shared_experts(graph: Graph, il: int, x: Node, routed: Node, *, divided: bool = False) -> Node:
    """The routed experts' result and that of the shared ones, which may have a gate."""
    if graph.w(il, "ffn_up_shexp") is None:
        return routed
    shared = dense(graph, il, x, names=SHARED)
    gate = graph.w(il, "ffn_gate_inp_shexp")
    if gate is not None:
        opened = graph.mul_mat(gate, x)
        opened = graph.div(graph.unary(opened), opened) if divided else graph.unary(opened)
        shared = graph.mul(shared, opened)
    return graph.add(routed, shared)

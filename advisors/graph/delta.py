"""The gated delta net of Qwen3-Next and its kin, as one fused operation (src/models/delta-net-base.cpp, b11434)."""

from __future__ import annotations

from .graph import Graph
from .node import F32, Node
from .recurrent import States, convolution_cache, load, needed, state_cache


class Heads:
    """Sizes of the linear attention."""

    __slots__ = ("inner", "key", "key_heads", "value", "value_heads")

    def __init__(self, graph: Graph) -> None:
        self.inner = int(graph.number("ssm.inner_size"))
        self.key = int(graph.number("ssm.state_size"))
        self.key_heads = int(graph.number("ssm.group_count"))
        self.value_heads = int(graph.number("ssm.time_step_rank"))
        self.value = self.inner // self.value_heads


def linear_attention(graph: Graph, states: States, il: int, x: Node, *, interleaved: bool) -> Node:
    """One layer. `interleaved`: Qwen3-Next's order of heads, which needs copies."""
    heads = Heads(graph)
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    if graph.w(il, "attn_qkv") is not None:
        mixed = graph.mm(il, "attn_qkv", x)
        mixed = graph.reshape(mixed, mixed.ne[0], each, sequences)
        z = graph.mm(il, "attn_gate", x)
    else:
        mixed, z = _unzipped(graph, il, x, heads)
    beta, gate = _together(graph, il, x, heads) if interleaved else _apart(graph, il, x, heads)
    cache, state = convolution_cache(graph, il), state_cache(graph, il)
    channels = heads.inner + 2 * heads.key_heads * heads.key
    kernel = int(graph.number("ssm.conv_kernel"))
    old = graph.reshape(load(graph, states, cache), kernel - 1, channels, sequences)
    joined = _joined_later(graph, il, cache, old, mixed)
    before = graph.reshape(load(graph, states, state), heads.value, heads.value, heads.value_heads, sequences)
    weight = needed(graph.w(il, "ssm_conv1d"))
    y = graph.unary(graph.new(F32, (weight.ne[1], joined.ne[0] - weight.ne[0] + 1, joined.ne[2]), joined, weight))
    row = 4 * channels
    q, k = (
        graph.view(y, (heads.key, heads.key_heads, each, sequences), (4, 4 * heads.key, row, row * each))
        for _ in range(2)
    )
    v = graph.view(y, (heads.value, heads.value_heads, each, sequences), (4, 4 * heads.value, row, row * each))
    q, k = graph.scale(graph.rms_norm(q)), graph.scale(graph.rms_norm(k))
    if heads.key_heads != heads.value_heads and interleaved:
        times = heads.value_heads // heads.key_heads
        q, k = (_spread_heads(graph, part, times) for part in (q, k))
    out, new = delta_net(graph, q, k, v, gate, beta, before)
    target = graph.view_2d(state, state.ne[0], sequences, state.strides()[1])
    graph.expand(graph.cpy(new, target))
    z = graph.reshape(z, heads.value, heads.value_heads, each, sequences)
    out = graph.normed(out, graph.w(il, "ssm_norm"), None, il)
    out = graph.mul(out, graph.unary(z))
    out = graph.mm(il, "ssm_out", graph.reshape(out, heads.inner, each, sequences))
    return graph.reshape(out, graph.embedding, graph.tokens)


def _joined_later(graph: Graph, il: int, cache: Node, old: Node, mixed: Node) -> Node:
    """The convolution's input; the convolution itself comes after the state is read."""
    joined = graph.concat(old, graph.transpose(mixed), 0)
    nb, length = joined.strides(), old.ne[0]
    tail = graph.view_3d(joined, (length, joined.ne[1], joined.ne[2]), nb[1], nb[2])
    graph.expand(graph.cpy(tail, graph.view_2d(cache, length * joined.ne[1], joined.ne[2], cache.strides()[1])))
    return joined


def _spread_heads(graph: Graph, x: Node, times: int) -> Node:
    head, count, each, sequences = x.ne
    x = graph.repeat(graph.reshape(x, head, 1, count, each * sequences), head, times, count, each * sequences)
    return graph.reshape(x, head, count * times, each, sequences)


def _apart(graph: Graph, il: int, x: Node, heads: Heads) -> tuple[Node, Node]:
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    beta = graph.reshape(graph.mm(il, "ssm_beta", x), 1, heads.value_heads, each, sequences)
    beta = graph.unary(beta)
    alpha = graph.reshape(graph.mm(il, "ssm_alpha", x), heads.value_heads, each, sequences)
    return beta, _gate(graph, il, alpha, heads)


def _together(graph: Graph, il: int, x: Node, heads: Heads) -> tuple[Node, Node]:
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    share = heads.value_heads // heads.key_heads
    both = graph.mm(il, "ssm_ba", x)
    both = graph.reshape(both, 2 * share, heads.key_heads, each, sequences)
    nb = both.strides()
    b, a = (graph.view(both, (share, heads.key_heads, each, sequences), nb) for _ in range(2))
    beta = graph.unary(graph.cont(b))
    alpha = graph.cont(a, heads.value_heads, each, sequences)
    gate = _gate(graph, il, alpha, heads)
    return graph.reshape(beta, 1, heads.value_heads, each, sequences), gate


def _gate(graph: Graph, il: int, alpha: Node, heads: Heads) -> Node:
    bias, decay = needed(graph.b(il, "ssm_dt")), needed(graph.weight(f"blk.{il}.ssm_a"))
    gate = graph.mul(graph.unary(graph.add(alpha, bias)), decay)
    return graph.reshape(gate, 1, heads.value_heads, alpha.ne[1], alpha.ne[2])


def _unzipped(graph: Graph, il: int, x: Node, heads: Heads) -> tuple[Node, Node]:
    """Files of the first days hold query, key, value and gate in one matrix, head by head."""
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    share = heads.value * (heads.value_heads // heads.key_heads)
    mixed = graph.mm(il, "ssm_in", x)
    mixed = graph.reshape(mixed, 2 * heads.key + 2 * share, heads.key_heads, each, sequences)
    nb = mixed.strides()
    parts = [
        graph.view(mixed, (length, heads.key_heads, each, sequences), nb)
        for length in (heads.key, heads.key, share, share)
    ]
    z = graph.cont(parts[3])
    q, k = (graph.cont(part, heads.key * heads.key_heads, each, sequences) for part in parts[:2])
    v = graph.cont(parts[2], heads.value * heads.value_heads, each, sequences)
    return graph.concat(graph.concat(q, k, 0), v, 0), z


def delta_net(graph: Graph, q: Node, k: Node, v: Node, g: Node, b: Node, s: Node) -> tuple[Node, Node]:
    """Result and new state."""
    head, heads, each, sequences = v.ne
    out = graph.new(F32, (head * heads, each * sequences + head * sequences), q, k, v, g, b, s)
    row = 4 * head
    result = graph.view(out, (head, heads, each, sequences), (4, row, row * heads, row * heads * each))
    state = graph.view(out, (head, head, heads, sequences), (4, row, row * head, row * head * heads))
    return result, state

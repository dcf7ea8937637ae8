"""The gated delta net of Qwen3-Next and its kin: fused into one operation, or chunk by chunk (delta-net-base.cpp, b11434)."""

from __future__ import annotations

from .graph import Graph
from .node import F32, Node
from .recurrent import States, convolution_cache, load, state_cache

CHUNK = 64


class Heads:
    """Sizes of the linear attention."""

    __slots__ = ("inner", "key_heads", "key", "value_heads", "value")

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
    weight = graph.w(il, "ssm_conv1d")
    assert weight is not None
    y = graph.unary(graph.new(F32, (weight.ne[1], joined.ne[0] - weight.ne[0] + 1, joined.ne[2]), joined, weight))
    row = 4 * channels
    q, k = (
        graph.view(y, (heads.key, heads.key_heads, each, sequences), (4, 4 * heads.key, row, row * each))
        for _ in range(2)
    )
    v = graph.view(y, (heads.value, heads.value_heads, each, sequences), (4, 4 * heads.value, row, row * each))
    q, k = graph.scale(graph.rms_norm(q)), graph.scale(graph.rms_norm(k))
    if heads.key_heads != heads.value_heads:
        if interleaved:
            times = heads.value_heads // heads.key_heads
            q, k = (_spread_heads(graph, part, times) for part in (q, k))
        elif not (graph.fused_single and graph.fused_chunks):
            q, k = (graph.repeat(part, heads.key, heads.value_heads, each, sequences) for part in (q, k))
    out, new = delta_net(graph, il, q, k, v, gate, beta, before)
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
    bias, decay = graph.b(il, "ssm_dt"), graph.weight(f"blk.{il}.ssm_a")
    assert bias is not None and decay is not None
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


def delta_net(graph: Graph, il: int, q: Node, k: Node, v: Node, g: Node, b: Node, s: Node) -> tuple[Node, Node]:
    """Result and new state."""
    each = q.ne[2]
    if graph.fused_single if each == 1 else graph.fused_chunks:
        return _fused(graph, il, q, k, v, g, b, s)
    return _single(graph, q, k, v, g, b, s) if each == 1 else _chunks(graph, q, k, v, g, b, s)


def _fused(graph: Graph, il: int, q: Node, k: Node, v: Node, g: Node, b: Node, s: Node) -> tuple[Node, Node]:
    head, heads, each, sequences = v.ne
    out = graph.new(F32, (head * heads, each * sequences + head * sequences), q, k, v, g, b, s)
    graph.fused_nodes.append((out, il))
    row = 4 * head
    result = graph.view(out, (head, heads, each, sequences), (4, row, row * heads, row * heads * each))
    state = graph.view(out, (head, head, heads, sequences), (4, row, row * head, row * head * heads))
    return result, state


def _single(graph: Graph, q: Node, k: Node, v: Node, g: Node, b: Node, s: Node) -> tuple[Node, Node]:
    q = graph.scale(q)
    q, k, v = (graph.permute(part, 0, 2, 1, 3) for part in (q, k, v))
    heads, sequences = v.ne[2], v.ne[3]
    g = graph.unary(graph.reshape(g, 1, g.ne[0], heads, sequences))
    b = graph.reshape(b, 1, 1, heads, sequences)
    s = graph.mul(s, g)
    sk = graph.sum_rows(graph.mul(s, k))
    d = graph.mul(graph.sub(v, graph.transpose(sk)), b)
    k = graph.repeat(k, *s.ne)
    s = graph.add(s, graph.mul(k, graph.transpose(d)))
    out = graph.sum_rows(graph.mul(s, q))
    return graph.permute(out, 2, 0, 1, 3), s


def _chunks(graph: Graph, q: Node, k: Node, v: Node, g: Node, b: Node, s: Node) -> tuple[Node, Node]:
    key, key_heads, each, sequences = q.ne
    value, heads = v.ne[0], v.ne[1]
    vector = g.ne[0] == key and g.ne[1] == key_heads
    size = 16 if vector else CHUNK
    more = -each % size
    count = (each + more) // size
    q = graph.scale(q)
    q, k, v, g, b = (graph.pad(graph.permute(part, 0, 2, 1, 3), 0, more) for part in (q, k, v, g, b))
    v_b, k_b = graph.mul(v, b), graph.mul(k, b)
    q, k = (graph.reshape(part, key, size, count, key_heads * sequences) for part in (q, k))
    k_b = graph.reshape(k_b, key, size, count, heads * sequences)
    v, v_b = (graph.reshape(part, value, size, count, heads * sequences) for part in (v, v_b))
    g = graph.reshape(g, g.ne[0], size, count, heads * sequences)
    b = graph.reshape(b, 1, size, count, heads * sequences)
    g_sum = graph.like(graph.cont(graph.transpose(g)))
    if vector:
        kb, kq = _vector_decay(graph, q, k, k_b, g_sum, size, count, key_heads * sequences, heads * sequences)
    else:
        later = graph.reshape(g_sum, 1, size, count, heads * sequences)
        later = graph.repeat(later, size, size, count, heads * sequences)
        decay = graph.unary(graph.like(graph.sub(later, g_sum)))
        kb = graph.mul(graph.mul_mat(k, k_b), decay)
        kq = graph.mul(graph.mul_mat(k, q), decay)
    kq = graph.like(kq)
    attn = graph.like(kb)
    identity = graph.fill(graph.view(attn, (size,), (4, 4 * size, 4 * size, 4 * size)))
    identity = graph.new(F32, (size, size), identity)
    left = graph.add(attn, identity)
    solved = graph.new(F32, attn.ne, left, graph.unary(attn))
    attn = graph.add(solved, identity)
    v = graph.mul_mat(graph.cont(graph.transpose(v_b)), attn)
    g_exp = graph.unary(g_sum)
    k_b = graph.cont(graph.transpose(k_b))
    k_decayed = graph.mul_mat(graph.mul(k_b, g_exp), attn)
    q_decayed = graph.mul(q, graph.cont(graph.transpose(g_exp)))
    last = graph.cont(graph.view(g_sum, (1, *g_sum.ne[1:]), g_sum.strides()))
    last_exp = graph.transpose(graph.unary(last))
    difference = graph.unary(graph.sub(g_sum, last))
    kg = graph.mul(k, graph.cont(graph.transpose(graph.unary(difference))))
    kg = graph.cont(graph.transpose(kg))
    s = graph.reshape(s, value, value, 1, heads * sequences)
    v_t = graph.cont(graph.transpose(v))
    for _ in range(count):
        part_k, part_v, part_kq, part_q, part_kg = (
            graph.view(whole, (whole.ne[0], whole.ne[1], 1, whole.ne[3]), whole.strides())
            for whole in (k_decayed, v_t, kq, q_decayed, kg)
        )
        new = graph.sub(part_v, graph.mul_mat(part_k, s))
        within = graph.mul_mat(new, part_kq)
        across = graph.mul_mat(s, part_q)
        out = graph.add(across, within)
        v = Node(2, v.type, v.ne, [v, out], v.root or v, v.nb)
        kgv = graph.mul_mat(part_kg, new)
        factor = graph.view(last_exp, (last_exp.ne[0], last_exp.ne[1], 1, last_exp.ne[3]), last_exp.strides())
        s = graph.add(graph.mul(s, factor), kgv)
    row = 4 * value
    out = graph.view(v, (value, each, heads, sequences), (4, row, row * size * count, row * size * count * heads))
    return graph.permute(out, 0, 2, 1, 3), graph.reshape(s, value, value, heads, sequences)


def _vector_decay(
    graph: Graph, q: Node, k: Node, k_b: Node, g_sum: Node, size: int, count: int, key_heads: int, heads: int
) -> tuple[Node, Node]:
    """A decay for each element of the key: Kimi's variant."""
    key, all_chunks = k.ne[0], count * key_heads
    own = graph.reshape(g_sum, size, 1, key, all_chunks)
    later = graph.repeat(graph.reshape(g_sum, 1, size, key, all_chunks), size, size, key, all_chunks)
    decay = graph.unary(graph.like(graph.sub(later, own)))
    decay = graph.cont(graph.permute(decay, 2, 1, 0, 3), key, size, size, all_chunks)
    other = graph.reshape(k, key, 1, size, all_chunks)
    results = []
    for part in (k_b, q):
        product = graph.mul_mat(graph.mul(decay, graph.reshape(part, key, size, 1, all_chunks)), other)
        results.append(graph.cont(graph.transpose(graph.reshape(product, size, size, count, heads))))
    return results[0], results[1]

"""Latent attention to the cells that an indexer picks: DeepSeek 3.2, GLM 5 (src/models/deepseek32.cpp, glm-dsa.cpp)."""

from __future__ import annotations

from ..attention import heads_attend, store_keys
from ..feed_forward import dense, experts
from ..graph import Graph
from ..node import F16, F32, I32, LEAF, Node
from ..recurrent import needed
from .gating import gating_of, shared_experts
from .latent import absorbed_parts


class _Cache:
    """The inputs of one cache: where to write, what is seen."""

    __slots__ = ("cells", "mask", "write_k")

    def __init__(self, graph: Graph, mask: Node) -> None:
        self.cells, self.mask, self.write_k = graph.cells, mask, graph.indices()


class _Indexer:
    """What the layers share to pick cells."""

    def __init__(self, graph: Graph) -> None:
        self.heads = int(graph.number("attention.indexer.head_count"))
        self.head = int(graph.number("attention.indexer.key_length"))
        self.top = min(int(graph.number("attention.indexer.top_k")), graph.cells)
        mask = graph.input(F16, graph.cells, graph.tokens // graph.streams, 1, graph.streams)
        self.cache = _Cache(graph, mask)
        size = 64
        while self.head % (2 * size) == 0:
            size *= 2
        self.matrix = graph.input(F32, size, size)

    def pick(self, graph: Graph, il: int, x: Node, low: Node, positions: Node) -> Node:
        """The chosen cells of every token."""
        tokens, streams = graph.tokens, graph.streams
        q = graph.reshape(graph.mm(il, "indexer.attn_q_b", low), self.head, self.heads, tokens)
        q = graph.mul_mat(self.matrix, graph.rope(q, positions))
        k = graph.norm_of(il, "indexer.k_norm", graph.mm(il, "indexer.attn_k", x), rms=False)
        k = graph.mul_mat(self.matrix, graph.rope(graph.reshape(k, self.head, 1, tokens), positions))
        cache = graph.cache(il, "indexer", (self.head, graph.cells, streams, 1), graph.settings.type_k)
        merged = graph.view_2d(k, self.head, tokens, k.strides()[2])
        flat = graph.reshape(cache, self.head, graph.cells * streams) if streams > 1 else cache
        graph.expand(graph.set_rows(flat, merged, self.cache.write_k))
        weights = graph.mm(il, "indexer.proj", x)
        nb = cache.strides()
        keys = graph.view(cache, (self.head, 1, graph.cells, streams), (nb[0], nb[1], nb[1], nb[2]))
        nb, each = q.strides(), tokens // streams
        q = graph.view(q, (self.head, self.heads, each, streams), (nb[0], nb[1], nb[2], nb[2] * each))
        nb = weights.strides()
        weights = graph.view(weights, (self.heads, each, 1, streams), (nb[0], nb[1], nb[1] * each, nb[1] * each))
        score = graph.new(F32, (graph.cells, each, 1, streams), q, keys, graph.scale(weights), self.cache.mask)
        return graph.cont(graph.new(I32, (self.top, *score.ne[1:]), score))


def indexed(graph: Graph) -> None:
    """The whole graph."""
    x = graph.embedded()
    positions, wanted = graph.positions(), graph.output_rows()
    cache, indexer = _Cache(graph, graph.mask(graph.cells)), _Indexer(graph)
    picked: Node | None = None
    for il in graph.layers:
        skip = x
        x = graph.norm_of(il, "attn_norm", x)
        low = graph.norm_of(il, "attn_q_a_norm", graph.mm(il, "attn_q_a", x))
        if graph.w(il, "indexer.attn_q_b") is not None:
            picked = indexer.pick(graph, il, x, low, positions)
        x = _attend(graph, il, x, low, positions, cache, needed(picked))
        if il == graph.last:
            x, skip = graph.get_rows(x, wanted), graph.get_rows(skip, wanted)
        middle = graph.add(x, skip)
        x = graph.norm_of(il, "ffn_norm", middle)
        if graph.w(il, "ffn_gate_inp") is None:
            x = dense(graph, il, x)
        else:
            normed, scale = bool(graph.value("expert_weights_norm", False)), float(graph.number("expert_weights_scale"))
            routed = experts(graph, il, x, gating=gating_of(graph, "sigmoid"), normed=normed, scale=scale)
            x = shared_experts(graph, il, x, routed)
        x = graph.add(x, middle)
    graph.finish(x)


def _attend(graph: Graph, il: int, x: Node, low: Node, positions: Node, cache: _Cache, picked: Node) -> Node:
    query, kept, key = absorbed_parts(graph, il, x, positions, low)
    graph.expand(query, kept, key)
    cached = store_keys(graph, cache, il, key)
    mask = _narrowed(graph, cache.mask, picked)
    value = graph.view(cached, (graph.shape.kv_lora_rank, *cached.ne[1:]), cached.strides())
    out = heads_attend(graph, query, cached, value, mask, decompress=graph.w(il, "attn_v_b"))
    return graph.linear(il, "attn_output", out)


def _narrowed(graph: Graph, mask: Node, picked: Node) -> Node:
    """The mask with all but the picked cells hidden."""
    hidden = graph.fill(mask)
    cells, each, _, streams = mask.ne
    nb = hidden.strides()
    rows = graph.view(hidden, (1, cells, each, streams), (nb[0], nb[0], nb[1], nb[2]))
    nb = picked.strides()
    chosen = graph.view(picked, (picked.ne[0], each, streams, 1), (nb[0], nb[1], nb[2], nb[3] * streams))
    zeros = graph.fill(Node(LEAF, F32, (1, picked.ne[0], each, streams), []))
    shown = graph.set_rows(rows, zeros, chosen)
    nb = shown.strides()
    shown = graph.view(shown, (cells, each, 1, streams), (nb[0], nb[2], nb[3], nb[3]))
    return graph.add(shown, mask)

"""Attention: projections, the cache, and the softmax or its fused form (llama-graph.cpp, llama-kv-cache.cpp)."""

from __future__ import annotations

from typing import Protocol

from ...probe.model.ggml_types import GgmlType
from .graph import Graph
from .node import F32, Node


class Caches:
    """The inputs that all attention layers share, for full and for sliding layers."""

    __slots__ = ("full", "rotate_k", "rotate_k_sliding", "rotate_v", "rotate_v_sliding", "sliding", "two")

    def __init__(self, graph: Graph, *, keys_only: bool = False) -> None:
        layers = [at for at, layer in enumerate(graph.shape.layers) if layer.has_kv]
        self.two = graph.shape.sliding_kind != "none" and graph.shape.sliding_window > 0
        rotated = not keys_only
        parts = _Part(graph, graph.cells, [at for at in layers if not (self.two and graph.layer(at).sliding)], rotated)
        self.full = parts
        self.sliding = parts
        if self.two:
            self.sliding = _Part(graph, graph.cells_sliding, [at for at in layers if graph.layer(at).sliding], rotated)


class KeyCache(Protocol):
    """Inputs of a cache of keys."""

    cells: int
    write_k: Node


class _Part:
    """One cache: its mask, where to write, and the rotation of quantized keys and values."""

    __slots__ = ("cells", "mask", "rotate_k", "rotate_v", "write_k", "write_v")

    def __init__(self, graph: Graph, cells: int, layers: list[int], rotated: bool) -> None:
        self.cells = cells
        self.write_k = graph.indices()
        self.write_v = graph.indices(1 if graph.fused else widest_value(graph))
        self.mask = graph.mask(cells)
        keys = {key_length(graph, il) for il in layers}
        values = {value_length(graph, il) for il in layers}
        self.rotate_k = _rotation(graph, graph.kind_k, keys, key_length(graph, 0), widest=True) if rotated else None
        self.rotate_v = (
            _rotation(graph, graph.kind_v, values, value_length(graph, 0), widest=False) if rotated else None
        )


def key_length(graph: Graph, il: int) -> int:
    """Of one head of this layer."""
    return graph.shape.key_length_swa if graph.layer(il).sliding else graph.shape.key_length


def value_length(graph: Graph, il: int) -> int:
    """Of one head of this layer."""
    return graph.shape.value_length_swa if graph.layer(il).sliding else graph.shape.value_length


def widest_value(graph: Graph) -> int:
    """Values of one token in the widest layer."""
    return max(value_length(graph, il) * layer.kv_heads for il, layer in enumerate(graph.shape.layers))


def _rotation(graph: Graph, kind: GgmlType, lengths: set[int], first: int, *, widest: bool) -> Node | None:
    if kind.block == 1 or len(lengths) != 1 or first % 64:
        return None
    size = 64
    length = next(iter(lengths))
    while widest and length % (2 * size) == 0:
        size *= 2
    return graph.input(F32, size, size)


def rotated(graph: Graph, x: Node, matrix: Node) -> Node:
    """Multiplied with a Hadamard matrix, block by block."""
    size = matrix.ne[0]
    rows = x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3] // size
    flat = graph.cont(x, size, rows) if x.nb else graph.reshape(x, size, rows)
    return graph.reshape(graph.mul_mat(matrix, flat), *x.ne)


def project(
    graph: Graph, il: int, x: Node, head: int, heads: int, kv_heads: int, value: int | None = None
) -> tuple[Node, Node, Node]:
    """Query, key and value, from one matrix or from three."""
    value = value or head
    clamp = bool(graph.number("attention.clamp_kqv"))
    tokens = graph.tokens
    if graph.w(il, "attn_qkv") is not None:
        qkv = graph.linear(il, "attn_qkv", x)
        if clamp:
            qkv = graph.clamp(qkv)
        row = qkv.ne[0] * 4
        return (
            graph.view_3d(qkv, (head, heads, tokens), 4 * head, row),
            graph.view_3d(qkv, (head, kv_heads, tokens), 4 * head, row),
            graph.view_3d(qkv, (value, kv_heads, tokens), 4 * value, row),
        )
    three = []
    for name, length, count in (("attn_q", head, heads), ("attn_k", head, kv_heads), ("attn_v", value, kv_heads)):
        part = graph.linear(il, name, x)
        if clamp:
            part = graph.clamp(part)
        three.append((part, length, count))
    q, k, v = (graph.reshape(part, length, count, tokens) for part, length, count in three)
    return q, k, v


def attend(
    graph: Graph,
    caches: Caches,
    il: int,
    q: Node,
    k: Node | None,
    v: Node | None,
    *,
    output: str | None = "attn_output",
    sinks: Node | None = None,
    store: int | None = None,
    bias: Node | None = None,
) -> Node:
    """Write keys and values, attend, and multiply with the output matrix. `store`: the layer whose cache is used."""
    layer = graph.layer(il)
    part = caches.sliding if layer.sliding else caches.full
    if part.rotate_k is not None:
        q = rotated(graph, q, part.rotate_k)
        k = rotated(graph, k, part.rotate_k) if k is not None else None
    if part.rotate_v is not None and v is not None:
        v = rotated(graph, v, part.rotate_v)
    order = (q, k, v) if caches.two else (q, v, k)
    graph.expand(*(node for node in order if node is not None))
    store = il if store is None else store
    cached_k, cached_v = _cache_nodes(graph, store, part.cells)
    if k is not None:
        _write_keys(graph, cached_k, k, part.write_k)
    if v is not None:
        _write_values(graph, cached_v, v, part.write_v)
    streams, cells = graph.streams, part.cells
    key = _key_view(graph, il, cached_k, cells)
    kind, head, width = cached_v.type, value_length(graph, il), cached_v.ne[0]
    if graph.fused:
        row = kind.row_bytes(width)
        value = graph.view(
            cached_v,
            (head, layer.kv_heads, cells, streams),
            (kind.block_bytes, kind.row_bytes(head), row, row * cells),
        )
    else:
        row = kind.row_bytes(cells)
        value = graph.view(
            cached_v,
            (cells, layer.kv_heads, head, streams),
            (kind.block_bytes, row * head, row, row * width),
        )
    x = heads_attend(graph, q, key, value, part.mask, sinks=sinks, turned=not graph.fused, bias=bias)
    if part.rotate_v is not None:
        x = rotated(graph, x, part.rotate_v)
    return x if output is None else graph.linear(il, output, x)


def store_keys(graph: Graph, part: KeyCache, il: int, k: Node) -> Node:
    """Write keys alone; returns the view of the cache."""
    layer = graph.layer(il)
    cache = graph.cache(il, "k", (key_length(graph, il) * layer.kv_heads, part.cells, graph.streams, 1))
    _write_keys(graph, cache, k, part.write_k)
    return _key_view(graph, il, cache, part.cells)


def _key_view(graph: Graph, il: int, cache: Node, cells: int) -> Node:
    kind, head, row = cache.type, key_length(graph, il), cache.type.row_bytes(cache.ne[0])
    return graph.view(
        cache,
        (head, graph.layer(il).kv_heads, cells, graph.streams),
        (kind.block_bytes, kind.row_bytes(head), row, row * cells),
    )


def _cache_nodes(graph: Graph, il: int, cells: int) -> tuple[Node, Node]:
    layer = graph.layer(il)
    value = value_length(graph, il) * layer.kv_heads if graph.fused else widest_value(graph)
    k = graph.cache(il, "k", (key_length(graph, il) * layer.kv_heads, cells, graph.streams, 1))
    return k, graph.cache(il, "v", (value, cells, graph.streams, 1))


def _write_keys(graph: Graph, cache: Node, x: Node, rows: Node) -> None:
    merged = x.ne[0] * x.ne[1]
    x = graph.view_2d(x, merged, x.ne[2], x.strides()[2])
    if graph.streams > 1:
        cache = graph.reshape(cache, merged, cache.ne[1] * cache.ne[2])
    graph.expand(graph.set_rows(cache, x, rows))


def _write_values(graph: Graph, cache: Node, x: Node, rows: Node) -> None:
    if graph.fused:
        _write_keys(graph, cache, x, rows)
        return
    merged, tokens = x.ne[0] * x.ne[1], x.ne[2]
    x = graph.cont(x, merged, tokens) if x.strides()[2] != 4 * merged else graph.reshape(x, merged, tokens)
    if merged < cache.ne[0]:
        x = graph.pad(x, cache.ne[0] - merged)
        merged = cache.ne[0]
    everything = graph.reshape(cache, 1, cache.ne[0] * cache.ne[1] * cache.ne[2])
    graph.expand(graph.set_rows(everything, graph.reshape(x, 1, merged * tokens), rows))


def heads_attend(
    graph: Graph,
    q: Node,
    k: Node,
    v: Node,
    mask: Node | None,
    *,
    sinks: Node | None = None,
    turned: bool = False,
    bias: Node | None = None,
    decompress: Node | None = None,
) -> Node:
    """Softmax of queries and keys, times values. `turned`: values lie with the cells in their rows."""
    streams = k.ne[3]
    strides = q.strides()
    each = q.ne[2] // streams
    q = graph.view(q, (q.ne[0], q.ne[1], each, streams), (strides[0], strides[1], strides[2], strides[2] * each))
    q, k, v = (graph.permute(node, 0, 2, 1, 3) for node in (q, k, v))
    if graph.fused and bias is None:
        if turned:
            v = graph.transpose(v)
        x = graph.flash_attn(q, graph.half_precision(k), graph.half_precision(v), mask, sinks)
        if decompress is not None:
            x = graph.permute(x, 0, 2, 1, 3)
            x = graph.permute(graph.mul_mat(decompress, x), 0, 2, 1, 3)
            x = graph.cont(x)
        x = graph.reshape(x, x.ne[0] * x.ne[1], x.ne[2] * x.ne[3])
    else:
        kq = graph.mul_mat(k, q)
        if graph.arch == "grok":
            kq = graph.scale(graph.unary(graph.scale(kq)))
        if graph.number("attn_logit_softcapping"):
            kq = graph.scale(graph.unary(graph.scale(kq)))
        if bias is not None:
            kq = graph.add(kq, bias)
        kq = graph.soft_max(kq, *(node for node in (mask, sinks) if node is not None))
        if not turned:
            v = graph.cont(graph.transpose(v))
        x = graph.mul_mat(v, kq)
        if decompress is not None:
            x = graph.mul_mat(decompress, x)
        x = graph.permute(x, 0, 2, 1, 3)
        x = graph.cont(x, x.ne[0] * x.ne[1], x.ne[2] * x.ne[3])
        if not graph.settings.kv_offload:
            x.pinned = graph.processor
    graph.expand(x)
    return x

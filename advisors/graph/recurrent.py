"""Layers with a state of constant size: mamba, gated delta net, short convolution (src/models/*-base.cpp, b11434)."""

from __future__ import annotations

from collections.abc import Callable

from .graph import Graph
from .node import F32, I32, Node

GatherStates = Callable[[Node, Node], Node]


class States:
    """Which states the sequences of a batch begin with."""

    __slots__ = ("all", "cells", "own", "rest")

    def __init__(self, graph: Graph) -> None:
        self.cells = graph.settings.slots
        self.all = graph.input(I32, self.cells)
        self.own = graph.view(self.all, (graph.sequences,), (4, *_after(4, graph.sequences)))
        self.rest = graph.view(self.all, (self.cells - 1,), (4, *_after(4, self.cells - 1)))


def _after(unit: int, length: int) -> tuple[int, int, int]:
    return unit * length, unit * length, unit * length


def convolution_cache(graph: Graph, il: int) -> Node:
    """The last inputs of the convolution."""
    return graph.cache(il, "r", (graph.shape.state_conv_elements, graph.settings.slots, 1, 1), "f32")


def state_cache(graph: Graph, il: int) -> Node:
    """The recurrent state."""
    return graph.cache(il, "s", (graph.shape.state_elements, graph.settings.slots, 1, 1), "f32")


def load(graph: Graph, states: States, cache: Node, gather: GatherStates | None = None) -> Node:
    """The states of the batch's sequences, copied out of the cache; states that only move are written back."""
    size, sequences = cache.ne[0], graph.sequences
    rows = graph.reshape(cache, size, cache.ne[1])
    graph.expand(graph.scale_inplace(graph.view(rows, (size,), (4, *_after(4, size)))))
    wanted = states.rest if gather else states.all
    copied = graph.get_rows(rows, wanted)
    out = gather(rows, states.own) if gather else graph.view_2d(copied, size, sequences, 4 * size)
    graph.expand(out)
    extra = states.cells - sequences
    moved = graph.view_2d(copied, size, extra, 4 * size)
    graph.expand(graph.cpy(moved, graph.view_2d(cache, size, extra, 4 * size)))
    return out


def convolved(graph: Graph, il: int, cache: Node, state: Node, x: Node, kernel: str = "ssm_conv1d") -> Node:
    """Old inputs before the new ones; the newest are kept; the convolution of all."""
    joined = graph.concat(state, graph.transpose(x), 0)
    keep_tail(graph, cache, joined, state.ne[0])
    weight = graph.w(il, kernel)
    if weight is None:
        raise KeyError(kernel)
    return graph.new(F32, (weight.ne[1], joined.ne[0] - weight.ne[0] + 1, joined.ne[2]), joined, weight)


def keep_tail(graph: Graph, cache: Node, joined: Node, length: int) -> None:
    """Write the last inputs back to the cache."""
    nb = joined.strides()
    tail = graph.view_3d(joined, (length, joined.ne[1], joined.ne[2]), nb[1], nb[2])
    size = length * joined.ne[1]
    graph.expand(graph.cpy(tail, graph.view_2d(cache, size, joined.ne[2], cache.strides()[1])))


def mamba1(graph: Graph, states: States, il: int, x: Node) -> Node:
    """Selective scan with a decay for each channel."""
    inner, size = int(graph.number("ssm.inner_size")), int(graph.number("ssm.state_size"))
    rank, kernel = int(graph.number("ssm.time_step_rank")), int(graph.number("ssm.conv_kernel"))
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    cache, state = convolution_cache(graph, il), state_cache(graph, il)
    old = graph.reshape(load(graph, states, cache), kernel - 1, inner, sequences)
    xz = graph.mm(il, "ssm_in", graph.reshape(x, x.ne[0], each, sequences))
    nb = xz.strides()
    x, z = (graph.view_3d(xz, (inner, each, sequences), nb[1], nb[2]) for _ in range(2))
    x = convolved(graph, il, cache, old, x)
    x = graph.unary(graph.add(x, needed(graph.b(il, "ssm_conv1d"))))
    x_db = graph.mm(il, "ssm_x", x)
    nb = x_db.strides()
    dt = graph.view_3d(x_db, (rank, each, sequences), nb[1], nb[2])
    b, c = (graph.view(x_db, (size, 1, each, sequences), (4, 4 * size, nb[1], nb[2])) for _ in range(2))
    if graph.value("ssm.dt_b_c_rms", False) or graph.w(il, "ssm_dt_norm") is not None:
        dt, b, c = (
            graph.normed(part, graph.w(il, f"ssm_{name}_norm"), None, il)
            for part, name in ((dt, "dt"), (b, "b"), (c, "c"))
        )
    else:
        dt = graph.cont(dt)
    dt = graph.add(graph.mm(il, "ssm_dt", dt), needed(graph.b(il, "ssm_dt")))
    heads = graph.reshape(x, 1, inner, each, sequences)
    decay = needed(graph.weight(f"blk.{il}.ssm_a"))

    def gather(rows: Node, ids: Node) -> Node:
        old_states = graph.reshape(rows, size, 1, inner, graph.settings.slots)
        return _scan(graph, old_states, heads, dt, decay, b, c, ids)

    y = load(graph, states, state, gather)
    _store(graph, y, state, size * inner)
    y = graph.view_3d(y, (inner, each, sequences), 4 * inner, 4 * inner * each)
    y = graph.add(y, graph.mul(x, needed(graph.weight(f"blk.{il}.ssm_d"))))
    y = graph.glu(graph.cont(z), y)
    out = graph.mm(il, "ssm_out", y)
    return graph.reshape(out, out.ne[0], each * sequences)


def _scan(graph: Graph, old: Node, x: Node, dt: Node, a: Node, b: Node, c: Node, ids: Node) -> Node:
    elements = x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3] + old.ne[0] * old.ne[1] * old.ne[2] * ids.ne[0]
    return graph.new(F32, (elements,), old, x, dt, a, b, c, ids)


def _store(graph: Graph, y: Node, cache: Node, size: int) -> None:
    """The new states behind the scan's results, into the cache."""
    sequences = graph.sequences
    new = graph.view_3d(y, (size, sequences, 1), 4 * size, 4 * size * sequences)
    target = graph.view_3d(cache, (size, sequences, 1), cache.strides()[1], cache.strides()[1] * cache.ne[1])
    graph.expand(graph.cpy(new, target))


def mamba2(graph: Graph, states: States, il: int, x: Node) -> Node:
    """Selective scan with a decay for each head."""
    inner, size = int(graph.number("ssm.inner_size")), int(graph.number("ssm.state_size"))
    heads, kernel = int(graph.number("ssm.time_step_rank")), int(graph.number("ssm.conv_kernel"))
    groups = int(graph.number("ssm.group_count"))
    head = inner // heads
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    channels = inner + 2 * groups * size
    cache, state = convolution_cache(graph, il), state_cache(graph, il)
    old = graph.reshape(load(graph, states, cache), kernel - 1, channels, sequences)
    mixed = graph.mm(il, "ssm_in", x)
    mixed = graph.reshape(mixed, mixed.ne[0], each, sequences)
    nb = mixed.strides()
    z = graph.view(mixed, (head, heads, each, sequences), (4, 4 * head, nb[1], nb[2]))
    dt = graph.view_3d(mixed, (heads, each, sequences), nb[1], nb[2])
    y = convolved(graph, il, cache, old, graph.view_3d(mixed, (channels, each, sequences), nb[1], nb[2]))
    y = graph.unary(graph.add(y, needed(graph.b(il, "ssm_conv1d"))))
    nb = y.strides()
    inputs = graph.view(y, (head, heads, each, sequences), (4, 4 * head, nb[1], nb[2]))
    b, c = (graph.view(y, (size, groups, each, sequences), (4, 4 * size, nb[1], nb[2])) for _ in range(2))
    dt = graph.add(graph.cont(dt), needed(graph.b(il, "ssm_dt")))
    decay = needed(graph.weight(f"blk.{il}.ssm_a"))

    def gather(rows: Node, ids: Node) -> Node:
        old_states = graph.reshape(rows, size, head, heads, graph.settings.slots)
        return _scan(graph, old_states, inputs, dt, decay, b, c, ids)

    scanned = load(graph, states, state, gather)
    _store(graph, scanned, state, size * inner)
    nb = inputs.strides()
    out = graph.view(scanned, (head, heads, each, sequences), (4, nb[1], heads * nb[1], each * heads * nb[1]))
    out = graph.add(out, graph.mul(inputs, needed(graph.weight(f"blk.{il}.ssm_d"))))
    out = graph.glu(graph.cont(z), out)
    norm = graph.w(il, "ssm_norm")
    if norm is not None:
        out = graph.reshape(out, inner // groups, groups, each, sequences)
        out = graph.normed(out, norm, None, il)
    return graph.mm(il, "ssm_out", graph.reshape(out, inner, each * sequences))


def short_convolution(graph: Graph, states: States, il: int, x: Node) -> Node:
    """Three projections; one gates the convolution's input, one its output."""
    length = int(graph.number("shortconv.l_cache")) - 1
    sequences, each = graph.sequences, graph.tokens // graph.sequences
    x = graph.reshape(x, x.ne[0], each, sequences)
    mixed = graph.mm(il, "shortconv.in_proj", x)
    nb = mixed.strides()
    width = mixed.ne[0] // 3
    b, c, x = (graph.view_3d(mixed, (width, each, sequences), nb[1], nb[2]) for _ in range(3))
    bx = graph.transpose(graph.mul(b, x))
    cache = convolution_cache(graph, il)
    old = graph.reshape(load(graph, states, cache), length, width, sequences)
    joined = graph.concat(old, bx, 0)
    keep_tail(graph, cache, joined, length)
    weight = needed(graph.w(il, "shortconv.conv"))
    y = graph.new(F32, (weight.ne[1], joined.ne[0] - weight.ne[0] + 1, joined.ne[2]), joined, weight)
    y = graph.mm(il, "shortconv.out_proj", graph.mul(c, y))
    return graph.reshape(y, y.ne[0], each * sequences)


def needed(node: Node | None) -> Node:
    """A tensor that the layer cannot do without."""
    if node is None:
        raise KeyError("a tensor of the recurrent layer")
    return node

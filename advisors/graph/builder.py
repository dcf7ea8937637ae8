"""A notation for compute graphs: each method makes one node, with the shape that ggml gives its result (ggml.c).

Nodes enter the graph when `expand` reaches them, sources first: the order of execution decides what can be reused.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...probe.model.ggml_types import GgmlType
from .node import (
    ATTENTION,
    EXPERTS,
    F16,
    F32,
    I32,
    LEAF,
    OTHER,
    PRODUCT,
    REUSING,
    ROPE,
    ROWS,
    VIEW,
    Node,
    Shape4,
    contiguous,
)  # fmt: skip


class Builder:
    """A graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.leaves: list[Node] = []

    def expand(self, *roots: Node) -> None:
        """Append the nodes that these need and are not there yet (ggml_build_forward_expand)."""
        for root in roots:
            if not root.seen:
                self._visit(root)

    def _visit(self, node: Node) -> None:
        node.seen = True
        for source in node.src:
            if not source.seen:
                self._visit(source)
        (self.nodes if node.op != LEAF else self.leaves).append(node)

    # Leaves.

    def placed(self, kind: GgmlType, ne: Shape4, backend: int, *, weight: bool) -> Node:
        """A tensor that lies in a buffer already: a weight or a cache."""
        node = Node(LEAF, kind, ne, [])
        node.placed, node.weight, node.backend = True, weight, backend
        return node

    def input(self, kind: GgmlType, *ne: int) -> Node:
        """A tensor that is filled from outside before every run."""
        node = Node(LEAF, kind, _four(ne), [])
        node.is_input = True
        return node

    # Element by element.

    def reusing(self, a: Node, *others: Node) -> Node:
        """add, mul, scale, silu ...: the shape of the first source, possibly in its memory."""
        return Node(REUSING, a.type, a.ne, [a, *others])

    add = sub = mul = div = scale = unary = clamp = sqr = fill = rms_norm = reusing

    def soft_max(self, a: Node, *others: Node) -> Node:
        """Over rows; with mask and sinks."""
        return Node(REUSING, a.type, a.ne, [a, *others])

    def rope(self, a: Node, positions: Node, factors: Node | None = None) -> Node:
        """Rotary positions."""
        return Node(ROPE, a.type, a.ne, [a, positions] if factors is None else [a, positions, factors])

    def like(self, a: Node, *others: Node) -> Node:
        """The shape and type of the first source, in new memory: norm, glu of two, dup, cumsum, tri ..."""
        return Node(OTHER, a.type, a.ne, [a, *others])

    norm = glu = dup = like

    def half(self, a: Node) -> Node:
        """A gated unit of one tensor that holds both halves in its rows."""
        return Node(OTHER, a.type, (a.ne[0] // 2, a.ne[1], a.ne[2], a.ne[3]), [a])

    # Products.

    def mul_mat(self, a: Node, b: Node) -> Node:
        """Matrix product; `a` is the weight."""
        return Node(PRODUCT, F32, (a.ne[1], b.ne[1], b.ne[2], b.ne[3]), [a, b])

    def mul_mat_id(self, a: Node, b: Node, ids: Node) -> Node:
        """Product with the experts chosen for each token."""
        return Node(EXPERTS, F32, (a.ne[1], ids.ne[0], b.ne[2], 1), [a, b, ids])

    def flash_attn(self, q: Node, k: Node, v: Node, mask: Node | None, sinks: Node | None) -> Node:
        """Fused attention."""
        sources = [q, k, v] if mask is None else [q, k, v, mask]
        if sinks is not None:
            sources.append(sinks)
        return Node(ATTENTION, F32, (v.ne[0], q.ne[2], q.ne[1], q.ne[3]), sources)

    # Rows.

    def get_rows(self, a: Node, rows: Node) -> Node:
        """Gather."""
        return Node(ROWS, I32 if a.type is I32 else F32, (a.ne[0], *rows.ne[:3]), [a, rows])

    def set_rows(self, a: Node, b: Node, rows: Node) -> Node:
        """Scatter `b` into `a`; the result is a view of it."""
        return Node(OTHER, a.type, a.ne, [b, rows, a], a.root or a, a.nb)

    def sum_rows(self, a: Node) -> Node:
        """One number a row."""
        return Node(OTHER, a.type, (1, *a.ne[1:]), [a])

    def argsort(self, a: Node) -> Node:
        """Order of each row."""
        return Node(OTHER, I32, a.ne, [a])

    def top_k(self, a: Node, k: int) -> Node:
        """The first k of the order: a view of all of it (ggml_argsort_top_k)."""
        order = self.argsort(a)
        return self.view(order, (k, *order.ne[1:]), contiguous(I32, order.ne))

    # Copies and shapes.

    def new(self, kind: GgmlType, ne: Sequence[int], *sources: Node) -> Node:
        """Any other operation: a new tensor."""
        return Node(OTHER, kind, _four(ne), list(sources))

    def cont(self, a: Node, *ne: int) -> Node:
        """A contiguous copy."""
        return Node(OTHER, a.type, _four(ne) if ne else a.ne, [a])

    def cast(self, a: Node, kind: GgmlType) -> Node:
        """A copy in another type."""
        return Node(OTHER, kind, a.ne, [a])

    def half_precision(self, a: Node) -> Node:
        """A copy in 16 bits where it is in 32."""
        return self.cast(a, F16) if a.type is F32 else a

    def cpy(self, a: Node, b: Node) -> Node:
        """Copy into another tensor; the result is a view of that."""
        return Node(OTHER, b.type, b.ne, [a, b], b.root or b, b.nb)

    def scale_inplace(self, a: Node) -> Node:
        """Scaled where it lies."""
        return Node(REUSING, a.type, a.ne, [a], a.root or a, a.nb)

    def concat(self, a: Node, b: Node, axis: int) -> Node:
        """Joined along an axis."""
        ne = list(a.ne)
        ne[axis] += b.ne[axis]
        return Node(OTHER, a.type, _four(ne), [a, b])

    def repeat(self, a: Node, *ne: int) -> Node:
        """Copied as often as needed."""
        return Node(OTHER, a.type, _four(ne), [a])

    def pad(self, a: Node, *more: int) -> Node:
        """Zeros at the end of each dimension."""
        extra = _four((*more, 0, 0, 0, 0)[:4], 0)
        return Node(OTHER, a.type, _four([x + y for x, y in zip(a.ne, extra, strict=True)]), [a])

    def view(self, a: Node, ne: Sequence[int], nb: Shape4) -> Node:
        """A part, with the strides given."""
        shape = _four(ne)
        return Node(VIEW, a.type, shape, [a], a.root or a, None if nb == contiguous(a.type, shape) else nb)

    def reshape(self, a: Node, *ne: int) -> Node:
        """The same bytes in another shape."""
        return Node(VIEW, a.type, _four(ne), [a], a.root or a)

    def permute(self, a: Node, *axes: int) -> Node:
        """Dimension i becomes dimension `axes[i]`."""
        old = a.nb or contiguous(a.type, a.ne)
        ne, nb = [0] * 4, [0] * 4
        for source, target in enumerate(axes):
            ne[target], nb[target] = a.ne[source], old[source]
        shape, strides = _four(ne), _four(nb)
        return Node(VIEW, a.type, shape, [a], a.root or a, None if strides == contiguous(a.type, shape) else strides)

    def transpose(self, a: Node) -> Node:
        """The first two dimensions swapped."""
        return self.permute(a, 1, 0, 2, 3)

    def view_3d(self, a: Node, ne: tuple[int, int, int], nb1: int, nb2: int) -> Node:
        """A part of three dimensions."""
        return self.view(a, ne, (a.type.block_bytes, nb1, nb2, nb2 * ne[2]))

    def view_2d(self, a: Node, ne0: int, ne1: int, nb1: int) -> Node:
        """A part of two dimensions."""
        return self.view(a, (ne0, ne1), (a.type.block_bytes, nb1, nb1 * ne1, nb1 * ne1))


def _four(ne: Sequence[int], fill: int = 1) -> Shape4:
    count = len(ne)
    if count == 4:
        return ne[0], ne[1], ne[2], ne[3]
    if count == 3:
        return ne[0], ne[1], ne[2], fill
    if count == 2:
        return ne[0], ne[1], fill, fill
    return ne[0], fill, fill, fill

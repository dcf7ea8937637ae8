"""One tensor of a compute graph, as far as memory is concerned: its bytes, its sources, and what it may overwrite."""

from __future__ import annotations

from ...probe.model.ggml_types import TYPES_BY_NAME, GgmlType

F32 = TYPES_BY_NAME["f32"]
F16 = TYPES_BY_NAME["f16"]
I32 = TYPES_BY_NAME["i32"]
I64 = TYPES_BY_NAME["i64"]

Shape4 = tuple[int, int, int, int]

# What is done, as far as the scheduler and the allocator tell operations apart.
LEAF = 0
"""No operation: weights, caches, inputs, copies."""
VIEW = 1
"""view, reshape, permute, transpose: no bytes of their own, and no place in the splitting."""
OTHER = 2
REUSING = 3
"""May be computed in the memory of a source that nobody needs afterwards (ggml_op_can_inplace)."""
ROPE = 4
"""Reusing; its factors are too small to decide where it runs."""
ATTENTION = 5
"""Fused attention; its sinks are too small to decide where it runs."""
ROWS = 6
"""get_rows: never worth moving weights for."""
PRODUCT = 7
"""mul_mat."""
EXPERTS = 8
"""mul_mat_id."""


class Node:
    """A tensor."""

    placed = False
    """Lies in a buffer of its own already: weights and caches."""
    weight = False
    movable = False
    """A weight in plain host memory, which a device may fetch for a large batch."""
    is_input = False
    is_output = False
    pinned = -1
    """The backend that it must run on."""

    feed: list[Node]
    """The sources, or copies of them on the node's own backend."""

    # Working fields of builder, scheduler and allocator.
    seen = False
    backend = -1
    children = 0
    views = 0
    holds = False
    address = 0
    where = 0

    def __init__(
        self, op: int, kind: GgmlType, ne: Shape4, src: list[Node], root: Node | None = None, nb: Shape4 | None = None
    ) -> None:
        self.op = op
        self.type = kind
        self.ne = ne
        self.nb = nb  # strides in bytes; None where contiguous
        self.src = src
        self.root = root  # the tensor whose memory this one is a view of
        if nb is None:
            self.size = ne[0] // kind.block * kind.block_bytes * ne[1] * ne[2] * ne[3]
        else:
            self.size = strided_bytes(kind, ne, nb)

    def strides(self) -> Shape4:
        """In bytes, fastest dimension first."""
        return self.nb or contiguous(self.type, self.ne)


def contiguous(kind: GgmlType, ne: Shape4) -> Shape4:
    """The strides of a tensor without gaps."""
    row = ne[0] // kind.block * kind.block_bytes
    return kind.block_bytes, row, row * ne[1], row * ne[1] * ne[2]


def strided_bytes(kind: GgmlType, ne: Shape4, nb: Shape4) -> int:
    """From the first byte to the last (ggml_nbytes)."""
    if not (ne[0] and ne[1] and ne[2] and ne[3]):
        return 0
    first = kind.block_bytes + (ne[0] - 1) * nb[0] if kind.block == 1 else ne[0] * nb[0] // kind.block
    return first + (ne[1] - 1) * nb[1] + (ne[2] - 1) * nb[2] + (ne[3] - 1) * nb[3]

"""How much memory a scheduled graph takes on each backend: ggml's allocator (ggml-alloc.c, b11434) played through.

Tensors come and go in order of execution; each takes the smallest hole that fits, or its source's memory where the
operation allows that and nobody else needs it.
"""

from .node import ATTENTION, LEAF, REUSING, ROPE, Node
from .scheduler import Schedule
from .traits import Traits


class _Arena:
    """Offsets of one buffer. `holes` are (offset, size), ascending; beyond the last hole nothing is in use."""

    __slots__ = ("holes", "peak")

    def __init__(self) -> None:
        self.holes: list[list[int]] = [[0, 1 << 62]]
        self.peak = 0

    def take(self, size: int) -> int:
        best = -1
        best_size = 1 << 62
        holes = self.holes
        for at in range(len(holes) - 1):
            hole_size = holes[at][1]
            if size <= hole_size <= best_size:
                best, best_size = at, hole_size
        hole = holes[best]
        offset = hole[0]
        hole[0] = offset + size
        hole[1] -= size
        if not hole[1]:
            del holes[best]
        if offset + size > self.peak:
            self.peak = offset + size
        return offset

    def give(self, offset: int, size: int) -> None:
        end = offset + size
        holes = self.holes
        for at, hole in enumerate(holes):
            start = hole[0]
            if start + hole[1] == offset:
                hole[1] += size
                if at + 1 < len(holes) and holes[at + 1][0] == end:
                    hole[1] += holes[at + 1][1]
                    del holes[at + 1]
                return
            if end == start:
                # The hole before cannot touch: it would have been met first.
                hole[0] = offset
                hole[1] += size
                return
            if start > offset:
                holes.insert(at, [offset, size])
                return
        holes.append([offset, size])


class _Allocation:
    def __init__(self, backends: int, traits: Traits) -> None:
        self.arenas = [_Arena() for _ in range(backends)]
        self.traits = traits
        self.processor = backends - 1
        self.masks = [traits.alignment - 1] * (backends - 1) + [traits.host_alignment - 1]

    def bytes_of(self, node: Node, backend: int) -> int:
        """In a buffer of the backend, with its padding."""
        size = node.size
        if backend != self.processor:
            traits = self.traits
            if node.op == ATTENTION and traits.attention_scratch:
                size = attention_bytes(node)
            if traits.row_padding and node.type.block > 1 and node.ne[0] % traits.row_padding:
                size += node.type.row_bytes(traits.row_padding - node.ne[0] % traits.row_padding)
        mask = self.masks[backend]
        return (size + mask) & ~mask

    def place(self, node: Node, backend: int) -> None:
        """Give memory to a node that has none, is no view and lies nowhere yet."""
        node.holds = True
        if (node.op == REUSING or node.op == ROPE) and self._reuse(node):
            return
        node.where = backend
        node.address = self.arenas[backend].take(self.bytes_of(node, backend))

    def _reuse(self, node: Node) -> bool:
        for owner in node.feed:
            # A view holds nothing itself, so ggml never overwrites through one.
            if (
                owner.holds and owner.children == 1 and not owner.views and not owner.is_output
                and owner.ne == node.ne and owner.nb is None and owner.type is node.type
            ):  # fmt: skip
                node.where, node.address = owner.where, owner.address
                owner.holds = False
                self._trim(node, owner)
                return True
        return False

    def _trim(self, node: Node, owner: Node) -> None:
        before, after = self.bytes_of(owner, owner.where), self.bytes_of(node, owner.where)
        if before > after:
            self.arenas[owner.where].give(owner.address + after, before - after)

    def free(self, node: Node) -> None:
        """Outputs are never freed."""
        if not node.is_output:
            node.holds = False
            self.arenas[node.where].give(node.address, self.bytes_of(node, node.where))

    def unused(self, node: Node) -> None:
        """Nobody needs a node any more, nor a view of it."""
        root = node.root
        if root is None:
            if node.holds:
                self.free(node)
            return
        root.views -= 1
        if not root.views and not root.children and root.holds:
            self.free(root)


def attention_bytes(node: Node) -> int:
    """The result and, behind it, f16 copies of keys and values that are kept in another type (fattn-common.cuh)."""
    size = node.size
    query, key, value = node.feed[:3]
    if query.ne[1] <= 2:
        return size
    for cache in (key, value):
        if cache.type.name != "f16" and not (cache is value and value.root is key.root and key.root is not None):
            size = -(-size // 128) * 128 + 2 * cache.ne[0] * cache.ne[1] * cache.ne[2] * cache.ne[3]
    return size


def _count_users(plan: Schedule) -> None:
    for node, keep in plan.steps:
        if keep:
            node.children += 1
            continue
        if node.root is not None and node.op != LEAF:
            node.root.views += 1
        for source in node.feed:
            source.children += 1


def allocate(plan: Schedule, backends: int, traits: Traits) -> list[int]:
    """Bytes of each backend's compute buffer."""
    run = _Allocation(backends, traits)
    for leaf in plan.leaves:
        if not (leaf.placed or leaf.holds or leaf.root):
            run.place(leaf, leaf.backend)
    _count_users(plan)
    for node, keep in plan.steps:
        sources = (node,) if keep else node.feed
        backend = node.backend
        for source in sources:
            if not (source.holds or source.placed or source.root):
                run.place(source, backend)
        if not (keep or node.holds or node.placed or node.root):
            run.place(node, backend)
        for source in sources:
            source.children -= 1
            if not (source.children or source.views):
                run.unused(source)
    return [arena.peak for arena in run.arenas]

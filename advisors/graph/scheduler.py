"""Which backend runs which node, and which tensors are copied between them (ggml_backend_sched_split_graph, b11434)."""

from typing import NamedTuple

from .builder import Builder
from .node import ATTENTION, EXPERTS, LEAF, PRODUCT, ROPE, ROWS, VIEW, Node
from .traits import Traits


class Schedule(NamedTuple):
    """The graph as it is handed to the allocator."""

    leaves: list[Node]
    steps: list[tuple[Node, bool]]
    """Nodes in order of execution; True where only to keep a tensor alive until here, before it is copied."""


def schedule(graph: Builder, processor: int, traits: Traits, *, offload: bool, pipeline: bool, pins: bool) -> Schedule:
    """`processor` is the number of the CPU's backend, the last. `pins`: pinned nodes run where they are pinned to."""
    for node in (*graph.leaves, *graph.nodes):
        node.children = node.views = 0
        node.holds = False
        node.feed = node.src
        if not node.placed:
            node.backend = -1
    if processor == 0:
        return Schedule(graph.leaves, [(node, False) for node in graph.nodes])
    _by_memory(graph, processor, traits.offload_rows if offload else None, pins=pins)
    _spread(graph.nodes, processor)
    _by_use(graph.nodes)
    return _split(graph, traits.copies if pipeline else 1)


def _rows(node: Node) -> int:
    if node.op == PRODUCT:
        return node.ne[1]
    if node.op == EXPERTS:
        return node.ne[2]
    if node.op == ROWS:
        return 0
    return node.ne[1] * node.ne[2] * node.ne[3]


def _by_memory(graph: Builder, processor: int, offload_rows: int | None, *, pins: bool) -> None:
    """Where a node's memory is, it runs; else where its weights are, unless the batch is worth moving them."""
    for leaf in graph.leaves:
        if leaf.is_input:
            leaf.backend = processor
    for node in graph.nodes:
        if pins and node.pinned >= 0:
            node.backend = node.pinned
            continue
        root = node.root
        if root is not None and root.placed:
            node.backend = root.backend
            continue
        if node.op == ROPE or node.op == ATTENTION:
            continue
        for source in node.src:
            if source.weight:
                node.backend = source.backend
                if offload_rows is not None and source.movable and _rows(node) >= offload_rows:
                    node.backend = 0
                break


def _spread(nodes: list[Node], processor: int) -> None:
    """Neighbours follow: devices first, downwards and upwards; then whatever there is."""
    work = [node for node in nodes if node.op != VIEW]
    for order, skip in ((work, processor), (work[::-1], processor), (work, -1), (work[::-1], -1)):
        current = -1
        for node in order:
            backend = node.backend
            if backend >= 0:
                current = -1 if backend == skip else backend
            elif current >= 0:
                node.backend = current


def _by_use(nodes: list[Node]) -> None:
    for node in nodes:
        if node.backend < 0 and node.root is not None:
            node.backend = node.root.backend
        for source in node.src:
            if source.backend < 0:
                source.backend = source.root.backend if source.root is not None else node.backend
        if node.backend < 0:
            node.backend = 0


def _copy(node: Node, backend: int, *, kept: bool) -> Node:
    copy = Node(LEAF, node.type, node.ne, [], None, node.nb)
    copy.feed = copy.src
    copy.backend = backend
    copy.is_input = copy.is_output = kept
    return copy


def _split(graph: Builder, copies: int) -> Schedule:
    """Runs of nodes on one backend; each begins with the copies of what it needs from others."""
    made: dict[tuple[int, int], list[Node]] = {}
    steps: list[tuple[Node, bool]] = []
    split_leaves: list[Node] = []
    head: list[tuple[Node, bool]] = []  # copies at the start of the current split
    body: list[tuple[Node, bool]] = []
    current = next((node.backend for node in graph.nodes if node.op != VIEW), 0)
    for node in graph.nodes:
        if node.op == VIEW:
            body.append((node, False))
            continue
        backend = node.backend
        fresh = backend != current
        if not fresh and head:
            # Weights of an earlier offloaded product can go once a new split begins.
            fresh = any(source.weight and source.backend != current for source in node.src)
        if fresh:
            steps += head
            steps += body
            head, body = [], []
            current = backend
        for at, source in enumerate(node.src):
            if source.backend != current:
                if node.feed is node.src:
                    node.feed = list(node.src)
                key = (id(source), current)
                made_here = made.get(key)
                if made_here is None:
                    made_here = made[key] = [_copy(source, current, kept=copies > 1) for _ in range(copies)]
                    head += ((source, True), (made_here[0], False))
                    split_leaves += made_here
                node.feed[at] = made_here[0]
        body.append((node, False))
    steps += head
    steps += body
    if copies == 1:
        return Schedule(graph.leaves, steps)
    inputs: list[Node] = []
    for leaf in graph.leaves:
        if leaf.is_input:
            leaf.is_output = True
            inputs += [leaf, *(_copy(leaf, leaf.backend, kept=True) for _ in range(copies - 1))]
    return Schedule(inputs + split_leaves + graph.leaves, steps)

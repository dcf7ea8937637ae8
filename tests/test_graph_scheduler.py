"""Who runs what, and what is copied, on graphs of a few nodes."""

from llmtune.advisors.graph.builder import Builder
from llmtune.advisors.graph.node import F32, Node
from llmtune.advisors.graph.scheduler import Schedule, schedule
from llmtune.advisors.graph.traits import CUDA

FIRST, SECOND, HOST = 0, 1, 2


def weight(graph: Builder, backend: int) -> Node:
    node = graph.placed(F32, (64, 64, 1, 1), backend, weight=True)
    node.movable = backend == HOST
    return node


def planned(graph: Builder, *, offload: bool = True, pipeline: bool = False, pins: bool = True) -> Schedule:
    return schedule(graph, HOST, CUDA, offload=offload, pipeline=pipeline, pins=pins)


def copies(plan: Schedule) -> list[Node]:
    return [node for node, keep in plan.steps if keep]


def test_a_product_runs_where_its_weight_is() -> None:
    graph = Builder()
    x = graph.input(F32, 64, 8)
    nodes = []
    for backend in (HOST, FIRST, SECOND):
        x = graph.mul_mat(weight(graph, backend), x)
        nodes.append(x)
    graph.expand(x)
    plan = planned(graph)
    assert [node.backend for node in nodes] == [HOST, FIRST, SECOND]
    assert copies(plan) == nodes[:2]


def test_a_large_batch_fetches_host_weights_to_the_first_device() -> None:
    for rows, backend in ((31, HOST), (32, FIRST)):
        graph = Builder()
        far = weight(graph, HOST)
        product = graph.mul_mat(far, graph.input(F32, 64, rows))
        graph.expand(product)
        plan = planned(graph)
        assert product.backend == backend
        assert (far in copies(plan)) == (backend == FIRST)


def test_nothing_is_fetched_if_told_so_or_if_the_weight_is_repacked() -> None:
    for told, movable in ((True, True), (False, False)):
        graph = Builder()
        far = weight(graph, HOST)
        far.movable = movable
        product = graph.mul_mat(far, graph.input(F32, 64, 512))
        graph.expand(product)
        planned(graph, offload=not told)
        assert product.backend == HOST


def test_neighbours_without_weights_follow_the_device() -> None:
    graph = Builder()
    x = graph.mul_mat(weight(graph, FIRST), graph.input(F32, 64, 8))
    between = graph.scale(graph.unary(x))
    graph.expand(graph.mul_mat(weight(graph, SECOND), between))
    planned(graph)
    assert between.backend == FIRST


def test_a_pinned_node_stays_where_it_is_pinned_if_pins_count() -> None:
    for pins, backend in ((True, SECOND), (False, FIRST)):
        graph = Builder()
        x = graph.mul_mat(weight(graph, FIRST), graph.input(F32, 64, 8))
        norm = graph.rms_norm(x)
        norm.pinned = SECOND
        graph.expand(graph.mul_mat(weight(graph, SECOND), norm))
        planned(graph, pins=pins)
        assert norm.backend == backend


def test_each_fetched_weight_begins_a_new_split() -> None:
    graph = Builder()
    x = graph.input(F32, 64, 64)
    for _ in range(3):
        x = graph.mul_mat(weight(graph, HOST), x)
    graph.expand(x)
    plan = planned(graph)
    order = ["copy" if keep else "leaf" if not node.src else "product" for node, keep in plan.steps]
    # The first split fetches its weight and the input.
    assert order[-6:] == ["copy", "leaf", "product"] * 2


def test_one_copy_serves_all_users_on_a_device() -> None:
    graph = Builder()
    x = graph.input(F32, 64, 8)
    first, second = (graph.mul_mat(weight(graph, FIRST), x) for _ in range(2))
    graph.expand(graph.add(first, second))
    plan = planned(graph)
    assert copies(plan) == [x]
    assert first.feed[1] is second.feed[1]
    assert first.src[1] is x


def test_pipelined_devices_keep_four_of_each_input() -> None:
    graph = Builder()
    x = graph.input(F32, 64, 8)
    graph.expand(graph.mul_mat(weight(graph, FIRST), x))
    plan = planned(graph, pipeline=True)
    assert sum(leaf.is_input and leaf.backend == FIRST for leaf in plan.leaves) == 4
    assert sum(leaf.is_input and leaf.backend == HOST for leaf in plan.leaves) >= 4


def test_the_same_graph_can_be_scheduled_again() -> None:
    graph = Builder()
    graph.expand(graph.mul_mat(weight(graph, FIRST), graph.mul_mat(weight(graph, HOST), graph.input(F32, 64, 8))))
    first, again = planned(graph), planned(graph)
    assert [keep for _, keep in first.steps] == [keep for _, keep in again.steps]

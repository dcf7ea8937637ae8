"""The allocator's rules, on graphs of a few nodes."""

from llmtune.advisors.graph.allocator import allocate, attention_bytes
from llmtune.advisors.graph.builder import Builder
from llmtune.advisors.graph.node import F32, Node
from llmtune.advisors.graph.scheduler import schedule
from llmtune.advisors.graph.traits import CUDA, PROCESSOR
from llmtune.probe.model.ggml_types import TYPES_BY_NAME

ROW = 1024
BYTES = 4 * ROW


def peak(graph: Builder) -> int:
    plan = schedule(graph, 0, PROCESSOR, offload=False, pipeline=False, pins=True)
    return allocate(plan, 1, PROCESSOR)[0]


def weight(graph: Builder, outer: int = ROW, backend: int = 0) -> Node:
    return graph.placed(F32, (ROW, outer, 1, 1), backend, weight=True)


def test_an_operation_that_may_overwrites_its_source() -> None:
    graph = Builder()
    x = graph.input(F32, ROW)
    graph.expand(graph.scale(graph.scale(x)))
    assert peak(graph) == BYTES


def test_a_source_that_is_needed_later_is_not_overwritten() -> None:
    graph = Builder()
    x = graph.input(F32, ROW)
    graph.expand(graph.add(graph.scale(x), x))
    assert peak(graph) == 2 * BYTES


def test_products_take_new_memory_and_give_back_what_is_used_up() -> None:
    graph = Builder()
    x = graph.input(F32, ROW)
    for _ in range(5):
        x = graph.mul_mat(weight(graph), x)
    graph.expand(x)
    assert peak(graph) == 2 * BYTES


def test_an_output_is_kept() -> None:
    graph = Builder()
    x = graph.mul_mat(weight(graph), graph.input(F32, ROW))
    x.is_output = True
    for _ in range(3):
        x = graph.mul_mat(weight(graph), x)
    graph.expand(x)
    assert peak(graph) == 3 * BYTES


def test_a_view_keeps_its_tensor_alive() -> None:
    for viewed, rows in ((False, 2), (True, 3)):
        graph = Builder()
        x = graph.mul_mat(weight(graph), graph.input(F32, ROW))
        part = graph.view_2d(x, ROW // 2, 1, BYTES)
        y = graph.mul_mat(weight(graph), graph.mul_mat(weight(graph), x))
        graph.expand(graph.new(F32, (ROW // 2,), y, *([part] if viewed else [])))
        assert peak(graph) == rows * BYTES


def test_the_smallest_hole_that_fits_is_taken() -> None:
    graph = Builder()
    small, large = graph.input(F32, ROW), graph.input(F32, 4 * ROW)
    keep = graph.new(F32, (ROW,), small, large)
    graph.expand(keep)
    after = graph.new(F32, (ROW,), keep)
    graph.expand(after, graph.new(F32, (4 * ROW,), keep, after))
    # The small result goes where the small input was, so that the large one finds the large input's place.
    assert peak(graph) == 6 * BYTES


def test_sizes_are_rounded_up_to_the_alignment() -> None:
    graph = Builder()
    graph.expand(graph.scale(graph.input(F32, 3)))
    assert peak(graph) == PROCESSOR.alignment


def test_attention_scratch_is_for_caches_of_other_types_only() -> None:
    graph = Builder()
    sizes = {}
    for name in ("f16", "q8_0"):
        kind = TYPES_BY_NAME[name]
        q = graph.input(F32, 64, 32, 8)
        k, v = (graph.placed(kind, (64, 256, 2, 1), 0, weight=False) for _ in range(2))
        node = graph.flash_attn(q, k, v, None, None)
        node.feed = node.src
        sizes[name] = attention_bytes(node) - node.size
    assert sizes == {"f16": 0, "q8_0": 2 * 2 * 64 * 256 * 2}


def test_quantized_rows_are_padded_on_a_device() -> None:
    graph = Builder()
    kind = TYPES_BY_NAME["q8_0"]
    far = graph.placed(kind, (64, 8, 1, 1), 1, weight=True)
    far.movable = True
    graph.expand(graph.mul_mat(far, graph.input(F32, 64, 64)))
    plan = schedule(graph, 1, CUDA, offload=True, pipeline=False, pins=True)
    device, _ = allocate(plan, 2, CUDA)
    copy = kind.row_bytes(64) * 8 + kind.row_bytes(512 - 64)
    rounded = -(-copy // 128) * 128
    assert device == rounded + 64 * 64 * 4 + 8 * 64 * 4

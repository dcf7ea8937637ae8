"""Placements: what fits goes on the GPUs, experts leave before layers, and a context is a promise."""

from pathlib import Path

import pytest
from made_gguf import dense_metadata, dense_tensors, write_gguf
from made_machines import GIB, gpu, machine, snapshot

from llmtune.advisors.candidates import Candidate, Evaluator
from llmtune.advisors.memory.table import shortfall_bytes
from llmtune.advisors.request import Request
from llmtune.advisors.resources import Resources
from llmtune.advisors.search import Outcome, search
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.model.types import Model

LLAMA_8B = {"layers": 32, "embedding": 4096, "ffn": 14336, "heads": 32, "kv_heads": 8, "vocabulary": 128256}


def read(path: Path) -> Model:
    return read_gguf(Host(LiveSource()), str(path))


@pytest.fixture
def eight(tmp_path: Path) -> Model:
    """8 billion parameters, 4.3 GiB, 128 KiB of cache a token."""
    keys = dense_metadata(context=131072, **LLAMA_8B)  # type: ignore[arg-type]
    return read(write_gguf(tmp_path / "eight.gguf", keys, dense_tensors(**LLAMA_8B)))  # type: ignore[arg-type]


@pytest.fixture
def mixture(tmp_path: Path) -> Model:
    """48 layers of 128 experts, 8 of them used: 16 GiB."""
    sizes = {"layers": 48, "embedding": 2048, "heads": 32, "kv_heads": 4, "vocabulary": 151936}
    keys = dense_metadata(
        "qwen3moe",
        ffn=6144,
        context=262144,
        expert_count=128,
        expert_used_count=8,
        expert_feed_forward_length=768,
        **sizes,
    )
    tensors = dense_tensors(ffn=768, experts=128, **sizes)  # type: ignore[arg-type]
    return read(write_gguf(tmp_path / "mix.gguf", keys, tensors))


def find(tmp_path: Path, model: Model, resources: Resources, **request: object) -> Outcome:
    wanted = Request(**request)  # type: ignore[arg-type]
    cpus = len(resources.processor.cpu_list)
    return search(Evaluator(model, snapshot(tmp_path / "machine", cpus), resources, wanted))


def best(outcome: Outcome) -> Candidate:
    assert outcome.best is not None
    for place in outcome.best.memory.places:
        assert (shortfall_bytes(place) or 0) <= 0
    return outcome.best


def test_what_fits_goes_on_the_gpu_with_all_the_context_that_costs_nothing(tmp_path: Path, eight: Model) -> None:
    found = best(find(tmp_path, eight, machine(gpu())))
    assert (found.placement.gpu_layers, found.layers_on_host, found.settings.type_k) == (33, 0, "f16")
    assert found.settings.context == 32768
    longest = best(find(tmp_path, eight, machine(gpu()), goal="context"))
    assert longest.settings.context > 100_000


def test_memory_that_others_hold_is_not_ours(tmp_path: Path, eight: Model) -> None:
    found = best(find(tmp_path, eight, machine(gpu(free_gib=4))))
    assert 0 < found.placement.gpu_layers < 33
    device = found.memory.devices[0]
    assert device.total_bytes + device.margin_bytes <= 4 * GIB
    assert best(find(tmp_path, eight, machine(gpu(free_gib=0.2)))).placement.devices == ()


def test_the_fullest_placement_that_fits(tmp_path: Path, eight: Model) -> None:
    found = best(find(tmp_path, eight, machine(gpu(free_gib=4)), context=8192))
    device = found.memory.devices[0]
    layer = sum(tensor.size_bytes for tensor in eight.tensors if tensor.name.startswith("blk.0."))
    left = 4 * GIB - device.total_bytes - device.margin_bytes
    assert left < 2 * layer + device.kv_bytes // max(found.placement.gpu_layers - 1, 1)


def test_experts_leave_before_layers(tmp_path: Path, mixture: Model) -> None:
    found = best(find(tmp_path, mixture, machine(gpu(total_gib=12))))
    assert (found.layers_on_host, found.placement.gpu_layers) == (0, 49)
    assert 0 < found.layout.cpu_expert_layers < 48
    assert found.settings.context >= 8192


def test_a_context_that_was_asked_for_is_kept(tmp_path: Path, mixture: Model) -> None:
    found = best(find(tmp_path, mixture, machine(gpu(total_gib=12)), context=131072))
    assert found.settings.context == 131072


def test_the_fastest_card_alone_where_it_is_enough(tmp_path: Path, eight: Model) -> None:
    slow, fast = gpu("CUDA0", total_gib=12, bandwidth_gb=360), gpu("CUDA1", total_gib=24, bandwidth_gb=1008)
    assert best(find(tmp_path, eight, machine(slow, fast))).placement.devices == ("CUDA1",)


def test_unlike_cards_share_by_what_is_free(tmp_path: Path, mixture: Model) -> None:
    cards = gpu("CUDA0", total_gib=12, bandwidth_gb=936), gpu("CUDA1", total_gib=12, free_gib=9, bandwidth_gb=360)
    found = best(find(tmp_path, mixture, machine(*cards)))
    assert (found.placement.devices, found.layers_on_host) == (("CUDA0", "CUDA1"), 0)
    assert sum(found.placement.layers_per_device) == 49
    assert found.placement.layers_per_device[0] > found.placement.layers_per_device[1]


def test_one_memory_is_counted_once(tmp_path: Path, mixture: Model) -> None:
    shared = gpu(total_gib=32, free_gib=30, bandwidth_gb=256, unified=True)
    assert best(find(tmp_path, mixture, machine(shared, ram_gib=32, free_gib=30))).layers_on_host == 0
    tight = find(tmp_path, mixture, machine(shared, ram_gib=32, free_gib=12))
    assert tight.best is None


def test_nothing_fits(tmp_path: Path, mixture: Model) -> None:
    outcome = find(tmp_path, mixture, machine(ram_gib=8))
    assert outcome.best is None
    assert outcome.closest is not None
    assert outcome.closest.shortfall_bytes > 8 * GIB


def test_slots_share_what_was_asked_for_each(tmp_path: Path, eight: Model) -> None:
    found = best(find(tmp_path, eight, machine(gpu()), users=4, context=8192, goal="throughput"))
    assert (found.settings.slots, found.settings.context, found.settings.unified_kv) == (4, 32768, True)


def test_a_coarser_cache_must_earn_its_place(tmp_path: Path, eight: Model) -> None:
    assert best(find(tmp_path, eight, machine(gpu(free_gib=4)), goal="quality")).settings.type_k == "f16"
    assert best(find(tmp_path, eight, machine(gpu()), context=8192)).settings.type_k == "f16"


def test_cards_alike_leave_room_for_context_on_each(tmp_path: Path, mixture: Model) -> None:
    found = best(find(tmp_path, mixture, machine(gpu("CUDA0", total_gib=12), gpu("CUDA1", total_gib=12))))
    first, second = found.placement.layers_per_device
    assert abs(first - second) <= 2
    assert found.settings.context == 32768


def test_prompts_pass_in_larger_batches_where_experts_cross_the_bus(tmp_path: Path, mixture: Model) -> None:
    assert best(find(tmp_path, mixture, machine(gpu(total_gib=12)))).settings.ubatch == 2048
    assert best(find(tmp_path, mixture, machine(gpu(total_gib=24)))).settings.ubatch == 512


def test_context_may_take_more_cards_than_the_model_needs(tmp_path: Path, eight: Model) -> None:
    cards = gpu("CUDA0", total_gib=12), gpu("CUDA1", total_gib=12)
    assert len(best(find(tmp_path, eight, machine(*cards))).placement.devices) == 1
    found = best(find(tmp_path, eight, machine(*cards), goal="context"))
    assert (len(found.placement.devices), found.layers_on_host) == (2, 0)

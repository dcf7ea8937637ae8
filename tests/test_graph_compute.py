"""What compute_buffers promises beside the recorded numbers."""

import time
from pathlib import Path

import pytest
from made_models import write_made

from llmtune.advisors.graph.compute import ComputeBuffers, Mode, compute_buffers, pipelined
from llmtune.advisors.graph.traits import CUDA
from llmtune.advisors.memory.places import weight_places
from llmtune.advisors.settings import Override, Placement, Settings
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.model.types import Model

SETTINGS = Settings(context=4096, slots=1, unified_kv=True, mapped=False)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return read_gguf(Host(LiveSource()), str(write_made("llama", tmp_path_factory.mktemp("models"))))


def split(model: Model, *layers: int) -> Placement:
    names = tuple("ABC"[: len(layers)])
    return Placement(devices=names, gpu_layers=sum(layers), layers_per_device=layers)


def buffers(model: Model, placement: Placement, settings: Settings = SETTINGS, mode: Mode = "both") -> ComputeBuffers:
    return compute_buffers(model, placement, settings, weight_places(model, placement, settings), mode=mode)


def test_more_of_anything_never_needs_less(llama: Model) -> None:
    placement = split(llama, 11)
    base = buffers(llama, placement)
    for change in ({"context": 65536}, {"ubatch": 1024}, {"output_rows": 512}, {"flash_attention": False}):
        more = buffers(llama, placement, SETTINGS.model_copy(update=change))
        assert more.devices["A"] >= base.devices["A"]
        assert more.host >= base.host


def test_the_engines_own_estimate_forgets_where_norms_are_pinned(llama: Model) -> None:
    placement = split(llama, 5, 6)
    run, dry, both = (buffers(llama, placement, mode=mode) for mode in ("run", "dry", "both"))
    # A norm of the second device's first layer is computed on the first, and copied four times over.
    assert dry.devices["B"] - run.devices["B"] == 4 * 4 * llama.shape.embedding * SETTINGS.ubatch
    assert both.devices["B"] == dry.devices["B"]
    assert run.devices["A"] == dry.devices["A"]


def test_devices_work_in_a_pipeline_only_if_all_is_offloaded_without_exceptions(llama: Model) -> None:
    whole = split(llama, 5, 6)
    assert pipelined(llama, whole, SETTINGS, CUDA)
    assert not pipelined(llama, split(llama, 11), SETTINGS, CUDA)
    assert not pipelined(llama, split(llama, 5, 5), SETTINGS, CUDA)
    assert not pipelined(llama, whole, SETTINGS.model_copy(update={"kv_offload": False}), CUDA)
    moved = whole.model_copy(update={"overrides": (Override("ffn_down", "host"),)})
    assert not pipelined(llama, moved, SETTINGS, CUDA)
    assert buffers(llama, moved).devices["B"] < buffers(llama, whole).devices["B"]


def test_a_device_without_layers_needs_nothing(llama: Model) -> None:
    assert buffers(llama, split(llama, 5, 0)).devices["B"] == 0


def test_long_batches_fetch_host_weights_unless_told_not_to(llama: Model) -> None:
    placement = split(llama, 3)
    without = buffers(llama, placement, SETTINGS.model_copy(update={"op_offload": False}))
    largest = max(tensor.size_bytes for tensor in llama.tensors if tensor.name.startswith("blk."))
    assert buffers(llama, placement).devices["A"] >= without.devices["A"]
    assert buffers(llama, split(llama, 0)).devices["A"] >= largest


def test_a_model_of_no_known_architecture_is_an_estimate_with_a_margin(llama: Model) -> None:
    shape = llama.shape.model_copy(update={"architecture": "unheard-of"})
    metadata = {key.replace("llama.", "unheard-of."): value for key, value in llama.metadata.items()}
    unknown = llama.model_copy(update={"shape": shape, "metadata": metadata})
    found, known = buffers(unknown, split(unknown, 11)), buffers(llama, split(llama, 11))
    assert known.exact
    assert known.margin(1 << 30) == 0
    assert not found.exact
    assert found.margin(1 << 30) > 1 << 24
    assert found.devices == known.devices


def test_a_file_without_the_tensors_is_refused_in_one_way(llama: Model) -> None:
    for missing in ("attn_output", "token_embd", "ffn_down", "output.weight"):
        tensors = tuple(tensor for tensor in llama.tensors if missing not in tensor.name)
        if missing == "output.weight":
            tensors = tuple(tensor for tensor in tensors if "token_embd" not in tensor.name)
        with pytest.raises(KeyError):
            compute_buffers(llama.model_copy(update={"tensors": tensors}), split(llama, 11), SETTINGS, {})


def test_a_plan_asks_many_times_so_one_answer_is_quick(tmp_path: Path) -> None:
    model = read_gguf(Host(LiveSource()), str(write_made("gemma3", tmp_path)))
    placement = split(model, 8)
    places = weight_places(model, placement, SETTINGS)
    best = min(_seconds(model, placement, places) for _ in range(5))
    assert best < 0.1


def _seconds(model: Model, placement: Placement, places: dict[str, str]) -> float:
    start = time.process_time()
    compute_buffers(model, placement, SETTINGS, places)
    return time.process_time() - start

"""Where llama.cpp's own `--fit` goes wrong (b11434), and plans are right."""

from pathlib import Path

import pytest
from made_gguf import dense_metadata, dense_tensors, write_gguf
from made_machines import GIB, gpu, machine, snapshot
from trees import tree_host

from llmtune.advisors.memory.places import REPACK
from llmtune.advisors.plan import Plan
from llmtune.advisors.planner import NoPlan, make_plan
from llmtune.advisors.request import Request
from llmtune.advisors.resources import Resources
from llmtune.advisors.speed.resources import resources
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.model.types import Model
from llmtune.probe.snapshot import take_snapshot

MIXTURE = {"layers": 48, "embedding": 2048, "heads": 32, "kv_heads": 4, "vocabulary": 151936}


def mixture(path: Path, **more: int) -> Model:
    """30 billion parameters in 16 GiB, 3 billion active."""
    keys = dense_metadata(
        "qwen3moe",
        ffn=6144,
        context=262144,
        expert_count=128,
        expert_used_count=8,
        expert_feed_forward_length=768,
        **more,
        **MIXTURE,
    )
    tensors = dense_tensors(ffn=768, experts=128, **MIXTURE)  # type: ignore[arg-type]
    return read_gguf(Host(LiveSource()), str(write_gguf(path, keys, tensors)))


def plan(tmp_path: Path, model: Model, on: Resources, **request: object) -> Plan | NoPlan:
    seen = snapshot(tmp_path / "machine", len(on.processor.cpu_list))
    return make_plan(model, seen, on, Request(**request), None)  # type: ignore[arg-type]


def option(plan: Plan, *names: str) -> str:
    argv = plan.launch.argv
    return next(argv[at + 1] for at, word in enumerate(argv) if word in names)


def test_repacked_weights_count(tmp_path: Path) -> None:
    """It leaves memory that is not plain host memory out of the sum: any size of model fits a CPU."""
    large = {"layers": 60, "embedding": 8192, "ffn": 28672, "heads": 64, "kv_heads": 8, "vocabulary": 128256}
    path = write_gguf(tmp_path / "m.gguf", dense_metadata(**large), dense_tensors(**large))  # type: ignore[arg-type]
    model = read_gguf(Host(LiveSource()), str(path))
    assert model.weights_bytes > 24 * GIB
    found = plan(tmp_path, model, machine(ram_gib=24))
    assert isinstance(found, NoPlan)
    assert found.closest is not None
    assert REPACK in found.closest.places.values()
    assert found.closest.memory.host.weights_bytes > 24 * GIB
    assert any("smaller" in way for way in found.ways_out)


def test_blocks_for_further_tokens_are_layers_too(tmp_path: Path) -> None:
    """It counts without them, so `-ngl` is one short and block 0 stays on the CPU."""
    model = mixture(tmp_path / "m.gguf", nextn_predict_layers=1)
    found = plan(tmp_path, model, machine(gpu(total_gib=48)))
    assert isinstance(found, Plan)
    assert option(found, "-ngl", "--gpu-layers", "--n-gpu-layers") in ("49", "all")
    assert found.memory.host.kv_bytes == 0


def test_the_limit_of_the_control_group_is_the_memory(tmp_path: Path) -> None:
    """It takes the machine's memory for ours."""
    files = {
        "/proc/meminfo": f"MemTotal: {64 << 20} kB\nMemAvailable: {60 << 20} kB\nMemFree: {60 << 20} kB\n",
        "/proc/self/cgroup": "0::/box\n",
        "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "/sys/fs/cgroup/box/cgroup.controllers": "memory cpu\n",
        "/sys/fs/cgroup/box/memory.max": f"{8 * GIB}\n",
        "/sys/fs/cgroup/box/memory.current": f"{GIB}\n",
        "/sys/fs/cgroup/box/memory.stat": "inactive_file 0\nactive_file 0\nslab_reclaimable 0\n",
    }
    seen = take_snapshot(tree_host(tmp_path / "boxed", files), disk_interval_s=0)
    ours = resources(seen)
    assert ours.host_free_bytes is not None
    assert ours.host_free_bytes <= 8 * GIB
    assert isinstance(make_plan(mixture(tmp_path / "m.gguf"), seen, ours, Request(), None), NoPlan)


def test_context_is_not_the_first_to_go(tmp_path: Path) -> None:
    """It shrinks the context to 4096 before a single expert leaves the GPU."""
    model = mixture(tmp_path / "m.gguf")
    tight = machine(gpu(total_gib=12))
    found = plan(tmp_path, model, tight)
    assert isinstance(found, Plan)
    assert found.run.context >= 8192
    assert found.placement.gpu_layers == 49
    asked = plan(tmp_path, model, tight, context=65536)
    assert isinstance(asked, Plan)
    assert asked.run.context == 65536
    assert asked.placement.cpu_expert_layers > found.placement.cpu_expert_layers


@pytest.mark.parametrize("users", [1, 4])
def test_what_the_server_keeps_beside_the_model_is_planned(tmp_path: Path, users: int) -> None:
    """It does not count the prompt cache of up to 8 GiB."""
    model = mixture(tmp_path / "m.gguf")
    found = plan(tmp_path, model, machine(ram_gib=20), users=users, context=8192)
    assert isinstance(found, Plan)
    kept = int(option(found, "-cram", "--cache-ram")) << 20
    assert found.memory.host.total_bytes <= 20 * GIB
    assert kept <= found.memory.host.other_bytes


def test_memory_that_is_to_stay_free_stays_free(tmp_path: Path) -> None:
    model = mixture(tmp_path / "m.gguf")
    found = plan(tmp_path, model, machine(gpu(total_gib=24)), keep_free_bytes=6 * GIB)
    assert isinstance(found, Plan)
    assert found.memory.devices[0].total_bytes <= 18 * GIB
    assert isinstance(plan(tmp_path, model, machine(ram_gib=24), keep_free_host_bytes=12 * GIB), NoPlan)


def test_a_speed_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    found = plan(tmp_path, mixture(tmp_path / "m.gguf"), machine(), min_tokens_per_s=500.0)
    assert isinstance(found, Plan)
    assert any("500 tokens/s" in told for told in found.given_up)


def test_only_weights_can_be_read_from_the_disk_again(tmp_path: Path) -> None:
    """A cache that does not fit is no matter of patience: the server would be killed."""
    model = mixture(tmp_path / "m.gguf")
    none = plan(tmp_path, model, machine(ram_gib=24), context=16 << 20, allow_disk=True)
    assert isinstance(none, NoPlan)
    asked = plan(tmp_path, model, machine(ram_gib=24), context=16 << 20)
    assert isinstance(asked, NoPlan)
    assert not any("disk" in way for way in asked.ways_out)


def test_a_smaller_context_that_is_offered_does_fit(tmp_path: Path) -> None:
    model = mixture(tmp_path / "m.gguf")
    none = plan(tmp_path, model, machine(gpu(total_gib=24), ram_gib=32), context=1 << 20, cache_types=("f16",))
    assert isinstance(none, NoPlan)
    offered = next(way for way in none.ways_out if "smaller context" in way)
    context = int(offered.partition("--context ")[2].split()[0])
    found = plan(tmp_path, model, machine(gpu(total_gib=24), ram_gib=32), context=context, cache_types=("f16",))
    assert isinstance(found, Plan)

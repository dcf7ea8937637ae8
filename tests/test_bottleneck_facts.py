"""The peaks that verdicts are judged against: measured, rated or assumed, and never more than the cores can read."""

from pathlib import Path

import pytest
from made_models import write_made
from trees import tree_host

from llmtune.advisors.bottleneck.from_snapshot import active_bytes, facts_from, host_bandwidth
from llmtune.advisors.resources import Basis, Processor, Rate
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.snapshot import take_snapshot


def processor(basis: Basis | None, per_s: float = 0.0, cores: int = 8) -> Processor:
    return Processor(
        cpus=float(cores),
        cpu_list=tuple(range(cores)),
        cores=cores,
        bandwidth_bytes=Rate(per_s=per_s, basis=basis, source="told") if basis else None,
        flops=None,
        features=frozenset(),
        busy_cpus=0.0,
        core_bytes=20e9,
    )


@pytest.mark.parametrize(
    ("given", "per_s", "basis"),
    [
        (processor("measured", 300e9, cores=2), 300e9, "measured"),
        (processor("rated", 89.6e9), 89.6e9, "rated"),
        (processor("rated", 102e9, cores=2), 40e9, "assumed"),
        (processor(None), 40e9, "assumed"),
        (processor(None, cores=1), 20e9, "assumed"),
    ],
    ids=["measured", "rated", "a slice of a large machine", "not known", "one core"],
)
def test_host_bandwidth(given: Processor, per_s: float, basis: Basis) -> None:
    found = host_bandwidth(given)
    assert (found.per_s, found.basis) == (per_s, basis)
    assert found.source


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    found = facts_from(take_snapshot(tree_host(tmp_path, {}), disk_interval_s=0), {})
    assert (found.gpus, found.servers, found.nodes) == ((), (), ())
    assert found.memory_bandwidth is not None
    assert found.memory_bandwidth.basis == "assumed"


@pytest.mark.parametrize("name", ["llama-moe", "qwen3moe"])
def test_of_a_mixture_a_token_reads_only_the_experts_that_it_uses(name: str, tmp_path: Path) -> None:
    path = write_made(name, tmp_path)
    model = read_gguf(Host(LiveSource()), str(path))
    experts = sum(tensor.size_bytes for tensor in model.tensors if "_exps" in tensor.name)
    others = sum(
        tensor.size_bytes
        for tensor in model.tensors
        if "_exps" not in tensor.name and not tensor.name.startswith("token_embd")
    )
    used = max(layer.experts_used for layer in model.shape.layers) / model.shape.experts
    assert experts
    assert active_bytes(model) == pytest.approx(others + experts * used)

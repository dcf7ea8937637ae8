"""The peaks that verdicts are judged against: measured, rated or assumed, and never more than the cores can read."""

from pathlib import Path

import pytest
from trees import tree_host

from llmtune.advisors.bottleneck.from_snapshot import facts_from, host_bandwidth
from llmtune.advisors.resources import Basis, Processor, Rate
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

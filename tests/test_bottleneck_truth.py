"""Verdicts claim no more than was counted, and name only what exists."""

import ast
from pathlib import Path

import pytest
from bottleneck_samples import GB, PID, endpoint, facts, gpu, group, model, sample, server, verdicts

from llmtune.advisors import bottleneck
from llmtune.advisors.bottleneck.facts import ServerFacts
from llmtune.advisors.checks.all import CHECKS
from llmtune.probe.sample.sample import Sample
from llmtune.tuners.knobs.catalogue import known_keys

GPU_MODEL = facts(servers=(ServerFacts(pid=PID, model=model(gpu_share=1.0)),))


def killed(clock: float, before: str, after: str, limit: int | None = 4 * GB) -> Sample:
    late = clock > 105
    own = group(clock, path=after if late else before, oom_kills=int(late) * 3, memory_limit_bytes=limit)
    return sample(clock, server(clock, cgroup=own, endpoint=endpoint(clock, decode=1.0)))


def test_a_group_that_a_server_was_moved_to_killed_nobody_of_it() -> None:
    told = verdicts(lambda clock: killed(clock, "/old", "/new"))
    assert "memory pressure" not in told


def test_what_was_killed_is_told_with_the_limit_and_not_blamed_on_it() -> None:
    """The kernel counts those, too, that it killed because the whole machine had no memory left."""
    what = verdicts(lambda clock: killed(clock, "/one", "/one"))["memory pressure"].what
    assert what.startswith("Out of memory: 3 processes were killed in the group of llama.cpp")
    assert what.endswith(", which may have 4.0 GB")


@pytest.mark.parametrize(
    ("works_from", "words"), [(0, "for 100 % of the last minute"), (150, "of its work in the last")]
)
def test_a_share_of_a_gpus_work_is_not_called_one_of_the_time(works_from: float, words: str) -> None:
    def make(clock: float) -> Sample:
        busy = {"utilization_percent": 95, "core_mhz": 900, "throttle_harmful": ("heat (hardware)",)}
        quiet = {"utilization_percent": 0, "throttle_harmful": ()}
        card = gpu(clock, **busy if clock >= works_from else quiet)
        return sample(clock, server(clock, endpoint=endpoint(clock, decode=60.0)), gpus=(card,))

    assert words in verdicts(make, GPU_MODEL, seconds=60)["throttled"].what


def words_given(name: str) -> set[str]:
    """The texts that are given as this argument anywhere in the rules, conditions apart."""
    found: set[str] = set()

    def collect(node: ast.AST) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.IfExp) and child is node.test):
                collect(child)

    for file in Path(bottleneck.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == name:
                collect(node.value)
    return found


def test_every_check_that_is_named_exists() -> None:
    named = words_given("check_id")
    assert len(named) > 10
    assert named <= {check.id for check in CHECKS}


def test_every_setting_that_is_named_exists() -> None:
    named = {text.partition("@")[0] for text in words_given("setting")}
    known = {key.partition("@")[0] for key in known_keys()}
    assert len(named) >= 3
    assert named <= known


def test_threads_that_wait_for_others_are_not_too_many() -> None:
    def make(clock: float, cpus: float, busy: float) -> Sample:
        one = server(
            clock,
            cpus=cpus,
            waiting=2.1,
            decode_threads=None,
            engine="KoboldCpp",
            cpus_allowed=(0, 1),
            endpoint=endpoint(clock, decode=4.0),
        )
        return sample(clock, one, busy=busy)

    others = verdicts(lambda clock: make(clock, 0.45, 8.0))
    assert "oversubscribed" not in others
    assert "other processes use" in others["cpu starved"].what
    own = verdicts(lambda clock: make(clock, 1.95, 8.0))
    assert "want 4.0 CPUs and may use 2" in own["oversubscribed"].what
    assert "cpu starved" not in own

"""Compute buffers against what llama.cpp b11434 said of the same models and settings (recorded by bench/memory)."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from made_models import MADE, write_made

from llmtune.advisors.graph.compute import Mode, compute_buffers
from llmtune.advisors.memory.places import weight_places
from llmtune.advisors.settings import HOST, Override, Placement, Settings
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.model.types import Model

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "memory_cases.json").read_text())
PART = 2
"""Each place has weights, caches, compute."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@lru_cache
def model_of(name: str, folder: Path) -> Model:
    return read_gguf(Host(LiveSource()), str(write_made(name, folder)))


def test_the_cases_cover_many_architectures_and_placements() -> None:
    assert len(CASES) >= 60
    assert len({MADE[case["model"]].architecture for case in CASES}) > 50
    assert {len(case["placement"]["devices"]) for case in CASES} == {0, 1, 2, 3}


def asked(case: dict[str, Any], folder: Path) -> tuple[Model, Placement, Settings, dict[str, str]]:
    """A recorded case as the arguments of the question."""
    model = model_of(case["model"], folder)
    overrides = tuple(Override(*pair) for pair in case["placement"]["overrides"])
    placement = Placement(**{**case["placement"], "overrides": overrides})
    settings = Settings(**case["settings"])
    return model, placement, settings, weight_places(model, placement, settings, frozenset(case["features"]))


@pytest.mark.parametrize("number", range(len(CASES)))
def test_compute_buffers_are_the_engines_own(number: int, folder: Path) -> None:
    case = CASES[number]
    model, placement, settings, places = asked(case, folder)
    found = compute_buffers(model, placement, settings, places, mode="dry")
    assert found.exact
    ours = {**found.devices, HOST: found.host}
    assert ours == {name: case["bytes"].get(name, [0, 0, 0])[PART] for name in ours}


@pytest.mark.parametrize("number", range(0, len(CASES), 3))
def test_what_a_run_needs_is_planned_and_not_less_than_the_engine_estimates(number: int, folder: Path) -> None:
    model, placement, settings, places = asked(CASES[number], folder)
    planned = compute_buffers(model, placement, settings, places)
    modes: tuple[Mode, ...] = ("run", "dry")
    for mode in modes:
        one = compute_buffers(model, placement, settings, places, mode=mode)
        assert planned.host >= one.host
        assert all(planned.devices[name] >= size for name, size in one.devices.items())

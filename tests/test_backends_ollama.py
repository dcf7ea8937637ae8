"""Ollama: a Modelfile, variables, and the step that makes the model."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_machines import gpu, machine
from made_plans import CPU_ONLY, PLAIN, THREADS, Chosen, model

from llmtune.advisors.backends.base import CannotRun
from llmtune.advisors.backends.ollama import launch, model_name, modelfile
from llmtune.advisors.plan import Launch
from llmtune.advisors.request import Request
from llmtune.advisors.settings import Placement
from llmtune.probe.model.types import Model

ONE = Placement(devices=("CUDA1",), gpu_layers=5, layers_per_device=(5,))


def start(a_model: Model | None = None, placement: Placement = CPU_ONLY, **settings: Any) -> Launch:
    chosen = Chosen(placement, PLAIN.model_copy(update=settings))
    return launch(a_model or model(), chosen, Request(port=11500), None, machine(gpu("CUDA0"), gpu("CUDA1")))


def test_the_server_and_its_model() -> None:
    made = start(placement=ONE, context=16384, slots=4, unified_kv=True, type_k="q8_0", type_v="q8_0")
    assert made.argv == ("ollama", "serve")
    assert made.then == (("env", "OLLAMA_HOST=127.0.0.1:11500", "ollama", "create", "small", "-f", "Modelfile"),)
    assert made.env["OLLAMA_HOST"] == "127.0.0.1:11500"
    assert made.env["OLLAMA_CONTEXT_LENGTH"] == "4096"
    assert made.env["OLLAMA_NUM_PARALLEL"] == "4"
    assert made.env["OLLAMA_KV_CACHE_TYPE"] == "q8_0"
    assert made.env["OLLAMA_FLASH_ATTENTION"] == "1"
    assert made.env["CUDA_VISIBLE_DEVICES"] == "1"
    assert made.files["Modelfile"].splitlines() == [
        "FROM /models/small.gguf",
        "PARAMETER num_ctx 4096",
        "PARAMETER num_gpu 5",
        "PARAMETER num_batch 512",
        "PARAMETER num_thread 6",
    ]
    assert made.warnings


def test_what_ollama_has_no_word_for_is_told() -> None:
    assert not start().warnings
    assert any(
        "experts" in warning for warning in start(placement=ONE.model_copy(update={"cpu_expert_layers": 2})).warnings
    )
    assert "PARAMETER use_mmap false" in start(mapped=False).files["Modelfile"]


@pytest.mark.parametrize(
    ("a_model", "settings", "word"),
    [
        (model(kind="safetensors"), {}, "safetensors"),
        (model(), {"type_k": "q8_0"}, "one cache type"),
        (model(), {"type_k": "q5_0", "type_v": "q5_0"}, "one cache type"),
        (model(), {"type_k": "q8_0", "type_v": "q8_0", "flash_attention": False}, "flash attention"),
        (model("/m/a\nFROM evil"), {}, "control characters"),
        (model("/m/\x1b[31m"), {}, "control characters"),
    ],
)
def test_what_cannot_run_is_refused(a_model: Model, settings: dict[str, Any], word: str) -> None:
    with pytest.raises(CannotRun, match=word):
        start(a_model, **settings)


def read_from(text: str) -> str:
    """The FROM of a Modelfile, as Ollama's parser takes it."""
    match = re.match(r'FROM (?:"""(.*?)"""|"([^\n]*)"|([^\n]*))\n', text, re.DOTALL)
    assert match is not None
    return next(group for group in match.groups() if group is not None)


@given(st.text(min_size=1))
def test_the_path_is_one_value_of_one_line(path: str) -> None:
    try:
        text = modelfile(path, CPU_ONLY, PLAIN, THREADS)
    except CannotRun:
        assert not path.isprintable() or path[0] in ' "'
        return
    assert len(text.splitlines()) == 5
    if '"""' not in path:
        assert read_from(text) == path


@given(st.text())
def test_any_title_makes_a_name(title: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", model_name(title))

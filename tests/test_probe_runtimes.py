"""Installed engines: programs, and packages of Python environments by their names alone."""

from pathlib import Path

import pytest
from trees import AnsweringTree, Link, write_tree

from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.reading import Unreadable
from llmtune.probe.runtimes import read_runtimes

SITE = "lib/python3.12/site-packages"


def runtimes(root: Path, paths: list[str], **variables: str) -> list[tuple[str, str, str | None, str]]:
    files: dict[str, str | bytes | Link] = dict.fromkeys(paths, "")
    return found(root, files, **variables)


def found(root: Path, files: dict[str, str | bytes | Link], **variables: str) -> list[tuple[str, str, str | None, str]]:
    answers: dict[Question, Answer | Unreadable] = {("environment", name): text for name, text in variables.items()}
    host = Host(AnsweringTree(write_tree(root, files), answers))
    return [(r.engine, r.kind, r.version, r.path) for r in read_runtimes(host)]


@pytest.mark.parametrize(
    ("path", "engine"),
    [
        ("/usr/local/bin/ollama", "Ollama"),
        ("/usr/bin/llama-server", "llama.cpp"),
        ("/opt/tritonserver/bin/tritonserver", "Triton"),
        ("/home/a/llama.cpp/build/bin/llama-cli", "llama.cpp"),
        ("/home/a/.local/bin/vllm", "vLLM"),
        ("/special/bin/llama-bench", "llama.cpp"),
    ],
)
def test_programs_where_they_usually_lie(tmp_path: Path, path: str, engine: str) -> None:
    told = runtimes(
        tmp_path, [path, "/usr/bin/python3", "/usr/bin/ollama-notes"], HOME="/home/a", PATH="/special/bin:bin"
    )
    assert told == [(engine, "program", None, path)]


def test_one_program_under_two_names_is_told_once(tmp_path: Path) -> None:
    assert found(tmp_path, {"/usr/local/bin/ollama": Link("/opt/o/bin/ollama"), "/opt/o/bin/ollama": ""}) == [
        ("Ollama", "program", None, "/usr/local/bin/ollama")
    ]


@pytest.mark.parametrize(
    "directory",
    [
        f"/venv/{SITE}",
        f"/conda/{SITE}",
        f"/home/a/.local/{SITE}",
        f"/home/a/miniforge3/envs/llm/{SITE}",
        f"/home/a/.pyenv/versions/3.12.1/{SITE}",
        "/usr/local/lib/python3.12/dist-packages",
        "/usr/lib/python3/dist-packages",
        f"/opt/app/{SITE}",
    ],
)
def test_packages_of_the_environments(tmp_path: Path, directory: str) -> None:
    paths = [
        f"{directory}/vllm-0.9.1+cu128.dist-info/METADATA",
        f"{directory}/llama_cpp_python-0.3.2.dist-info/METADATA",
        f"{directory}/numpy-2.0.0.dist-info/METADATA",
        f"{directory}/torch/__init__.py",
    ]
    told = runtimes(tmp_path, paths, HOME="/home/a", VIRTUAL_ENV="/venv", CONDA_PREFIX="/conda/")
    assert told == [
        ("llama.cpp", "package", "0.3.2", directory),
        ("vLLM", "package", "0.9.1+cu128", directory),
    ]


def test_empty_machine_has_none_and_no_gap(tmp_path: Path) -> None:
    answers: dict[Question, Answer | Unreadable] = {
        ("environment", name): Unreadable("missing", "not set") for name in ("HOME", "VIRTUAL_ENV", "CONDA_PREFIX")
    }
    host = Host(AnsweringTree(write_tree(tmp_path, {}), answers | {("environment", "PATH"): "::relative:/nowhere"}))
    assert read_runtimes(host) == ()
    assert not host.gaps

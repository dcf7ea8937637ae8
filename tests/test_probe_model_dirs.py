"""Where models lie: variables, homes, the callers of sudo, shared directories."""

from pathlib import Path

from trees import AnsweringTree, Link, write_tree

from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.model_dirs import VARIABLES, model_directories
from llmtune.probe.reading import Unreadable


def host_with(root: Path, files: list[str], variables: dict[str, str], passwd: str = "") -> Host:
    tree: dict[str, str | bytes | Link] = {f"{path}/a.gguf": "" for path in files}
    if passwd:
        tree["/etc/passwd"] = passwd
    names = [*(name for name, _ in VARIABLES), "XDG_CACHE_HOME", "HOME", "SUDO_USER"]
    answers: dict[Question, Answer | Unreadable] = {
        ("environment", name): variables.get(name) or Unreadable("missing", "not set") for name in names
    }
    return Host(AnsweringTree(write_tree(root, tree), answers))


def test_finds_the_caches_of_the_home_and_shared_directories(tmp_path: Path) -> None:
    there = ["/home/a/.cache/huggingface/hub", "/home/a/.ollama/models", "/models", "/unrelated"]
    host = host_with(tmp_path, there, {"HOME": "/home/a"})
    assert model_directories(host) == (
        "/home/a/.cache/huggingface/hub",
        "/home/a/.ollama/models",
        "/models",
    )
    assert not host.gaps


def test_variables_move_the_caches_and_come_first(tmp_path: Path) -> None:
    there = ["/big/hf/hub", "/big/ollama", "/xdg/llama.cpp", "/srv/models", "/home/a/.cache/llama.cpp"]
    variables = {"HOME": "/home/a", "HF_HOME": "/big/hf/", "OLLAMA_MODELS": "/big/ollama", "XDG_CACHE_HOME": "/xdg"}
    host = host_with(tmp_path, there, variables)
    assert model_directories(host) == ("/big/ollama", "/big/hf/hub", "/xdg/llama.cpp", "/srv/models")


def test_relative_variables_and_files_are_passed_over(tmp_path: Path) -> None:
    host = host_with(
        tmp_path, [], {"HOME": "/home/a", "OLLAMA_MODELS": "models", "LLAMA_CACHE": "/etc/passwd"}, "root:x"
    )
    assert model_directories(host) == ()


def test_one_directory_under_two_names_is_told_once(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"/big/a.gguf": "", "/models": Link("/big"), "/srv/models": Link("/big")})
    assert model_directories(Host(AnsweringTree(root, {}))) == ("/models",)


def test_under_sudo_the_callers_home_is_looked_at_too(tmp_path: Path) -> None:
    passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/people/ann:/bin/sh\nbroken\n"
    there = ["/root/.ollama/models", "/people/ann/.cache/llama.cpp"]
    host = host_with(tmp_path, there, {"HOME": "/root", "SUDO_USER": "ann"}, passwd)
    assert model_directories(host) == ("/root/.ollama/models", "/people/ann/.cache/llama.cpp")

"""The head of a report: what serves on this machine."""

from pathlib import Path

from trees import tree_host

from llmtune.probe.snapshot import take_snapshot
from llmtune.reports.headline import headline


def serving(root: Path, argvs: list[str]) -> list[str]:
    files = {"/proc/1/comm": "init"}
    for pid, argv in enumerate(argvs, 100):
        files[f"/proc/{pid}/comm"] = "llama-server"
        files[f"/proc/{pid}/cmdline"] = "\0".join(argv.split(" ")) + "\0"
    lines = headline(take_snapshot(tree_host(root, files), disk_interval_s=0))
    return [line for line in lines if line.startswith("Serving")]


def test_running_servers_are_told_with_model_and_port(tmp_path: Path) -> None:
    argv = "/usr/bin/llama-server -m /models/Qwen3-8B-Q4_K_M.gguf --port 8081 --api-key secret"
    assert serving(tmp_path, [argv]) == ["Serving llama.cpp on port 8081: Qwen3-8B-Q4_K_M.gguf"]


def test_a_server_that_tells_nothing_is_a_short_line(tmp_path: Path) -> None:
    assert serving(tmp_path, ["/usr/bin/llama-server"]) == ["Serving llama.cpp"]


def test_many_servers_are_counted(tmp_path: Path) -> None:
    lines = serving(tmp_path, [f"llama-server --port {port}" for port in range(9000, 9006)])
    assert lines[-1] == "Serving 2 more"
    assert len(lines) == 5


def test_no_server_no_line(tmp_path: Path) -> None:
    assert serving(tmp_path, []) == []

"""What is installed, and models against memory: where the checks must speak and where they must be silent."""

from pathlib import Path

import pytest
from judging import judge
from trees import Link

from llmtune.advisors.finding import Finding

Files = dict[str, str | bytes | Link]

INIT: Files = {"/proc/1/comm": "init\n"}
SMALL_MEMORY: Files = {"/proc/meminfo": "MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 800 kB\n"}
FITS = "x" * (900 << 10)
LARGER = "x" * (1100 << 10)


def server(*argv: str) -> Files:
    return {"/proc/50/comm": "llama-server\n", "/proc/50/cmdline": "\0".join(("llama-server", *argv)) + "\0"}


SERVES_M = server("-m", "/models/m.gguf")
NO_MEMORY: Files = {"/proc/meminfo": "garbage\n"}


@pytest.mark.parametrize(
    ("check_id", "files", "expected"),
    [
        ("engine-installed", {}, "unknown"),
        ("engine-installed", INIT, "info"),
        ("engine-installed", INIT | server(), "ok"),
        ("engine-installed", INIT | {"/usr/bin/ollama": ""}, "ok"),
        ("engine-installed", INIT | {"/usr/lib/python3.11/dist-packages/torch-2.9.0.dist-info/METADATA": ""}, "ok"),
        ("model-larger-than-memory", SMALL_MEMORY, "not-applicable"),
        ("model-larger-than-memory", SMALL_MEMORY | {"/models/m.gguf": FITS}, "ok"),
        ("model-larger-than-memory", SMALL_MEMORY | {"/models/m.gguf": LARGER}, "info"),
        ("model-larger-than-memory", NO_MEMORY | {"/models/m.gguf": LARGER}, "unknown"),
        ("server-model-memory", INIT | SMALL_MEMORY | {"/models/m.gguf": LARGER}, "not-applicable"),
        ("server-model-memory", INIT | SMALL_MEMORY | SERVES_M, "not-applicable"),
        ("server-model-memory", INIT | SMALL_MEMORY | SERVES_M | {"/models/m.gguf": FITS}, "ok"),
        ("server-model-memory", INIT | SMALL_MEMORY | SERVES_M | {"/models/m.gguf": LARGER}, "problem"),
        ("server-model-memory", INIT | NO_MEMORY | SERVES_M | {"/models/m.gguf": LARGER}, "unknown"),
    ],
)
def test_verdict(tmp_path: Path, check_id: str, files: Files, expected: str) -> None:
    found = judge(tmp_path, check_id, files)
    assert found.status == expected, found.what


def with_limit(root: Path, check_id: str) -> Finding:
    limit: Files = {
        "/proc/self/cgroup": "0::/\n",
        "/proc/self/mountinfo": "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "/sys/fs/cgroup/memory.max": str(100 << 10),
        "/sys/fs/cgroup/memory.current": "0",
    }
    return judge(root, check_id, INIT | SMALL_MEMORY | SERVES_M | limit | {"/models/m.gguf": FITS})


def test_a_limit_of_ours_counts_for_what_we_would_start(tmp_path: Path) -> None:
    assert with_limit(tmp_path, "model-larger-than-memory").status == "info"


def test_a_limit_of_ours_is_not_the_running_servers(tmp_path: Path) -> None:
    assert with_limit(tmp_path, "server-model-memory").status == "ok"


def test_the_largest_model_is_named(tmp_path: Path) -> None:
    found = judge(
        tmp_path, "model-larger-than-memory", SMALL_MEMORY | {"/models/a.gguf": LARGER, "/models/b.gguf": LARGER * 2}
    )
    assert "2 of 2 models" in found.what
    assert "b.gguf" in found.what

"""A real llama-server takes what is planned: it starts, answers and stops. Run by `make test-llama`.

LLMTUNE_LLAMA_SERVER names the server, LLMTUNE_MODEL a small GGUF file.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from made_machines import machine
from made_plans import PLAIN, THREADS, Chosen
from quick_start import PACKAGE
from test_launch_forms import exec_start

from llmtune.advisors.backends.llama_cpp import launch
from llmtune.advisors.plan import Plan
from llmtune.advisors.request import Request
from llmtune.probe.engine_help import EngineOptions
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.parse_help import parse_help

pytestmark = [pytest.mark.heavy, pytest.mark.llama]
SECONDS = 60
ENVIRONMENT: dict[str, Any] = {"PATH": "/usr/bin:/bin", "PYTHONPATH": PACKAGE, "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def server() -> str:
    return os.environ["LLMTUNE_LLAMA_SERVER"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model, under a name that every notation must quote."""
    place = tmp_path_factory.mktemp("models") / 'it\'s 100% $(touch hacked) "odd"\n.gguf'
    shutil.copy(os.environ["LLMTUNE_MODEL"], place)
    return str(place)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def llmtune(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "llmtune", *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def planned(model: str, server: str, port: int, form: str) -> str:
    arguments = ("--engine", server, "--port", str(port), "--context", "2048")
    return llmtune("plan", model, *arguments, "--format", form)


@contextmanager
def running(argv: list[Any], port: int, cwd: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The server, once it is healthy; it must stop when it is told to, without an error."""
    with (cwd / "log").open("wb") as log:
        process = subprocess.Popen(argv, env=ENVIRONMENT, stdout=log, stderr=log, cwd=cwd)
    try:
        deadline = time.monotonic() + SECONDS
        while not healthy(port):
            assert process.poll() is None, (cwd / "log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process
        stop(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert not (cwd / "hacked").exists()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """As a service manager: ask, and ask again. Now and then llama-server hears only the second signal."""
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(15) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) in (0, 1)


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def complete(port: int) -> dict[str, Any]:
    body = json.dumps({"prompt": "One, two, three,", "n_predict": 8, "temperature": 0}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/completion", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def assert_answers(port: int, model: str) -> None:
    told = complete(port)
    assert told["tokens_predicted"] >= 1
    assert told["content"].strip()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/props", timeout=SECONDS) as answer:
        properties = json.load(answer)
    assert properties["default_generation_settings"]["n_ctx"] == 2048
    assert properties["model_path"] == model


@pytest.mark.parametrize("form", ["command", "shell"])
def test_the_planned_command_serves(server: str, model: str, port: int, form: str, tmp_path: Path) -> None:
    text = planned(model, server, port, form)
    script = tmp_path / "run"
    # The command's notation for unprintable characters is bash's; the script is for any shell.
    script.write_text("exec " + text if form == "command" else text)
    with running(["bash" if form == "command" else "sh", str(script)], port, tmp_path):
        assert_answers(port, model)


def test_the_unit_serves(server: str, model: str, port: int, tmp_path: Path) -> None:
    with running(exec_start(planned(model, server, port, "systemd")), port, tmp_path):
        assert_answers(port, model)


def test_a_launched_plan_serves(server: str, model: str, port: int, tmp_path: Path) -> None:
    plan = Plan.model_validate_json(planned(model, server, port, "json"))
    # Straight to what launches: as root the command would refuse a program that lies where anybody writes.
    code = (
        "import sys; from llmtune.tuners.launch import start; from llmtune.advisors.plan import Plan;"
        "start(Plan.model_validate_json(open(sys.argv[1]).read()).launch, print)"
    )
    (tmp_path / "plan").write_text(plan.model_dump_json())
    with running([sys.executable, "-c", code, str(tmp_path / "plan")], port, tmp_path):
        assert_answers(port, model)


def test_a_launched_model_serves(server: str, model: str, port: int, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "llmtune", "launch", model, "--engine", server, "--port", str(port)]
    with running([*argv, "--context", "2k", "--nice", "1", "--io-class", "idle"], port, tmp_path) as process:
        assert_answers(port, model)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 1
        assert "llama-server" in Path(f"/proc/{process.pid}/cmdline").read_text()


@pytest.fixture(scope="module")
def options(server: str) -> EngineOptions:
    text = subprocess.run([server, "--help"], capture_output=True, text=True, check=True).stdout
    names, values = parse_help(text)
    return EngineOptions(
        path=server,
        argv=(server,),
        program="llama.cpp",
        version=None,
        build=None,
        options=names,
        values=values,
        source="--help",
        why_not_run=None,
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"slots": 3, "unified_kv": True},
        {"slots": 3},
        {"type_k": "q8_0", "type_v": "q8_0", "slots": 2},
        {"type_k": "q4_0", "flash_attention": False},
        {"type_k": "bf16", "type_v": "f32"},
        {"flash_attention": False, "full_swa": True},
        {"mapped": False, "repack": False},
        {"locked": True, "mapped": False},
        {"op_offload": False, "pinned_host": False, "kv_offload": False},
        {"batch": 256, "ubatch": 64},
    ],
)
def test_every_setting_is_taken(
    options: EngineOptions, model: str, port: int, change: dict[str, Any], tmp_path: Path
) -> None:
    chosen = Chosen(
        settings=PLAIN.model_copy(update={"context": 1024} | change),
        threads=THREADS.model_copy(update={"decode": 1, "batch": 2}),
        prompt_cache_bytes=0,
    )
    made = launch(read_gguf(Host(LiveSource()), model), chosen, Request(port=port, alias="x"), options, machine())
    assert not made.warnings
    with running(list(made.argv), port, tmp_path):
        assert complete(port)["tokens_predicted"] >= 1

"""The CPU probe on this machine against lscpu and sysctl."""

import json
import os
import shutil
import subprocess

import pytest

from llmtune.probe.cpu import probe_cpu
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource


def answer(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def test_equals_lscpu() -> None:
    cpu = probe_cpu(Host(LiveSource()))
    rows = json.loads(answer("lscpu", "--json", "--extended=CPU,CORE,SOCKET,ONLINE"))["cpus"]
    online = [row for row in rows if row["online"] in (True, "yes")]
    assert cpu.online_cpus == tuple(int(row["cpu"]) for row in online)
    assert cpu.threads == len(online)
    assert cpu.cores == len({row["core"] for row in online})
    assert cpu.sockets == len({row["socket"] for row in online})


def test_caches_equal_lscpu() -> None:
    cpu = probe_cpu(Host(LiveSource()))
    rows = json.loads(answer("lscpu", "--bytes", "--json", "--caches"))["caches"]
    kinds = {"Data": "data", "Instruction": "instruction", "Unified": "unified"}
    for row in rows:
        ours = [c for c in cpu.caches if c.level == int(row["level"]) and c.kind == kinds[row["type"]]]
        assert {c.size_bytes for c in ours} == {int(row["one-size"])}
        assert sum(c.size_bytes or 0 for c in ours) == int(row["all-size"])


def test_affinity_equals_taskset() -> None:
    assert probe_cpu(Host(LiveSource())).affinity_cpus == tuple(sorted(os.sched_getaffinity(0)))


def test_architecture_equals_uname() -> None:
    assert probe_cpu(Host(LiveSource())).architecture == os.uname().machine

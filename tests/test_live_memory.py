"""The memory and NUMA probes on this machine against sysctl, numactl, free and prlimit."""

import os
import re
import shutil
import subprocess

import pytest

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.memory import probe_memory
from llmtune.probe.numa import probe_numa


def answer(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def test_settings_equal_sysctl() -> None:
    settings = probe_memory(Host(LiveSource())).settings.model_dump()
    for name, value in settings.items():
        prefix = "kernel" if name == "numa_balancing" else "vm"
        if value is not None:
            assert answer("sysctl", "-n", f"{prefix}.{name}").strip() == str(value)


def test_total_equals_free() -> None:
    memory = probe_memory(Host(LiveSource()))
    row = answer("free", "--bytes").splitlines()[1].split()
    assert memory.total_bytes == int(row[1])
    total = sum(device.total_bytes for device in memory.swap.devices or ())
    # free counts swap without the page that holds its header.
    assert abs(total - int(answer("free", "--bytes").splitlines()[2].split()[1])) <= 4096 * len(
        memory.swap.devices or ()
    )


def test_limits_equal_prlimit() -> None:
    limits = probe_memory(Host(LiveSource())).limits
    for name, limit in (("memlock", limits.memlock_bytes), ("nofile", limits.open_files)):
        assert limit is not None
        soft, hard = answer("prlimit", f"--{name}", "--output", "SOFT,HARD", "--noheadings", "--raw").split()
        assert [number if number != "unlimited" else str(2**64 - 1) for number in (soft, hard)] == [
            str(limit.soft),
            str(limit.hard),
        ]


def test_nodes_equal_numactl() -> None:
    text = answer("numactl", "--hardware")
    nodes = probe_numa(Host(LiveSource())).nodes
    if "No NUMA available" in text or not nodes:
        pytest.skip("this kernel has no NUMA nodes")
    listed = {int(n): [int(cpu) for cpu in cpus.split()] for n, cpus in re.findall(r"node (\d+) cpus:(.*)", text)}
    sizes = {int(n): int(mib) for n, mib in re.findall(r"node (\d+) size: (\d+) MB", text)}
    assert {node.id: list(node.cpus) for node in nodes} == listed
    assert {node.id: (node.total_bytes or 0) >> 20 for node in nodes} == sizes
    rows = re.findall(r"^ +(\d+): +([\d ]+)$", text, re.MULTILINE)
    assert {node.id: list(node.distances) for node in nodes} == {
        int(n): [int(d) for d in row.split()] for n, row in rows
    }

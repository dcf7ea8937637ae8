"""NVML's structures as plain JSON, and what is never called."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nvml_machines as machines
import pytest

from llmtune.probe.gpu.nvml_live import plain, unreadable


class Inner(ctypes.Structure):
    _fields_ = [("bus", ctypes.c_char * 8), ("count", ctypes.c_uint * 2)]


class Friendly:
    def __init__(self) -> None:
        self.pid, self.name = 7, b"x\xff"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (3, 3),
        (b"H100", "H100"),
        ("\udcff", "?"),
        ((9, 0), [9, 0]),
        ([Friendly()], [{"pid": 7, "name": "x\ufffd"}]),
        (Inner(b"00:41", (1, 2)), {"bus": "00:41", "count": [1, 2]}),
        ({1: (2,)}, {"1": [2]}),
        ((ctypes.c_uint * 2)(4, 5), [4, 5]),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (3, "missing"),
        (4, "denied"),
        (9, "missing"),
        (13, "missing"),
        (15, "malformed"),
        (18, "missing"),
        (999, "malformed"),
    ],
)
def test_reason_of_an_error(code: int, reason: str) -> None:
    why = unreadable(code, "words")
    assert (why.reason, why.detail) == (reason, f"words (NVML error {code})")


SCRIPT = """
import json, sys
from llmtune.probe.gpu.nvml_live import nvml_call
from llmtune.probe.reading import Unreadable
answers = []
for function, *arguments in json.loads(sys.argv[1]):
    try:
        answers.append(nvml_call(function, tuple(arguments)))
    except Unreadable as why:
        answers.append(f"{why.reason}: {why.detail}")
sys.stdout.write(json.dumps(answers))
"""


def test_calls(tmp_path: Path) -> None:
    library = machines.build_library(tmp_path)
    description = tmp_path / "machine.txt"
    description.write_text(machines.BRIDGE + "\n0 serial error 4\n")
    calls = [
        ("nvmlDeviceGetCount",),
        ("nvmlDeviceGetCudaComputeCapability", 0),
        ("nvmlDeviceSetPersistenceMode", 0, 0),
        ("nvmlShutdown",),
        ("nvmlDeviceGetNothingLikeThis", 0),
        ("nvmlDeviceGetName", "0/3"),
        ("nvmlDeviceGetName", "x"),
        ("nvmlDeviceGetName",),
        ("nvmlDeviceGetSerial", 0),
        ("nvmlDeviceGetTopologyCommonAncestor", 0, 2),
        ("nvlinks", 1),
        ("nvlinks", 2),
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(calls)],
        env=machines.environment(library, description),
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    answers = json.loads(done.stdout)
    link = {"active": True, "remote_type": 0, "remote": "00000000:10:00.0"}
    assert answers[:2] == [3, [9, 0]]
    assert answers[2:4] == [
        f"denied: {name} does not only read" for name in ("nvmlDeviceSetPersistenceMode", "nvmlShutdown")
    ]
    assert answers[4] == "missing: this pynvml has no nvmlDeviceGetNothingLikeThis"
    assert answers[5] == "missing: Not Found (NVML error 6)"
    assert answers[6].startswith("malformed: ValueError")
    assert answers[7].startswith("malformed: TypeError")
    assert answers[8] == "denied: Insufficient Permissions (NVML error 4)"
    assert answers[9:] == [40, [{"link": 0} | link, {"link": 1} | link], "missing: Not Supported (NVML error 3)"]


def test_a_recording_replays_to_the_same_gpus(tmp_path: Path) -> None:
    library = machines.build_library(tmp_path)
    description = tmp_path / "machine.txt"
    description.write_text(machines.MIG)
    llmtune = [sys.executable, "-m", "llmtune"]
    recording = tmp_path / "recording"
    environment = machines.environment(library, description)
    subprocess.run([*llmtune, "snapshot", "-o", str(recording)], env=environment, timeout=60, check=True)
    replays = []
    for folder in (library, tmp_path / "none"):  # with the library at hand, and without
        told = subprocess.run(
            [*llmtune, "snapshot", "--from", str(recording), "--format", "json"],
            env=machines.environment(folder, description),
            stdout=subprocess.PIPE,
            timeout=60,
            check=True,
        )
        replays.append(json.loads(told.stdout)["gpus"])
    assert replays[0] == replays[1]
    (gpu,) = replays[1]
    assert (gpu["name"], gpu["compute_capability"]) == ("NVIDIA H100 80GB HBM3", "9.0")
    assert [instance["name"] for instance in gpu["mig_instances"]] == [
        "NVIDIA H100 MIG 3g.40gb",
        "NVIDIA H100 MIG 1g.10gb",
    ]
    assert gpu["serial"] != "170000"

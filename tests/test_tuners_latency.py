"""A wake-up latency that a process of its own holds: asked of the kernel itself, and gone without a trace."""

import os
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed import llmtune, nothing_applied
from tuner_trees import lay_out, whole_machine

from llmtune.tuners.knobs.knob import Refused
from llmtune.tuners.knobs.latency import LatencyKnob

DEVICE = Path("/dev/cpu_dma_latency")
needs_device = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access(DEVICE, os.W_OK), reason="needs root and /dev/cpu_dma_latency"
)


def in_force() -> int:
    """What the kernel aims at now, over all requests, in us."""
    with DEVICE.open("rb", buffering=0) as device:
        number: int = struct.unpack("i", device.read(4))[0]
        return number


@pytest.fixture
def alone() -> Iterator[int]:
    """The latency without us."""
    before = in_force()
    with nothing_applied():
        yield before
        llmtune("rollback", "--yes")
    assert in_force() == before


@pytest.mark.parametrize("asked", ["0", "10001", "010", "-1", "10us", "", "NONE"])
def test_what_is_no_latency_is_refused(asked: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="from 1 to 10000 us"):
        LatencyKnob(tree=lay_out(tmp_path, whole_machine())).canonical(asked)


def test_a_note_of_a_process_that_is_another_one_is_not_believed(tmp_path: Path) -> None:
    tree = lay_out(tmp_path, {**whole_machine(), "/run/llmtune/latency": f"{os.getpid()} 1 20\n"})
    assert LatencyKnob(tree=tree).read() == "none"


@pytest.mark.heavy
@needs_device
def test_it_is_held_after_the_command_has_ended_and_put_back(alone: int) -> None:
    done = llmtune("apply", "--set", "cpu.latency_us=20", "--yes")
    assert done.returncode == 0, done.stderr
    assert in_force() == 20
    assert llmtune("verify", user=65534).returncode == 0
    assert llmtune("apply", "--set", "cpu.latency_us=50", "--yes").returncode == 0
    assert in_force() == 50
    assert llmtune("rollback", "--to", "1", "--yes").returncode == 0
    assert in_force() == 20
    assert llmtune("rollback", "--yes").returncode == 0
    assert in_force() == alone


@pytest.mark.heavy
@needs_device
def test_a_holder_that_somebody_ended_is_drift(alone: int) -> None:
    llmtune("apply", "--set", "cpu.latency_us=20", "--yes")
    os.kill(int(Path("/run/llmtune/latency").read_text().split()[0]), signal.SIGKILL)
    until = time.monotonic() + 10
    while in_force() != alone and time.monotonic() < until:
        time.sleep(0.05)
    assert in_force() == alone
    assert llmtune("verify").returncode == 1


@pytest.mark.heavy
@needs_device
def test_the_script_ends_the_holder(alone: int) -> None:
    llmtune("apply", "--set", "cpu.latency_us=20", "--yes")
    os.system("sh /var/lib/llmtune/journal/rollback.sh")
    until = time.monotonic() + 10
    while in_force() != alone and time.monotonic() < until:
        time.sleep(0.05)
    assert in_force() == alone

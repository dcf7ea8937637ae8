"""Samples of this machine, taken while a server hangs."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmtune.probe.live import LiveSource
from llmtune.probe.loopback import SECONDS
from llmtune.probe.sample.collector import Collector

HANGS = """
import socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
held = []
while True:
    held.append(listener.accept()[0])
    print("asked", flush=True)
"""


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process called llama-server that takes connections and never answers."""
    program = tmp_path / "llama-server"
    program.symlink_to(sys.executable)
    listener = socket.create_server(("127.0.0.1", 0))
    command = [str(program), "-c", HANGS, str(listener.fileno())]
    with subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True) as process:
        listener.close()
        yield process
        process.kill()


def test_a_tick_does_not_wait_for_a_server_that_hangs(hanging: subprocess.Popen[str]) -> None:
    collector = Collector(LiveSource(), 1.0)
    collector.start()
    try:
        collector.tick()
        assert hanging.stdout is not None
        assert hanging.stdout.readline() == "asked\n"
        began = time.monotonic()
        samples = [collector.tick() for _ in range(5)]
        assert time.monotonic() - began < SECONDS
    finally:
        collector.stop()
    [server] = [one for one in samples[-1].servers if one.pid == hanging.pid]
    assert server.engine == "llama.cpp"
    assert server.endpoint is None or server.endpoint.state == "timed out"
    clocks = [sample.clock_s for sample in samples]
    assert clocks == sorted(clocks)


def test_a_sample_holds_what_this_machine_tells() -> None:
    collector = Collector(LiveSource(), 1.0)
    collector.start()
    try:
        first = collector.tick()
        second = collector.tick()
    finally:
        collector.stop()
    assert first.cpu is not None
    assert second.cpu is not None
    assert {ticks.cpu for ticks in first.cpu.ticks} >= os.sched_getaffinity(0)
    assert all(b.busy >= a.busy for a, b in zip(first.cpu.ticks, second.cpu.ticks, strict=True))
    assert first.memory is not None
    assert first.memory.total_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert abs(first.time_s - time.time()) < 60 * SECONDS

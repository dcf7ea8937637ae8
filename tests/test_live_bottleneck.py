"""Bottlenecks made for real: a llama-server is held back in one way, and the judge must say in which.

LLMTUNE_LLAMA_SERVER names the server, LLMTUNE_MODEL a small GGUF file. Control groups need root.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cgroup_places import drop_cache, groups

from llmtune.advisors.bottleneck.facts import Facts
from llmtune.advisors.bottleneck.judge import judge
from llmtune.advisors.bottleneck.steady import Steady
from llmtune.advisors.bottleneck.verdict import Bottleneck
from llmtune.cli.machine_facts import facts_of
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.sample.collector import Collector
from llmtune.probe.sample.sample import Sample

pytestmark = [pytest.mark.heavy, pytest.mark.llama]
SECONDS = 90
"""The longest that anything is waited for: the machine may be busy."""
INTERVAL_S = 0.5
FIRST_TWO = sorted(os.sched_getaffinity(0))[:2]
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root")


class Running:
    """A llama-server and those who ask it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, metrics: bool) -> None:
        self.pid = process.pid
        self.port = port
        self.metrics = metrics
        self._stopped = threading.Event()
        self._clients: list[threading.Thread] = []

    def ready(self) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).read()
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise AssertionError("the server was not ready in time")

    def ask(self, clients: int = 1, tokens: int = 100_000, prompt: str = "Once upon a time") -> None:
        """Clients that ask again and again until the server is stopped."""
        question = {"prompt": prompt, "n_predict": tokens, "ignore_eos": True, "cache_prompt": False}
        body = json.dumps(question).encode()

        def one() -> None:
            while not self._stopped.is_set():
                request = urllib.request.Request(
                    f"http://127.0.0.1:{self.port}/completion", body, {"Content-Type": "application/json"}
                )
                try:
                    urllib.request.urlopen(request, timeout=SECONDS).read()
                except (OSError, urllib.error.URLError, ValueError):
                    time.sleep(0.2)

        self._clients += [threading.Thread(target=one, daemon=True) for _ in range(clients)]
        for client in self._clients[-clients:]:
            client.start()

    def stop(self) -> None:
        self._stopped.set()


@contextmanager
def llama(model: Path, *options: str, places: tuple[Path, ...] = (), metrics: bool = True) -> Iterator[Running]:
    """A server of its own on a free port, in these control groups from its first moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    server = [os.environ["LLMTUNE_LLAMA_SERVER"], "-m", str(model), "--port", str(port), *options]
    # The shell joins the groups, then becomes the server: nothing runs between fork and exec of this process.
    joining = "".join(f"echo 0 > '{place}/cgroup.procs'; " for place in places) + 'exec "$@"'
    argv = ["sh", "-c", joining, "sh", *server, *(["--metrics"] if metrics else [])]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running = Running(process, port, metrics)
    try:
        yield running
    finally:
        running.stop()
        process.kill()
        process.wait()


@contextmanager
def neighbour() -> Iterator[None]:
    """A process that takes what it gets of the first two CPUs."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(process.pid, FIRST_TWO)
        yield
    finally:
        process.kill()
        process.wait()


class Judged:
    """What was said, moment by moment."""

    def __init__(self, shown: tuple[Bottleneck, ...], verdicts: tuple[Bottleneck, ...]) -> None:
        self.shown = shown
        self.by_kind: dict[str, Bottleneck] = {one.kind: one for one in reversed(verdicts)}


def judged(pid: int, facts: Facts | None = None) -> Iterator[Judged]:
    """Verdicts on one server of this machine, again and again until the time is over; other servers are left out."""
    collector, steady, samples = Collector(LiveSource(), INTERVAL_S), Steady(), list[Sample]()
    collector.start()
    try:
        known = facts or facts_of(Host(LiveSource()))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            sample = collector.tick()
            own = tuple(server for server in sample.servers if server.pid == pid)
            samples = [*samples, sample.model_copy(update={"servers": own})][-120:]
            verdicts = judge(samples, known)
            if len(samples) > 1:
                yield Judged(steady.update(sample.clock_s, verdicts), verdicts)
            time.sleep(INTERVAL_S)
    finally:
        collector.stop()


def until(pid: int, kind: str, *, first: bool = False) -> Bottleneck:
    """The first verdict of this kind, or the first time that it is shown before all others; else what was said."""
    said: dict[str, str] = {}
    for now in judged(pid):
        said |= {one.kind: one.what for one in now.by_kind.values()}
        top = now.shown[0]
        if first and top.kind == kind:
            return top
        if not first and kind in now.by_kind:
            return now.by_kind[kind]
    raise AssertionError(f"never {kind}, but: {said}")


@pytest.fixture(scope="module")
def model() -> Path:
    return Path(os.environ["LLMTUNE_MODEL"])


@pytest.fixture
def own_model(model: Path, tmp_path: Path) -> Path:
    """A copy that no other process has in memory."""
    copy = tmp_path / "model.gguf"
    shutil.copy(model, copy)
    os.sync()
    handle = os.open(copy, os.O_RDONLY)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)
    return copy


def drive_of(path: Path) -> str:
    number = os.stat(path).st_dev
    place = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    return place.parent.name if (place / "partition").exists() else place.name


LEAN = ("-c", "256", "-b", "32", "-ub", "32", "-np", "1", "-t", "2", "--no-warmup", "--cache-ram", "0")


@ROOT
def test_half_a_cpu(model: Path) -> None:
    with groups(quota_cpus=0.5) as places, llama(model, "-c", "2048", "-t", "2", places=places) as server:
        server.ready()
        server.ask()
        found = until(server.pid, "cpu quota", first=True)
    assert "a quota of 0.5 CPUs" in found.what
    assert (found.confidence, found.badness) == ("high", "bad")


def test_many_threads_on_few_cpus_and_a_neighbour(model: Path) -> None:
    threads = 4 * len(os.sched_getaffinity(0))
    with neighbour(), llama(model, "-c", "2048", "-t", str(threads)) as server:
        server.ready()
        server.ask()
        found = until(server.pid, "oversubscribed", first=True)
    assert f"{threads} threads decode on {len(os.sched_getaffinity(0))} CPUs" in found.what


def test_neighbours_on_every_cpu(model: Path) -> None:
    with neighbour(), neighbour(), neighbour(), llama(model, "-c", "2048", "-t", str(len(FIRST_TWO))) as server:
        os.sched_setaffinity(server.pid, FIRST_TWO)
        server.ready()
        server.ask()
        found = until(server.pid, "cpu starved", first=True)
    assert "other processes use" in found.what


@ROOT
def test_a_model_larger_than_its_memory(own_model: Path) -> None:
    limit = int(own_model.stat().st_size * 0.76)
    with groups(memory_bytes=limit) as places, llama(own_model, *LEAN, places=places) as server:
        server.ready()
        server.ask()
        found = until(server.pid, "disk", first=True)
        assert f"> {limit / 1e6:.0f} MB of memory" in found.what
        assert found.check_id == "model-larger-than-memory"
        assert "waited for memory" in until(server.pid, "memory pressure").what


@ROOT
def test_a_cold_page_cache_on_a_slow_drive(own_model: Path) -> None:
    limits = groups(memory_bytes=4 << 30, read_bytes_per_s=10_000_000, drive=drive_of(own_model))
    with limits as places, llama(own_model, *LEAN, places=places) as server:
        server.ready()
        drop_cache(places[0], own_model)
        server.ask()
        found = until(server.pid, "disk", first=True)
    assert "reading" in found.what
    assert ">" not in found.what
    assert found.check_id == "storage-read-ahead"


def test_more_clients_than_slots(model: Path) -> None:
    with llama(model, "-c", "256", "-np", "1", "-t", "2") as server:
        server.ready()
        server.ask(clients=6, prompt="word " * 220)
        # All six have asked before the first is answered, but not in one moment.
        assert re.search(r"its only slot busy, [1-5] waiting", until(server.pid, "queue full").what)
        full = until(server.pid, "kv cache full")
    assert re.search(r"of 256 tokens, [1-5] waiting", full.what)
    assert full.badness == "bad"


def test_nothing_asked(model: Path) -> None:
    with llama(model, "-c", "512") as server:
        server.ready()
        found = until(server.pid, "idle", first=True)
    assert found.what == f"Idle: no request under way (llama.cpp {server.pid}, port {server.port})"


@ROOT
def test_loading(own_model: Path) -> None:
    slow = groups(read_bytes_per_s=5_000_000, drive=drive_of(own_model))
    with slow as places, llama(own_model, places=places) as server:
        found = until(server.pid, "loading", first=True)
    assert "loads its model" in found.what


def test_a_server_that_tells_nothing(model: Path) -> None:
    with llama(model, "-c", "2048", "--no-slots", metrics=False) as server:
        server.ready()
        server.ask()
        found = until(server.pid, "cannot tell")
    assert found.helps == "restart it with --metrics"

"""Where servers' pages lie is read in a thread, rarely, and never waited for."""

import os
import threading
import time
from pathlib import Path

from made_servers import made_server
from trees import write_tree

from llmtune.probe.host import Answer, Question
from llmtune.probe.live import LiveSource
from llmtune.probe.sample.placement import PlacementWatch
from llmtune.probe.sample.sample import NodeBytes
from llmtune.probe.tree import TreeSource

MAPS = (
    "7f0000000000 default file=/m.gguf mapped=5 mapmax=2 N0=2 N1=3 kernelpagesize_kB=4\n"
    "7f1000000000 bind:1 anon=1 dirty=1 N1=1 kernelpagesize_kB=2048\n"
    "7f2000000000 default stack\n"
)
ENOUGH_SECONDS = 10


class CountingSource(TreeSource):
    """A tree that tells when it was asked, and answers when it may."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.asked: list[float] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def ask(self, question: Question) -> Answer:
        self.asked.append(time.monotonic())
        self.may_answer.wait(ENOUGH_SECONDS)
        return super().ask(question)


def until(watch: PlacementWatch, pid: int) -> bool:
    end = time.monotonic() + ENOUGH_SECONDS
    while time.monotonic() < end:
        if pid in watch.moments():
            return True
        time.sleep(0.002)
    return False


def made(tmp_path: Path) -> CountingSource:
    return CountingSource(write_tree(tmp_path, {f"/proc/{pid}/numa_maps": MAPS for pid in (1, 2)}))


def test_pages_of_each_node(tmp_path: Path) -> None:
    watch = PlacementWatch(made(tmp_path))
    watch.start()
    watch.follow([1])
    assert until(watch, 1)
    placed = watch.moments()[1]
    assert placed["nodes"] == (NodeBytes(0, 2 << 12), NodeBytes(1, (3 << 12) + (2 << 20)))
    assert placed["nodes_clock_s"] is not None
    watch.follow([])
    assert watch.moments() == {}
    watch.stop()


def test_nothing_to_follow_costs_no_thread(tmp_path: Path) -> None:
    before = threading.enumerate()
    watch = PlacementWatch(made(tmp_path))
    watch.start()
    watch.follow([])
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []
    watch.stop()


def test_a_read_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    source = made(tmp_path)
    source.may_answer.clear()
    watch = PlacementWatch(source)
    watch.start()
    began = time.monotonic()
    for _ in range(100):
        watch.follow([1, 2])
        assert watch.moments() == {}
    watch.stop()
    assert time.monotonic() - began < ENOUGH_SECONDS / 2
    source.may_answer.set()


def test_the_pause_grows_with_what_a_read_takes(tmp_path: Path) -> None:
    source = made(tmp_path)
    source.may_answer.clear()
    watch = PlacementWatch(source, every_s=0.0)
    watch.start()
    watch.follow([1])
    while not source.asked:
        time.sleep(0.001)
    time.sleep(0.006)
    answered = time.monotonic()
    source.may_answer.set()
    while len(source.asked) < 2:
        time.sleep(0.001)
    watch.stop()
    # It took at least 6 ms, so the next one comes fifty times that later.
    assert source.asked[1] - answered >= 50 * 0.006 * 0.99


def test_a_new_process_is_read_soon_and_one_that_ended_is_nothing(tmp_path: Path) -> None:
    watch = PlacementWatch(LiveSource())
    watch.start()
    with made_server(tmp_path) as server:
        model = tmp_path / "model.gguf"
        model.write_bytes(os.urandom(8 << 20))
        server.do(f"map {model}")
        watch.follow([1 << 30])
        watch.follow([1 << 30, server.pid])
        if Path("/proc/self/numa_maps").exists():
            assert until(watch, server.pid)
            assert sum(node.bytes for node in watch.moments()[server.pid]["nodes"]) >= 8 << 20
        assert 1 << 30 not in watch.moments()
    watch.stop()

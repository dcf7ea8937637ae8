"""Servers found among real processes, and read while they work and vanish."""

import contextlib
import itertools
import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_servers import MadeServer, made_server
from trees import tree_host, write_tree

from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.live import LiveSource
from llmtune.probe.reading import Malformed
from llmtune.probe.sample.finder import KnownServer, ServerFinder
from llmtune.probe.sample.model_size import ModelSizes, part_names
from llmtune.probe.sample.processes import NewProcesses, parse_process_stat
from llmtune.probe.sample.sample import ServerMoment
from llmtune.probe.sample.servers import parse_status, read_server
from llmtune.probe.sample.threads import ThreadWaits
from llmtune.probe.tree import TreeSource

STAT = (
    "4711 (a b) c) S 1 4711 4711 0 -1 4194560 900 800 7 6 55 44 33 22 20 0 13 0 34075 1000 500 18446744073709551615 1"
)
STATUS = (
    "Name:\tllama-server\nUmask:\t0022\nVmLck:\t     8 kB\nVmRSS:\t   600 kB\nRssAnon:\t     100 kB\n"
    "RssFile:\t     500 kB\nRssShmem:\t       0 kB\nVmSwap:\t      12 kB\nThreads:\t13\nCpus_allowed:\tf\n"
    "Cpus_allowed_list:\t0-2,8\nMems_allowed_list:\t0\n"
)
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def find(finder: ServerFinder, pid: int) -> KnownServer | None:
    return next((known for known in finder.find(Host(LiveSource())) if known.pid == pid), None)


def read(known: KnownServer) -> ServerMoment:
    moment = read_server(Host(LiveSource()), known)
    assert moment is not None
    return moment


def found(server: MadeServer) -> KnownServer:
    known = find(ServerFinder(), server.pid)
    assert known is not None
    return known


def test_what_a_process_says_of_itself() -> None:
    stat = parse_process_stat(STAT)
    assert (stat.state, stat.major_faults, stat.user_ticks, stat.system_ticks) == ("S", 7, 55, 44)
    assert (stat.threads, stat.started_ticks, stat.name, stat.parent, stat.kernel) == (13, 34075, "a b) c", 1, False)
    sizes, allowed = parse_status(STATUS)
    assert sizes == {"RssAnon": 100 << 10, "RssFile": 500 << 10, "VmSwap": 12 << 10, "VmLck": 8 << 10}
    assert allowed == (0, 1, 2, 8)


@pytest.mark.parametrize("text", ["", "4711 (a)", STAT[:60], STAT.replace(" 7 ", " -7 "), STAT.replace(" 55 ", " x ")])
def test_a_damaged_stat_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_process_stat(text)


@settings(max_examples=40)
@given(st.data())
def test_texts_cut_and_garbled_anywhere(data: st.DataObject) -> None:
    for text in (STAT, STATUS):
        start = data.draw(st.integers(0, len(text)))
        damaged = text[:start] + data.draw(st.text(max_size=5)) + text[start + data.draw(st.integers(0, 20)) :]
        sizes, allowed = parse_status(damaged)
        assert all(size >= 0 for size in sizes.values())
        assert allowed is None or all(cpu >= 0 for cpu in allowed)
        with contextlib.suppress(Malformed):
            assert parse_process_stat(damaged).user_ticks >= 0


def test_a_server_is_found_with_what_others_say_of_it(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(os.urandom(3 << 20))
    with made_server(tmp_path, "--model", "model.gguf", "-t", "5") as server:
        server.do(f"map {model}")
        known = found(server)
        moment, process = read(known), psutil.Process(server.pid)
        assert (moment.engine, moment.port, moment.decode_threads) == ("KoboldCpp", server.port, 5)
        assert (moment.model, moment.model_bytes) == ("model.gguf", 3 << 20)
        assert (moment.threads, moment.cpus_allowed) == (process.num_threads(), tuple(process.cpu_affinity()))
        assert moment.started_ticks is not None
        assert moment.started_ticks * TICK_SECONDS + psutil.boot_time() == pytest.approx(process.create_time(), abs=1)
        memory = process.memory_full_info()
        # Kernels since 6.2 count each CPU's pages apart and tell the sum only nearly.
        assert (moment.anon_bytes or 0) + (moment.file_bytes or 0) == pytest.approx(memory.rss, abs=2 << 20)
        assert (moment.file_bytes or 0) >= 3 << 20
        assert (moment.swapped_bytes, moment.locked_bytes) == (memory.swap, 0)
        assert moment.read_bytes is not None
        assert moment.read_bytes <= process.io_counters().read_bytes
        assert moment.cgroup is None or moment.cgroup.path in known.cgroup_text


def test_cpu_time_and_faults_are_counted(tmp_path: Path) -> None:
    with made_server(tmp_path) as server:
        known, process = found(server), psutil.Process(server.pid)
        before = process.cpu_times()
        first = read(known)
        server.do("burn 0.15")
        second = read(known)
        after = process.cpu_times()
        used = sum(
            (b or 0) - (a or 0)
            for a, b in ((first.user_ticks, second.user_ticks), (first.system_ticks, second.system_ticks))
        )
        assert 0.1 <= used * TICK_SECONDS <= after.user + after.system - before.user - before.system + 2 * TICK_SECONDS
        assert (second.major_faults or 0) >= (first.major_faults or 0)


def test_waiting_for_a_cpu_is_counted(tmp_path: Path) -> None:
    # Two that want the same CPU: one of them waits at any time.
    cpu = min(os.sched_getaffinity(0))
    with made_server(tmp_path) as one, made_server(tmp_path) as other:
        for server in (one, other):
            os.sched_setaffinity(server.pid, {cpu})
        known = found(one)
        first = read(known)
        assert other.process.stdin
        other.process.stdin.write("burn 10\n")
        other.process.stdin.flush()
        one.do("burn 0.1")
        second = read(known)
        assert first.run_delay_us is not None
        assert second.run_delay_us is not None
        waited_s = (second.run_delay_us - first.run_delay_us) / 1e6
        counted_s = int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[1]) / 1e9
        assert 0.02 < waited_s <= counted_s


def waited_us(pid: int) -> int:
    return sum(int(path.read_text().split()[1]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) // 1000


def test_all_of_many_busy_threads_are_counted_in_turn(tmp_path: Path) -> None:
    with made_server(tmp_path) as server:
        server.do("threads 40")
        waits, before_us = ThreadWaits(), waited_us(server.pid)
        assert waits.read(Host(LiveSource()), server.pid, 0, 0.0) == 0
        server.do("work 0.01")
        told = [waits.read(Host(LiveSource()), server.pid, turn, 10.0 * turn) for turn in range(1, 17)]
        # 40 on fewer CPUs have waited for another, and the last ones were read in a later turn.
        assert told[0] is not None
        assert told[-1] is not None
        assert 0 < told[0] < told[-1]
        assert told[-1] == pytest.approx(waited_us(server.pid) - before_us, rel=0.05, abs=2000)


def test_what_is_read_late_is_told_over_the_time_in_which_it_was_waited(tmp_path: Path) -> None:
    def at(waited_s: dict[int, float]) -> Host:
        return tree_host(
            tmp_path, {f"/proc/7/task/{thread}/schedstat": f"1 {int(1e9 * s)} 9" for thread, s in waited_s.items()}
        )

    waits, threads = ThreadWaits(), range(100, 140)
    assert waits.read(at(dict.fromkeys(threads, 0.0)), 7, 0, 0.0) == 0
    # Nothing ran for twenty seconds; then all had waited three of them, and one by the kernel's count for forty.
    late = at(dict.fromkeys(threads, 3.0) | {100: 40.0})
    told = [0] + [waits.read(late, 7, 20 + turn, 20.0 + turn) or 0 for turn in range(60)]
    grown = [b - a for a, b in itertools.pairwise(told)]
    assert grown[0] <= 20e6 * 16
    # At any later second no thread tells more than a second, and most of them only their small part of it.
    assert max(grown[1:]) <= 1.01e6 * (1 + 40 * 3 / 20)
    assert told[-1] == pytest.approx(39 * 3e6 + 20e6, abs=4e6)


def test_threads_of_a_process_that_did_not_run_are_not_read(tmp_path: Path) -> None:
    with made_server(tmp_path) as server:
        waits = ThreadWaits()
        waits.read(Host(LiveSource()), server.pid, 5, 1.0)
        host = Host(LiveSource())
        assert waits.read(host, server.pid, 5, 2.0) == 0
        assert not host.answers


def test_forked_workers_are_no_servers(tmp_path: Path) -> None:
    with made_server(tmp_path) as server:
        server.do("fork")
        (worker,) = psutil.Process(server.pid).children()
        pids = {known.pid for known in ServerFinder().find(Host(LiveSource()))}
        assert server.pid in pids
        assert worker.pid not in pids


def test_a_server_that_has_ended_is_nothing_even_before_its_parent_has_noticed(tmp_path: Path) -> None:
    with made_server(tmp_path) as server:
        finder = ServerFinder()
        known = find(finder, server.pid)
        assert known is not None
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{server.pid}/stat").exists()
        assert read_server(Host(LiveSource()), known) is None
        assert find(finder, server.pid) is None  # At once: one that went is a reason to look.
        server.process.wait()
        assert read_server(Host(LiveSource()), known) is None


def test_another_process_with_the_same_number_is_not_it(tmp_path: Path) -> None:
    with made_server(tmp_path) as server:
        known = found(server)
        earlier = replace(known, started_ticks=known.started_ticks - 1)
        assert read_server(Host(LiveSource()), earlier) is None
        assert read_server(Host(LiveSource()), known) is not None


def test_a_program_that_becomes_a_server_later_is_found(tmp_path: Path) -> None:
    finder = ServerFinder(scan_s=0)
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.read(go[0], 1)
            Path("/proc/self/comm").write_text("koboldcpp")
            os.write(ready[1], b"x")
            time.sleep(1000)
        finally:
            os._exit(0)
    try:
        assert find(finder, child) is None
        os.write(go[1], b"x")
        os.read(ready[0], 1)
        assert find(finder, child) is not None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for end in (*ready, *go):
            os.close(end)


def test_processes_that_come_and_go_while_they_are_read() -> None:
    finder = ServerFinder(scan_s=0)
    for _ in range(25):
        child = os.fork()
        if child == 0:
            try:
                Path("/proc/self/comm").write_text("koboldcpp")
            finally:
                os._exit(0)
        host = Host(LiveSource())
        moments = [read_server(host, known) for known in finder.find(host)]
        assert all(moment.threads for moment in moments if moment is not None)
        os.waitpid(child, 0)
    assert child not in {known.pid for known in finder.find(Host(LiveSource()))}


def test_the_kernels_threads_and_old_processes_are_looked_at_once(tmp_path: Path) -> None:
    def stat(pid: int, flags: int, started: int) -> str:
        return f"{pid} (name) S 1 1 1 0 -1 {flags} 9 8 7 6 5 4 3 2 20 0 1 0 {started} 100 5"

    now = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100)
    kernel, old, young = stat(2, 0x208040, 5), stat(30, 0x400100, max(now - 60_000, 0)), stat(40, 0x400100, now)
    host = tree_host(tmp_path, {"/proc/2/stat": kernel, "/proc/30/stat": old, "/proc/40/stat": young})
    processes = NewProcesses()
    assert [pid for pid, _ in processes.look(host, {2, 30, 40, 50}, ())] == [40, 30]
    assert [pid for pid, _ in processes.look(host, {2, 30, 40, 50}, ())] == [40]
    assert [pid for pid, _ in processes.look(host, {2, 30, 40}, {40})] == []
    assert not processes.more


def test_a_thousand_new_processes_are_looked_at_in_portions(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {})
    processes = NewProcesses()
    assert list(processes.look(host, set(range(2000)), ())) == []
    left = [processes.more]
    assert list(processes.look(host, set(range(2000)), ())) == []
    assert [*left, processes.more] == [False, True]  # All of them the first time.


def _any_known() -> KnownServer:
    return KnownServer(1, "x", (), 0, 34075, None, None, None, None, "", None, None)


def test_parts_of_files_that_are_not_ours_to_see(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/4711/stat": STAT, "/proc/4711/status": STATUS})
    moment = read_server(host, replace(_any_known(), pid=4711))
    assert moment is not None
    assert (moment.read_bytes, moment.run_delay_us, moment.cgroup) == (None, None, None)
    assert (moment.user_ticks, moment.file_bytes) == (55, 500 << 10)


def test_the_usual_port_where_sockets_cannot_be_seen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        line = next(
            line
            for line in Path("/proc/net/tcp").read_text().splitlines()
            if f":{port:04X} " in line and " 0A " in line
        )
    table = "header\n" + line.replace(f":{port:04X} ", f":{5001:04X} ")
    files = {"/proc/4711/cmdline": "koboldcpp\0", "/proc/4711/stat": STAT.replace("(a b) c)", "(koboldcpp)")}
    (known,) = ServerFinder().find(tree_host(tmp_path / "a", files | {"/proc/net/tcp": table}))
    assert (known.engine, known.port, known.listens) == ("KoboldCpp", 5001, False)
    (known,) = ServerFinder().find(tree_host(tmp_path / "b", files))
    assert known.port is None


def test_the_model_of_another_users_server_is_seen_where_it_is_not_in_a_container(tmp_path: Path) -> None:
    files = {"/proc/4711/stat": STAT, "/m/x-00001-of-00002.gguf": "12345", "/m/x-00002-of-00002.gguf": "678"}
    host = tree_host(tmp_path, files)
    model = "/m/x-00001-of-00002.gguf"
    assert ModelSizes().size(host, 4711, model, contained=False) == 8
    assert ModelSizes().size(host, 4711, model, contained=True) is None
    assert ModelSizes().size(host, 4711, "x.gguf", contained=False) is None
    assert ModelSizes().size(host, 4711, "/m", contained=False) is None


def test_a_model_on_a_mount_that_hangs_costs_a_short_wait_once(tmp_path: Path) -> None:
    source = HangingSource(write_tree(tmp_path, {"/m.gguf": "1"}))
    sizes = ModelSizes()
    assert sizes.size(Host(source), 4711, "/m.gguf", contained=False) is None
    assert sizes.size(Host(source), 4711, "/m.gguf", contained=False) is None
    assert sizes.size(Host(source), 4712, "/m.gguf", contained=False) is None
    assert source.asked == 1
    source.may_answer.set()


class HangingSource(TreeSource):
    """A tree that does not answer."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.asked = 0
        self.may_answer = threading.Event()

    def ask(self, question: Question) -> Answer:
        self.asked += 1
        self.may_answer.wait(60)
        return super().ask(question)


@pytest.mark.parametrize(
    ("name", "count"),
    [("/m/x.gguf", 1), ("/m/x-00001-of-00003.gguf", 3), ("/m/x-00002-of-00003.gguf", 1), ("/x-00001-of-99999.gguf", 1)],
)
def test_the_parts_of_a_model(name: str, count: int) -> None:
    names = part_names(name)
    assert len(names) == count == len(set(names))
    assert name in names

"""CPUs, niceness and I/O class of a real child process with threads."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from llmtune.tuners.knobs.catalogue import resolve
from llmtune.tuners.knobs.kernel_file import LIVE
from llmtune.tuners.knobs.knob import Gone, Refused
from llmtune.tuners.records import Change, Wrote
from llmtune.tuners.undo import decide, restore
from llmtune.tuners.values_now import identities, same_things

THREADED = """
import sys, threading
for _ in range(2):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
SPAWNING = """
import sys, threading
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("more", flush=True)
sys.stdin.read()
"""


def started(program: str) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def ended(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


@pytest.fixture
def child() -> Iterator[int]:
    process = started(THREADED)
    yield process.pid
    ended(process)


def threads(pid: int) -> list[int]:
    return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))


def test_niceness_is_set_for_every_thread(child: int) -> None:
    knob = resolve(f"process.nice@{child}")
    assert len(threads(child)) == 3
    start = os.getpriority(os.PRIO_PROCESS, child)
    knob.write("15")
    assert [os.getpriority(os.PRIO_PROCESS, tid) for tid in threads(child)] == [15, 15, 15]
    assert knob.read() == "15" != str(start)


def test_threads_that_differ_are_told_and_come_back(child: int) -> None:
    knob = resolve(f"process.nice@{child}")
    other = threads(child)[1]
    os.setpriority(os.PRIO_PROCESS, other, 11)
    before = knob.read()
    assert before.endswith(f" {other}=11")
    assert knob.holds(before)
    knob.write("12")
    assert knob.read() == "12"
    if os.geteuid() == 0:
        knob.write(before)
        assert knob.read() == before
        assert os.getpriority(os.PRIO_PROCESS, other) == 11


def test_cpus_are_set_for_every_thread(child: int) -> None:
    allowed = sorted(os.sched_getaffinity(child))
    knob = resolve(f"process.cpus@{child}")
    before = knob.read()
    knob.write(str(allowed[-1]))
    assert all(os.sched_getaffinity(tid) == {allowed[-1]} for tid in threads(child))
    knob.write(before)
    assert all(os.sched_getaffinity(tid) == set(allowed) for tid in threads(child))


def test_the_io_class_is_set_for_every_thread(child: int) -> None:
    knob = resolve(f"process.io_class@{child}")
    before = knob.read()
    for value in ("best-effort:7", "idle"):
        knob.write(value)
        assert knob.read() == value
    knob.write("none")
    assert knob.read() == before


def test_threads_that_came_later_get_what_the_first_gets() -> None:
    process = started(SPAWNING)
    try:
        knob = resolve(f"process.io_class@{process.pid}")
        assert process.stdin is not None
        assert process.stdout is not None
        before = knob.read()
        knob.write("best-effort:6")
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "more\n"
        assert len(threads(process.pid)) == 2
        assert knob.matches("best-effort:6", knob.read())
        knob.write(before)
        assert knob.read() == before
    finally:
        ended(process)


def test_a_value_of_threads_that_have_ended_still_matches() -> None:
    knob = resolve(f"process.nice@{os.getpid()}")
    assert knob.matches("0 99=5 100=7", "0 99=5")
    assert not knob.matches("0 99=5", "0 99=6")
    assert not knob.matches("0 99=5", "1 99=5")


def test_a_process_that_has_ended_is_gone_and_no_failure() -> None:
    process = started(THREADED)
    key = f"process.nice@{process.pid}"
    told = identities([key], LIVE)
    change = Change(targets={key: "15"}, before={key: resolve(key).read()}, identity=told)
    resolve(key).write("15")
    ended(process)
    with pytest.raises(Gone):
        resolve(key).read()
    decision = decide(change, Wrote(change=0, after={key: "15"}), None, frozenset(), LIVE, force=False)
    assert decision.gone is not None
    assert restore(decision, LIVE).failed is None


def test_another_process_under_this_number_is_told(child: int) -> None:
    key = f"process.nice@{child}"
    told = identities([key], LIVE)
    assert same_things(told, LIVE) is None
    assert same_things({key: str(int(told[key]) - 1)}, LIVE) is not None


@pytest.mark.parametrize(
    ("key", "asked", "canonical"),
    [
        ("process.nice", "-20", "-20"),
        ("process.nice", "+5", None),
        ("process.nice", "20", None),
        ("process.nice", "٣", None),
        ("process.nice", "5 1=2", None),
        ("process.io_class", "idle", "idle"),
        ("process.io_class", "best-effort", "best-effort:4"),
        ("process.io_class", "best-effort:8", None),
        ("process.io_class", "best-effort:²", None),
        ("process.io_class", "batch", None),
        ("process.cpus", "0,1,2", "0-2"),
        ("process.cpus", "2,0", "0,2"),
        ("process.cpus", "", None),
        ("process.cpus", "0; reboot", None),
        ("process.cpus", "9000", None),
        ("process.cpus", "0-999999999", None),
    ],
)
def test_one_value_for_all_threads_is_taken_or_refused(key: str, asked: str, canonical: str | None) -> None:
    knob = resolve(f"{key}@1")
    if canonical is None:
        with pytest.raises(Refused, match=key):
            knob.canonical(asked)
    else:
        assert knob.canonical(asked) == canonical


@pytest.mark.parametrize("text", ["", " ", "5 ", "5 1", "5 0=1", "5 12=99", "5 12=1;id", "x", "5  1=2"])
def test_a_journal_s_value_that_is_none_is_told(text: str) -> None:
    assert not resolve("process.nice@1").holds(text)


def test_commands_are_those_that_people_type() -> None:
    assert resolve("process.cpus@77").command("0-3") == "taskset -acp 0-3 77"
    assert resolve("process.nice@77").command("5") == "renice -n 5 -p $(ls /proc/77/task)"
    assert resolve("process.io_class@77").command("best-effort:2") == "ionice -c 2 -n 2 -p $(ls /proc/77/task)"

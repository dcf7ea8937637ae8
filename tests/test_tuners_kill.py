"""SIGKILL after every single system call of apply and of rollback; afterwards the machine is as it was, every time."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from installed import installed, llmtune
from live_machine import POOL, Machine, applying, fast_folder, machine, new_store, put_file, read_file, rolling_back
from tracer import Call, run_traced

from llmtune.tuners.prepare import Wish

pytestmark = pytest.mark.heavy
WHOLE_DUMP_EVERY = 20


@pytest.fixture
def here() -> Iterator[Machine]:
    with machine() as found:
        yield found


@pytest.fixture
def folder() -> Iterator[Path]:
    with fast_folder() as found:
        yield found


class AsBefore:
    """Compares the machine with what it was: what may have been touched each time, all of /proc/sys now and then."""

    def __init__(self, here: Machine) -> None:
        self.here, self.touched, self.whole, self.count = here, here.touched(), here.whole(), 0

    def check(self, when: str, every: int = WHOLE_DUMP_EVERY) -> None:
        now, before = self.here.touched(), self.touched
        if self.count % every == 0:
            now, before = self.here.whole(), self.whole
        self.count += 1
        assert now == before, f"{when}: {differences(before, now)}"


def differences(before: dict[str, str], now: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {key: (before.get(key), now.get(key)) for key in before | now if before.get(key) != now.get(key)}


def test_apply_killed_after_every_system_call(here: Machine, folder: Path) -> None:
    as_before = AsBefore(here)
    assert len(here.wishes()) >= 10
    count = 0
    while True:
        store = new_store(folder / "llmtune")
        ending = run_traced(applying(store, here.wishes()), kill_after=count)
        if not ending.killed:
            assert ending.answer == "applied"
            assert differences(as_before.touched, here.touched()), "apply wrote nothing"
        assert rolling_back(store)() == "", count
        as_before.check(f"killed after {count} calls")
        if not ending.killed:
            break
        count += 1
    as_before.check("at the end", every=1)
    print(f"apply: killed after each of {count} system calls")
    assert count > 300


def test_rollback_killed_after_every_system_call(here: Machine, folder: Path) -> None:
    as_before = AsBefore(here)
    count = 0
    while True:
        store = new_store(folder / "llmtune")
        assert applying(store, here.wishes())() == "applied"
        ending = run_traced(rolling_back(store), kill_after=count)
        assert ending.killed or ending.answer == ""
        assert rolling_back(store)() == "", count
        as_before.check(f"killed after {count} calls")
        if not ending.killed:
            break
        count += 1
    as_before.check("at the end", every=1)
    print(f"rollback: killed after each of {count} system calls")
    assert count > 200


def test_repair_of_a_killed_apply_is_killed_too(here: Machine, folder: Path) -> None:
    as_before = AsBefore(here)
    hits = 0
    for first in range(150, 900, 53):
        for second in range(first % 11, 400, 43):
            store = new_store(folder / "llmtune")
            assert run_traced(applying(store, here.wishes()), kill_after=first).killed
            if not run_traced(rolling_back(store), kill_after=second).killed:
                break
            hits += 1
            assert rolling_back(store)() == ""
            as_before.check(f"apply killed after {first} calls, its repair after {second}")
    rolling_back(store)()
    print(f"repair: killed at {hits} points")
    assert hits > 20


def test_what_somebody_else_set_stays_wherever_rollback_is_killed(here: Machine, folder: Path) -> None:
    before = here.touched()
    drifted = {"/proc/sys/vm/swappiness": "33", f"/sys/block/{here.device}/queue/nr_requests": "40"}
    count = 0
    while True:
        store = new_store(folder / "llmtune")
        assert applying(store, here.wishes())() == "applied"
        for path, value in drifted.items():
            put_file(path, value)
        ending = run_traced(rolling_back(store), kill_after=count)
        assert rolling_back(store)() == "", count
        expected = {**before, **{path: f"{value}\n" for path, value in drifted.items()}}
        now = here.touched()
        assert now == expected, f"killed after {count} calls: {differences(expected, now)}"
        put_file("/proc/sys/vm/swappiness", before["/proc/sys/vm/swappiness"])
        put_file(f"/sys/block/{here.device}/queue/nr_requests", "60")
        if not ending.killed:
            break
        count += 13
    assert count > 100


def test_apply_killed_while_the_kernel_gives_pages(here: Machine, folder: Path) -> None:
    """A kill in the middle of a call: the pool is then of any size up to what was asked for."""
    as_before = AsBefore(here)
    sizes = set()
    wishes = [wish for wish in here.wishes() if not wish.key.startswith("hugepages.")]
    wishes.append(Wish("hugepages.2048kB", "600"))

    def soon(milliseconds: int, call: Call) -> float | None:
        return milliseconds / 1000 if call.name == "write" and call.path() == POOL else None

    for step in range(0, 60, 3):
        store = new_store(folder / "llmtune")
        assert run_traced(applying(store, wishes), kill_within=partial(soon, step)).killed
        sizes.add(int(read_file(POOL)))
        assert rolling_back(store)() == ""
        as_before.check(f"killed with {max(sizes)} pages")
    print(f"pool sizes at the kill: {sorted(sizes)}")
    assert min(sizes) < 600


def test_command_killed_before_the_lock_changes_nothing(here: Machine) -> None:
    command = [installed(), "apply", "--yes", "--set", "vm.swappiness=10", "--set", "thp.enabled=always"]

    def run() -> str:
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(quiet, fd)
        os.execv(command[0], command)

    as_before = AsBefore(here)
    for _ in range(2):  # the first start also compiles
        whole = run_traced(run)
        assert whole.code == 0
    assert differences(as_before.touched, here.touched()), "apply wrote nothing"
    assert llmtune("rollback", "--yes").returncode == 0
    as_before.check("after a rollback", every=1)
    assert whole.before_lock > 500
    for point in range(20):
        ending = run_traced(run, kill_before_lock=whole.before_lock * (point + 1) // 20 - 10)
        assert ending.killed
        assert llmtune("rollback", "--yes").returncode == 0
        as_before.check(f"killed at {point + 1} twentieths of the way to the lock", every=10)

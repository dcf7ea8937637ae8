"""Failing calls, full and read-only disks, signals and rivals: all that was asked for is there, or nothing of it."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from live_machine import Machine, applying, fast_folder, machine, new_store, rolling_back
from tracer import Call, run_traced

from llmtune.tuners.lock import Busy, locked
from llmtune.tuners.prepare import Wish
from llmtune.tuners.session import read_here, session
from llmtune.tuners.store import Store

pytestmark = pytest.mark.heavy
SETTERS = ("setpriority", "sched_setaffinity", "ioprio_set")
REFUSALS = [errno.EIO, errno.EPERM, errno.EINVAL, errno.EBUSY]


@pytest.fixture
def here() -> Iterator[Machine]:
    with machine() as found:
        yield found


@pytest.fixture
def folder() -> Iterator[Path]:
    with fast_folder() as found:
        yield found


def changes_machine(call: Call) -> bool:
    return call.name in SETTERS or (call.name == "write" and call.path().startswith(("/proc/sys/", "/sys/")))


@dataclass
class Fault:
    """Lets the n-th of certain calls fail, or all from the n-th on."""

    concerns: Callable[[Call], bool]
    number: int
    error: int
    lasting: bool = False
    count: int = 0
    changed_before: int = 0
    """How many calls had changed the machine when it struck."""
    changes: int = field(default=0)

    def __call__(self, call: Call) -> int | None:
        concerned = self.concerns(call)
        if concerned:
            self.count += 1
        if concerned and (self.count == self.number or (self.lasting and self.count > self.number)):
            if self.count == self.number:
                self.changed_before = self.changes
            return self.error
        self.changes += changes_machine(call)
        return None

    @property
    def struck(self) -> bool:
        return self.count >= self.number


@pytest.mark.parametrize("late", [False, True], ids=["refused", "made-and-refused"])
@pytest.mark.parametrize("error", REFUSALS, ids=errno.errorcode.get)
def test_required_change_that_fails_undoes_all(here: Machine, folder: Path, error: int, late: bool) -> None:
    before, number = here.touched(), 0
    while True:
        number += 1
        store, fault = new_store(folder / "llmtune"), Fault(changes_machine, number, error)
        ending = run_traced(applying(store, here.wishes()), watch=fault, late=late)
        if not fault.struck:
            break
        assert ending.answer.startswith("undone"), (number, ending.answer)
        assert here.touched() == before, number
        assert rolling_back(store)() == ""
        assert here.touched() == before, number
    assert rolling_back(store)() == ""
    assert here.touched() == before
    assert number > len(here.wishes())


@pytest.mark.parametrize("late", [False, True], ids=["refused", "made-and-refused"])
def test_optional_change_that_fails_is_left_as_it_was(here: Machine, folder: Path, late: bool) -> None:
    wishes = [replace(wish, required=False) for wish in here.wishes()]
    before, number = here.touched(), 0
    assert applying(store := new_store(folder / "llmtune"), wishes)() == "applied"
    wanted = here.touched()
    assert rolling_back(store)() == ""
    while True:
        number += 1
        store = new_store(folder / "llmtune")
        fault = Fault(changes_machine, number, REFUSALS[number % len(REFUSALS)])
        ending = run_traced(applying(store, wishes), watch=fault, late=late)
        if not fault.struck:
            break
        now = here.touched()
        missing = {key for key in wanted if now.get(key) != wanted[key]}
        assert ending.answer == "degraded", number
        assert missing, number
        threads = {key for key in missing if key.isdigit()}  # of their three values one was refused
        assert all(now[key] == before[key] for key in missing - threads if key in now and key in before), number
        assert rolling_back(store)() == ""
        assert here.touched() == before, number
    assert rolling_back(store)() == ""
    assert number > len(wishes)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def test_journal_that_cannot_be_written(here: Machine, folder: Path, error: int, lasting: bool) -> None:
    before, number, early, later = here.touched(), 0, 0, 0

    def of_journal(call: Call) -> bool:
        kinds = ("write", "fsync", "ftruncate", "renameat", "mkdirat")
        return call.name in kinds and call.path().startswith(f"{store.state}/")

    while True:
        number += 1
        store = new_store(folder / "llmtune")
        fault = Fault(of_journal, number, error, lasting)
        ending = run_traced(applying(store, here.wishes()), watch=fault)
        if not fault.struck:
            break
        if here.touched() == before:
            early += fault.changed_before == 0
            later += fault.changed_before > 0
            allowed = ("raised OSError", "undone") if fault.changed_before == 0 else ("undone",)
            assert ending.answer.startswith(allowed), (number, ending.answer)
        else:
            # What was left to write is the script beside a journal that is complete.
            assert ending.answer in ("applied", "degraded"), (number, ending.answer)
        assert rolling_back(store)() == ""
        assert here.touched() == before, number
    assert rolling_back(store)() == ""
    assert early >= 3
    assert later >= 3


@contextmanager
def small_disk(folder: Path, kind: str) -> Iterator[Path]:
    """A file system of its own: in memory, or ext4 in a file."""
    place = folder / "disk"
    place.mkdir()
    if kind == "ext4":
        image = folder / "image"
        image.write_bytes(b"")
        os.truncate(image, 4 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
    else:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "llmtune-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(disk: Path, spare_bytes: int) -> None:
    """Leave about so much."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() - spare_bytes))


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_full_disk(here: Machine, tmp_path: Path, kind: str) -> None:
    before, answers = here.touched(), []
    with small_disk(tmp_path, kind) as disk:
        for pages in range(0, 41, 4):
            store = Store(str(disk / "state"), str(tmp_path / "run"))
            shutil.rmtree(disk / "state", ignore_errors=True)
            (disk / "filler").unlink(missing_ok=True)
            assert rolling_back(store)() == ""  # the directories are there before the disk is full
            fill(disk, pages * 4096)
            ending = run_traced(applying(store, here.wishes()))
            answers.append(ending.answer)
            if here.touched() == before:
                assert ending.answer.startswith(("raised OSError", "undone")), pages
            else:
                assert ending.answer in ("applied", "degraded"), pages
            assert rolling_back(store)() == "", pages
            assert here.touched() == before, pages
    assert answers[0].endswith(os.strerror(errno.ENOSPC))
    assert answers[-1] == "applied"


def test_read_only_disk(here: Machine, tmp_path: Path) -> None:
    before = here.whole()
    with small_disk(tmp_path, "tmpfs") as disk:
        store = Store(str(disk / "state"), str(tmp_path / "run"))
        assert rolling_back(store)() == ""
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        ending = run_traced(applying(store, here.wishes()))
    assert ending.answer.startswith(f"raised OSError: [Errno {errno.EROFS}]")
    assert here.whole() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_at_any_time_leaves_all_or_nothing(here: Machine, folder: Path, number: signal.Signals) -> None:
    before = here.touched()
    assert applying(store := new_store(folder / "llmtune"), here.wishes())() == "applied"
    wanted = here.touched()
    assert rolling_back(store)() == ""
    count = run_traced(applying(store := new_store(folder / "llmtune"), here.wishes())).boundaries
    assert rolling_back(store)() == ""
    outcomes = set()
    for boundary in range(number % 7, count, max(1, count // 40)):
        store = new_store(folder / "llmtune")
        ending = run_traced(applying(store, here.wishes()), signal_after=(boundary, number))
        now = here.touched()
        assert now in (before, wanted), (boundary, ending.answer)
        outcomes.add(now == wanted)
        if ending.answer.startswith("undone"):
            assert number.name in ending.answer
        assert rolling_back(store)() == ""
        assert here.touched() == before, boundary
    assert False in outcomes


def test_second_waits_and_then_gives_up(tmp_path: Path) -> None:
    store = new_store(tmp_path / "llmtune")
    asked, told = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        with locked(store):
            os.write(told[1], b"x")
            os.read(asked[0], 1)
        os._exit(0)
    os.read(told[0], 1)
    with pytest.raises(Busy, match="another llmtune"), session(store, read_here(), wait_seconds=0.3):
        pass
    second = os.fork()
    if second == 0:
        try:
            os._exit(0 if applying(store, [Wish("vm.stat_interval", "1")])() == "nothing" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(second, os.WNOHANG)[0] == 0
    os.write(asked[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == 0
    os.waitpid(pid, 0)

"""What keeps the promise, broken on purpose: each of these checks must fail then, and hold otherwise."""

import fcntl
import os
import stat
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from tracer import record
from tuner_trees import contents, lay_out, put, sysctl_files

from llmtune.tuners import lock, transaction, undo, values_now
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.lock import Busy
from llmtune.tuners.prepare import Wish, prepare
from llmtune.tuners.records import Values
from llmtune.tuners.session import Here, Session, session
from llmtune.tuners.store import Store
from llmtune.tuners.transaction import Applied, Who, apply

pytestmark = pytest.mark.heavy
HERE = Here("boot-1", "machine-1")
SWAPPINESS = "/proc/sys/vm/swappiness"
MADE = Who("root")

Check = Callable[[Path], None]


def a_machine(folder: Path) -> tuple[Tree, Store]:
    folder.mkdir()
    tree = lay_out(folder / "machine", sysctl_files())
    return tree, Store(str(folder / "state"), str(folder / "run"))


def set_swappiness(opened: Session, value: str) -> Applied:
    return apply(opened, prepare([Wish("vm.swappiness", value)], opened.tree, as_root=True), MADE)


def read_swappiness(tree: Tree) -> str:
    return contents(tree)[SWAPPINESS.removeprefix("/")].decode().strip()


def found_is_on_the_disk_before_the_first_write(folder: Path) -> None:
    tree, store = a_machine(folder)

    def run() -> str:
        with session(store, HERE, tree) as opened:
            return set_swappiness(opened, "10").outcome

    ending, calls = record(run)
    assert ending.answer == "applied"
    journals = f"{store.state}/journal"
    journal = f"{journals}/000001.journal"
    first = calls.index(("write", tree.path(SWAPPINESS)))
    before = calls[:first]
    assert before.index(("write", journal)) < before.index(("fsync", journal)) < before.index(("fsync", journals))
    last_write = max(place for place, call in enumerate(calls) if call == ("write", journal))
    assert ("fsync", journal) in calls[last_write:], "the end of the transaction is not on the disk"


def what_the_kernel_made_otherwise_is_not_accepted(folder: Path) -> None:
    tree, store = a_machine(folder)
    with session(store, HERE, tree) as opened:
        # A plain file keeps its second digit: like a kernel that takes a value and makes another of it.
        done = set_swappiness(opened, "5")
    assert done.outcome == "undone"
    assert done.why == "vm.swappiness: asked for 5, got 50"
    assert read_swappiness(tree) == "60"


def what_somebody_else_set_is_not_overwritten(folder: Path) -> None:
    tree, store = a_machine(folder)
    with session(store, HERE, tree) as opened:
        assert set_swappiness(opened, "10").outcome == "applied"
        put(tree, SWAPPINESS, "33\n")
        undoing = opened.undo(opened.active()[0])
    assert read_swappiness(tree) == "33"
    assert undoing.left == {"vm.swappiness": "33"}


def what_somebody_else_set_meanwhile_is_not_overwritten(folder: Path) -> None:
    tree, store = a_machine(folder)
    with session(store, HERE, tree) as opened:
        prepared = prepare([Wish("vm.swappiness", "10")], tree, as_root=True)
        put(tree, SWAPPINESS, "33\n")
        assert apply(opened, prepared, MADE).outcome == "undone"
    assert read_swappiness(tree) == "33"


def one_at_a_time(folder: Path) -> None:
    tree, store = a_machine(folder)
    with session(store, HERE, tree), pytest.raises(Busy), session(store, HERE, tree, wait_seconds=0):
        pass


def no_fsync() -> None:
    os.fsync = lambda fd: None


def no_fsync_of_directories() -> None:
    real = os.fsync
    os.fsync = lambda fd: None if stat.S_ISDIR(os.fstat(fd).st_mode) else real(fd)  # type: ignore[arg-type]


def no_fsync_of_files() -> None:
    real = os.fsync
    os.fsync = lambda fd: real(fd) if stat.S_ISDIR(os.fstat(fd).st_mode) else None  # type: ignore[arg-type]


def no_read_back() -> None:
    transaction._shortfall = lambda targets, after, tree: None


def no_compare_before_restore() -> None:
    undo._ours = lambda *arguments: True


def no_compare_before_write() -> None:
    real, calls = values_now.read_all, [0]

    def read_all(keys: Values, tree: Tree) -> Values:
        calls[0] += 1
        return dict(keys) if calls[0] == 1 else real(keys, tree)

    vars(transaction)["read_all"] = read_all


def no_lock() -> None:
    lock.fcntl.flock = lambda fd, operation: None  # type: ignore[attr-defined]


BROKEN: list[tuple[Check, Callable[[], None]]] = [
    (found_is_on_the_disk_before_the_first_write, no_fsync),
    (found_is_on_the_disk_before_the_first_write, no_fsync_of_directories),
    (found_is_on_the_disk_before_the_first_write, no_fsync_of_files),
    (what_the_kernel_made_otherwise_is_not_accepted, no_read_back),
    (what_somebody_else_set_is_not_overwritten, no_compare_before_restore),
    (what_somebody_else_set_meanwhile_is_not_overwritten, no_compare_before_write),
    (one_at_a_time, no_lock),
]


def holds(check: Check, folder: Path, mutation: Callable[[], None] | None) -> bool:
    """Whether a check passes in a child in which something was broken; raises where it fails by anything but itself."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            if mutation is not None:
                mutation()
            check(folder)
            code = 0
        except (AssertionError, ValueError, pytest.fail.Exception):
            code = 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 1), f"{check.__name__} ended with {code}"
    return code == 0


@pytest.mark.parametrize(("check", "mutation"), BROKEN, ids=lambda found: found.__name__)
def test_broken_on_purpose_turns_red(check: Check, mutation: Callable[[], None], tmp_path: Path) -> None:
    assert holds(check, tmp_path / "whole", None), "red although nothing is broken"
    assert not holds(check, tmp_path / "broken", mutation), "green although it is broken"
    assert fcntl.flock.__module__ == "fcntl", "a mutation came out of its child"

"""Files of our own and a SIGKILL before each call that changes the disk, in apply and in rollback."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_tuners_system_files import ALL, LIMITS, SETTINGS, UNIT_DIRECTORY, listing, tune, undo

from llmtune.tuners.knobs.boot_texts import BootSettings, render_settings
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.prepare import Wish

pytestmark = pytest.mark.heavy  # some hundred killed processes and their syncs

CALLS = ("mkdir", "open", "write", "fsync", "fchmod", "link", "unlink", "rename", "rmdir", "symlink", "replace")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    os.umask(0o022)
    root = tmp_path / "machine"
    for directory in (UNIT_DIRECTORY, LIMITS):
        (root / directory).mkdir(parents=True)
    return Tree(str(root))


def forget(tree: Tree) -> None:
    """Remove the journals: each that is read is a call more, so that the end would run away."""
    for end in ("state", "run"):
        shutil.rmtree(f"{tree.root}.{end}", ignore_errors=True)


def ends_before_call(number: int, act: Callable[[], object]) -> bool:
    """Do something in a child that is killed before the numbered call; whether it came to the end before."""
    child = os.fork()
    if child == 0:
        count = itertools.count(1)

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapper(*arguments: Any, **more: Any) -> Any:
                if next(count) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **more)

            return wrapper

        try:
            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


def test_apply_killed_anywhere_is_put_back(tree: Tree) -> None:
    before = listing(tree)
    for number in itertools.count(1):
        forget(tree)
        ended = ends_before_call(number, lambda: tune(tree, *ALL))
        assert all(not done.failed and not done.left for done in undo(tree)), number
        assert listing(tree) == before, number
        if ended:
            break
    assert number > 60


def test_rollback_killed_anywhere_goes_on(tree: Tree) -> None:
    before = listing(tree)
    for number in itertools.count(1):
        forget(tree)
        tune(tree, *ALL)
        ended = ends_before_call(number, lambda: undo(tree))
        assert all(not done.failed and not done.left for done in undo(tree)), number
        assert listing(tree) == before, number
        if ended:
            break
    assert number > 40


def test_a_second_apply_killed_anywhere_leaves_the_first(tree: Tree) -> None:
    first = (Wish("boot.settings", SETTINGS), Wish("memlock@ollama.service", "1048576"))
    tune(tree, *first)
    before = listing(tree)
    again = render_settings(BootSettings(settings=()))

    def second() -> None:
        tune(tree, Wish("boot.settings", again), Wish("memlock@ollama.service", "infinity"))

    leftovers = set()
    for number in itertools.count(1):
        forget(tree)
        if ends_before_call(number, second):
            break
        assert all(not done.failed and not done.left for done in undo(tree)), number
        after = listing(tree)
        leftovers |= after.keys() - before.keys()
        assert {name: after[name] for name in before} == before, number
        for name in after.keys() - before.keys():
            (Path(tree.root) / name).unlink()
    # A file that replaces another has a name for the moment before: what a kill leaves there harms nothing.
    assert {Path(name).name for name in leftovers} <= {".llmtune-new"}
    assert number > 30

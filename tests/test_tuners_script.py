"""rollback.sh: syntax, order and quoting; what it does on a machine is tried with root elsewhere."""

import subprocess
from pathlib import Path

import pytest
from made_journals import CHANGES, made_begin
from tuner_trees import lay_out, whole_machine

from llmtune.tuners.journal import Journal
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.plain import replaced
from llmtune.tuners.records import Change, Wrote
from llmtune.tuners.script import render_script


@pytest.fixture
def machine(tmp_path: Path) -> Tree:
    return lay_out(tmp_path, whole_machine())


def journal(number: int, *changes: Change, after: dict[int, dict[str, str | None]] | None = None) -> Journal:
    begin = made_begin(number, changes=list(changes or CHANGES))
    found = Journal(f"{number:06}.journal", begin)
    for change, values in (after or {}).items():
        found.wrote[change] = Wrote(change=change, after=values)
    return found


def checked(text: str) -> str:
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return text


def test_it_is_valid_shell_and_newest_first(machine: Tree) -> None:
    second = Change(targets={"vm.page-cluster": "3"}, before={"vm.page-cluster": "0"})
    text = checked(render_script([journal(1), journal(2, second)], machine))
    assert text.startswith("#!/bin/sh\n")
    assert "# transactions 2, 1" in text
    assert text.index("page-cluster") < text.index("hugepages-2048kB") < text.index("vm/swappiness")


def test_nothing_in_force_is_a_script_too(machine: Tree) -> None:
    text = checked(render_script([], machine))
    assert "/proc/sys" not in text


def test_the_zero_of_a_pair_is_never_written(machine: Tree) -> None:
    after: dict[int, dict[str, str | None]] = {1: {"vm.dirty_bytes": "1073741824", "vm.dirty_ratio": "0"}}
    text = checked(render_script([journal(1, after=after)], machine))
    assert "/proc/sys/vm/dirty_ratio 20" in text
    assert "/proc/sys/vm/dirty_bytes 0" not in text


def test_a_change_that_failed_is_not_in_it(machine: Tree) -> None:
    failed = journal(1)
    failed.failed[0] = "refused"
    assert "swappiness" not in render_script([failed], machine)


def test_on_another_boot_it_touches_nothing(machine: Tree, tmp_path: Path) -> None:
    other = journal(1)
    place = tmp_path / "rollback.sh"
    place.write_text(render_script([other], machine))
    done = subprocess.run(["sh", str(place)], text=True, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == "", "it looked at nothing"


def test_what_a_journal_holds_is_quoted(machine: Tree) -> None:
    odd = journal(1)
    hostile = "x'; touch /tmp/gotcha; '"
    odd.begin = replaced(odd.begin, boot=hostile)
    text = checked(render_script([odd], machine))
    assert f"= {hostile}" not in text


def test_processes_get_commands_that_people_know(machine: Tree) -> None:
    change = Change(targets={"process.nice@77": "5"}, before={"process.nice@77": "0"})
    text = checked(render_script([journal(1, change)], machine))
    assert "renice -n 0 -p" in text

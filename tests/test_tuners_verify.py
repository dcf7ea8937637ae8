"""Whether what was applied still holds, on laid-out machines."""

from pathlib import Path

import pytest
from tuner_trees import lay_out, put, whole_machine

from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.plain import replaced
from llmtune.tuners.summary import InForce, Kept, Summary
from llmtune.tuners.verify import verify


@pytest.fixture
def machine(tmp_path: Path) -> Tree:
    return lay_out(tmp_path, whole_machine())


def summary(**values: str) -> Summary:
    keys = {key.replace("__", "."): Kept(before="1", value=value) for key, value in values.items()}
    force = InForce(id=1, time="", user="ann", profile=None, on_trial=False, trial_seconds=None, keys=keys)
    return Summary(transactions=(force,))


def states(found: Summary | None, machine: Tree) -> dict[str, str]:
    return {held.key: held.state for held in verify(found, machine)}


def test_what_holds_and_what_somebody_changed(machine: Tree) -> None:
    put(machine, "/proc/sys/vm/swappiness", "10")
    told = states(summary(vm__swappiness="10", vm__stat_interval="7"), machine)
    assert told == {"vm.swappiness": "ok", "vm.stat_interval": "drift"}


def test_a_device_that_went_is_gone_and_a_key_of_another_version_is_not_known(machine: Tree) -> None:
    gone = {"block.read_ahead_kb@nosuch": Kept(before="1", value="2"), "vm.no_such": Kept(before="1", value="2")}
    found = replaced(summary().transactions[0], keys=gone)
    told = states(Summary(transactions=(found,)), machine)
    assert told == {"block.read_ahead_kb@nosuch": "gone", "vm.no_such": "unknown"}


def test_settings_for_each_boot_that_were_not_applied_are_told(machine: Tree) -> None:
    assert states(None, machine) == {}
    file = Path(machine.path("/etc/llmtune/boot.json"))
    file.parent.mkdir(parents=True)
    file.write_text("{}\n")
    (held,) = verify(None, machine)
    assert (held.state, "not applied since this boot" in held.why) == ("drift", True)
    assert states(summary(), machine) == {}

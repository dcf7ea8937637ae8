"""From wishes to changes, on laid-out machines."""

from pathlib import Path

import pytest
from made_journals import made_begin
from tuner_trees import THP, contents, lay_out, put, whole_machine

from llmtune.tuners.journal import Journal
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.knobs.knob import Refused
from llmtune.tuners.prepare import CannotChange, Wish, prepare, taken_over
from llmtune.tuners.records import Change, Wrote


@pytest.fixture
def machine(tmp_path: Path) -> Tree:
    return lay_out(tmp_path, whole_machine())


def test_looking_writes_nothing(machine: Tree) -> None:
    before = contents(machine)
    found = prepare([Wish("vm.swappiness", "10"), Wish("hugepages.2048kB", "8")], machine, as_root=True)
    assert len(found.changes) == 2
    assert contents(machine) == before


def test_what_is_right_already_is_left_out(machine: Tree) -> None:
    found = prepare([Wish("vm.swappiness", "60"), Wish("thp.enabled", "madvise")], machine, as_root=False)
    assert found.changes == ()
    assert found.already == {"vm.swappiness": "60", "thp.enabled": "madvise"}


@pytest.mark.parametrize(("now", "changes"), [("1048576", 0), ("2000000", 0), ("65530", 1)])
def test_at_least_never_lowers(machine: Tree, now: str, changes: int) -> None:
    put(machine, "/proc/sys/vm/max_map_count", now)
    found = prepare([Wish("vm.max_map_count", "1048576", at_least=True)], machine, as_root=False)
    assert len(found.changes) == changes


def test_one_bad_wish_refuses_all_whether_required_or_not(machine: Tree) -> None:
    for required in (True, False):
        with pytest.raises(Refused, match=r"vm\.swappiness"):
            prepare([Wish("thp.enabled", "never"), Wish("vm.swappiness", "201", required)], machine, as_root=False)


def test_what_a_machine_lacks_is_left_out_or_stops(machine: Tree) -> None:
    Path(machine.path("/proc/sys/kernel/numa_balancing")).unlink()
    wishes = [Wish("vm.swappiness", "10"), Wish("kernel.numa_balancing", "1", required=False)]
    found = prepare(wishes, machine, as_root=True)
    assert [tuple(change.targets) for change in found.changes] == [("vm.swappiness",)]
    assert "this machine has no" in found.left_out["kernel.numa_balancing"]
    with pytest.raises(CannotChange, match="this machine has no"):
        prepare([Wish("kernel.numa_balancing", "1")], machine, as_root=True)


def test_the_last_wish_for_a_key_counts(machine: Tree) -> None:
    wishes = [Wish("vm.swappiness", "10"), Wish("vm.page-cluster", "3"), Wish("vm.swappiness", "20")]
    found = prepare(wishes, machine, as_root=False)
    assert [change.targets for change in found.changes] == [{"vm.page-cluster": "3"}, {"vm.swappiness": "20"}]


def test_one_device_can_differ_from_all(machine: Tree) -> None:
    Path(machine.path("/sys/block/sda/queue")).mkdir(parents=True)
    put(machine, "/sys/block/sda/queue/read_ahead_kb", "128\n")
    wishes = [Wish("block.read_ahead_kb", "4096"), Wish("block.read_ahead_kb@sda", "256")]
    found = prepare(wishes, machine, as_root=False)
    targets = {key: value for change in found.changes for key, value in change.targets.items()}
    assert targets == {"block.read_ahead_kb@nvme0n1": "4096", "block.read_ahead_kb@sda": "256"}


@pytest.mark.parametrize("turned", [False, True])
def test_coupled_wishes_are_one_change_in_the_kernel_s_order(machine: Tree, turned: bool) -> None:
    wishes = [
        Wish("block.nr_requests@nvme0n1", "32"),
        Wish("block.iosched.read_expire@nvme0n1", "200"),
        Wish("vm.min_free_kbytes", "30000"),
        Wish("block.scheduler@nvme0n1", "kyber"),
        Wish("thp.enabled", "never"),
    ]
    found = prepare(reversed(wishes) if turned else wishes, machine, as_root=True)
    first = {next(iter(change.before)): change for change in found.changes}
    assert set(first) == {"block.scheduler@nvme0n1", "thp.enabled"}
    disk = first["block.scheduler@nvme0n1"]
    assert set(disk.targets) == {wish.key for wish in wishes if wish.key.startswith("block.")}
    assert list(disk.before)[-1].startswith("block.iosched.")
    assert disk.before["block.iosched.front_merges@nvme0n1"] == "1"
    assert list(first["thp.enabled"].before)[-1] == "vm.min_free_kbytes"


def test_a_right_value_that_another_wish_could_move_is_a_target_too(machine: Tree) -> None:
    wishes = [Wish("vm.min_free_kbytes", "67584"), Wish("thp.enabled", "always"), Wish("vm.swappiness", "60")]
    found = prepare(wishes, machine, as_root=True)
    assert [change.targets for change in found.changes] == [{"thp.enabled": "always", "vm.min_free_kbytes": "67584"}]
    assert found.already == {"vm.swappiness": "60"}


def test_what_will_be_overwritten_is_noted_with_its_identity(machine: Tree) -> None:
    found = prepare([Wish("vm.dirty_bytes", "8192"), Wish("block.nomerges@nvme0n1", "2")], machine, as_root=True)
    pair, disk = found.changes
    assert pair.before == {"vm.dirty_bytes": "0", "vm.dirty_ratio": "20"}
    assert disk.identity == {"block.nomerges@nvme0n1": "eui.S1 9 259:0"}


def test_a_change_is_required_if_one_of_its_wishes_is(machine: Tree) -> None:
    wishes = [Wish("thp.enabled", "never", required=False), Wish("vm.min_free_kbytes", "30000")]
    assert [change.required for change in prepare(wishes, machine, as_root=True).changes] == [True]
    assert [change.required for change in prepare(wishes[:1], machine, as_root=True).changes] == [False]


def journal(after: dict[str, str | None], *, ended: bool = False) -> Journal:
    found = Journal("000001.journal", made_begin())
    found.wrote[0] = Wrote(change=0, after=after)
    found.ended = ended
    return found


@pytest.mark.parametrize(
    ("earlier", "taken"),
    [
        ([], ()),
        ([journal({"vm.swappiness": "33"})], ()),
        ([journal({"vm.swappiness": "10"})], ("vm.swappiness",)),
        ([journal({"vm.swappiness": "10"}, ended=True)], ()),
        ([journal({"vm.swappiness": "10"}), journal({"vm.swappiness": "33"})], ()),
        ([journal({"vm.page-cluster": "1"})], ()),
        ([journal({"vm.swappiness": "10"}), journal({"vm.swappiness": None})], ()),
    ],
    ids=[
        "first",
        "as-we-left-it",
        "changed-since",
        "put-back-before",
        "the-last-counts",
        "another-key",
        "it-was-not-there",
    ],
)
def test_a_value_that_was_changed_since_is_taken_over(earlier: list[Journal], taken: tuple[str, ...]) -> None:
    change = Change(targets={"vm.swappiness": "20"}, before={"vm.swappiness": "33"})
    assert taken_over(change, earlier) == taken


def test_a_file_that_says_what_is_not_understood_stops_before_the_first_write(machine: Tree) -> None:
    put(machine, f"{THP}/khugepaged/pages_to_scan", "many\n")
    before = contents(machine)
    with pytest.raises(CannotChange, match="does not understand"):
        prepare([Wish("vm.swappiness", "10"), Wish("thp.khugepaged_pages_to_scan", "8")], machine, as_root=True)
    assert contents(machine) == before


def test_settings_that_move_the_same_value_are_one_change_movers_first(machine: Tree) -> None:
    """Boost moves every policy's upper limit, and so does a governor's own."""
    wishes = [
        Wish("cpu.max_khz@policy0", "3000000"),
        Wish("cpu.governor@policy0", "performance"),
        Wish("cpu.boost", "0"),
    ]
    (change,) = prepare(wishes, machine, as_root=False).changes
    order = list(change.before)
    assert order.index("cpu.boost") < order.index("cpu.max_khz@policy0")
    assert order.index("cpu.governor@policy0") < order.index("cpu.max_khz@policy0")
    assert set(change.targets) == {wish.key for wish in wishes}


def test_both_of_a_pair_cannot_be_had(machine: Tree) -> None:
    with pytest.raises(Refused, match="exclude each other"):
        prepare([Wish("vm.dirty_bytes", "1073741824"), Wish("vm.dirty_ratio", "10")], machine, as_root=False)

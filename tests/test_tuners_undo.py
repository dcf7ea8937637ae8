"""What each value is put back to, decided from the journal and what is there now."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tuner_trees import NODES, POOLS, QUEUE, THP, contents, lay_out, put, whole_machine

from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.knobs.knob import Refused
from llmtune.tuners.records import Change, UndoStep, Values, Wrote
from llmtune.tuners.undo import decide, restore
from llmtune.tuners.values_now import read_all

SWAPPINESS, BYTES, RATIO = "vm.swappiness", "vm.dirty_bytes", "vm.dirty_ratio"
READ_AHEAD = "block.read_ahead_kb@nvme0n1"
SCHEDULER, REQUESTS, EXPIRE = (
    "block.scheduler@nvme0n1",
    "block.nr_requests@nvme0n1",
    "block.iosched.read_expire@nvme0n1",
)
POOL, NODE0, NODE1 = "hugepages.2048kB", "hugepages.2048kB@node0", "hugepages.2048kB@node1"
ENABLED, RESERVE = "thp.enabled", "vm.min_free_kbytes"
GIB = str(1 << 30)
PATHS = {
    SWAPPINESS: "/proc/sys/vm/swappiness",
    BYTES: "/proc/sys/vm/dirty_bytes",
    RATIO: "/proc/sys/vm/dirty_ratio",
    RESERVE: "/proc/sys/vm/min_free_kbytes",
    ENABLED: f"{THP}/enabled",
    READ_AHEAD: f"{QUEUE}/read_ahead_kb",
    SCHEDULER: f"{QUEUE}/scheduler",
    REQUESTS: f"{QUEUE}/nr_requests",
    EXPIRE: f"{QUEUE}/iosched/read_expire",
    POOL: f"{POOLS}/hugepages-2048kB/nr_hugepages",
    NODE0: f"{NODES}/node0/hugepages/hugepages-2048kB/nr_hugepages",
    NODE1: f"{NODES}/node1/hugepages/hugepages-2048kB/nr_hugepages",
}


@dataclass(frozen=True)
class Case:
    """What the journal says, what is there, and what must become of it."""

    name: str
    target: dict[str, str]
    before: Values
    now: Values
    desired: Values
    after: Values | None = None
    seen: Values | None = None
    began_to: Values | None = None
    left: Values = field(default_factory=dict)
    superseded: frozenset[str] = frozenset()
    force: bool = False


def plain(name: str, now: str, desired: str, **other: object) -> Case:
    """One number: 60 before, 10 asked for."""
    found: dict[str, object] = {"target": {SWAPPINESS: "10"}, "before": {SWAPPINESS: "60"}}
    found |= {"now": {SWAPPINESS: now}, "desired": {SWAPPINESS: desired}}
    return Case(name, **(found | other))  # type: ignore[arg-type]


def pair(name: str, now: tuple[str, str], desired: tuple[str, str], **other: object) -> Case:
    """Bytes asked for where a ratio of 20 counted."""
    found: dict[str, object] = {"target": {BYTES: GIB}, "before": {BYTES: "0", RATIO: "20"}}
    found |= {"now": dict(zip((BYTES, RATIO), now, strict=True))}
    found |= {"desired": dict(zip((BYTES, RATIO), desired, strict=True))}
    return Case(name, **(found | other))  # type: ignore[arg-type]


def pool(name: str, now: tuple[str, ...], desired: tuple[str | None, ...], **other: object) -> Case:
    """Sixteen pages on two nodes where there were none."""
    keys = (POOL, NODE0, NODE1)
    found: dict[str, object] = {"target": {POOL: "16"}, "before": dict.fromkeys(keys, "0")}
    found |= {"now": dict(zip(keys, now, strict=True)), "desired": dict(zip(keys, desired, strict=True))}
    return Case(name, **(found | other))  # type: ignore[arg-type]


WROTE: dict[str, object] = {"after": {SWAPPINESS: "10"}}
BEGUN: dict[str, object] = WROTE | {"seen": {SWAPPINESS: "10"}, "began_to": {SWAPPINESS: "60"}}
LEFT_BEFORE: dict[str, object] = WROTE | {"seen": {SWAPPINESS: "33"}, "began_to": {SWAPPINESS: "33"}}
OF_PAIR: dict[str, object] = {"after": {BYTES: GIB, RATIO: "0"}}
OF_POOL: dict[str, object] = {"after": {POOL: "16", NODE0: "8", NODE1: "8"}}
CASES = [
    plain("what we left goes back", "10", "60", **WROTE),
    plain("what is back already stays", "60", "60", **WROTE),
    plain("what somebody set stays and is told", "33", "33", **WROTE, left={SWAPPINESS: "33"}),
    plain("force takes what somebody set", "33", "60", **WROTE, force=True),
    plain("force does nothing where it is back", "60", "60", **WROTE, force=True),
    plain("killed before the write", "60", "60"),
    plain("killed between write and record", "10", "60"),
    plain("killed before the write and somebody set it", "33", "33", left={SWAPPINESS: "33"}),
    plain("killed before the write, somebody set it, force", "33", "60", force=True),
    plain("killed in the undo before the write", "10", "60", **BEGUN),
    plain("killed in the undo after the write", "60", "60", **BEGUN),
    plain("killed in the undo, then somebody set it", "33", "33", **BEGUN, left={SWAPPINESS: "33"}),
    plain("an undo that left a value leaves it again", "33", "33", **LEFT_BEFORE, left={SWAPPINESS: "33"}),
    plain("an undo that left a value takes it by force", "33", "60", **LEFT_BEFORE, force=True),
    plain("a key taken over by a later transaction stays", "10", "10", **WROTE, superseded=frozenset({SWAPPINESS})),
    plain(
        "force does not take what a later transaction took over",
        "33",
        "33",
        **WROTE,
        superseded=frozenset({SWAPPINESS}),
        force=True,
    ),
    pair("both of a pair go back", (GIB, "0"), ("0", "20"), **OF_PAIR),
    pair("a pair without record goes back", (GIB, "0"), ("0", "20")),
    pair("a pair that was not written stays", ("0", "20"), ("0", "20")),
    pair("the other of a pair was set by somebody", ("0", "30"), ("0", "30"), **OF_PAIR, left={RATIO: "30"}),
    pair(
        "the target of a pair was set by somebody: the ratio that counted is not put over it",
        (str(2 << 30), "0"),
        (str(2 << 30), "0"),
        **OF_PAIR,
        left={BYTES: str(2 << 30)},
    ),
    pair("force takes a pair as a whole", (str(2 << 30), "0"), ("0", "20"), **OF_PAIR, force=True),
    pair("force takes the other of a pair too", ("0", "30"), ("0", "20"), **OF_PAIR, force=True),
    Case(
        "a rounded value is ours by its record",
        {READ_AHEAD: "4095"},
        {READ_AHEAD: "128"},
        {READ_AHEAD: "4092"},
        {READ_AHEAD: "128"},
        after={READ_AHEAD: "4092"},
    ),
    Case(
        "a rounded value is ours without its record",
        {READ_AHEAD: "4095"},
        {READ_AHEAD: "128"},
        {READ_AHEAD: "4092"},
        {READ_AHEAD: "128"},
    ),
    Case(
        "another rounding is not ours",
        {READ_AHEAD: "4095"},
        {READ_AHEAD: "128"},
        {READ_AHEAD: "4088"},
        {READ_AHEAD: "4088"},
        left={READ_AHEAD: "4088"},
    ),
    pool("a pool goes back with its parts", ("16", "8", "8"), ("0", "0", "0"), **OF_POOL),
    pool("a part that was granted goes back without record", ("2", "1", "1"), ("0", "0", "0")),
    pool(
        "a pool that somebody grew stays",
        ("32", "16", "16"),
        (None, "16", "16"),
        **OF_POOL,
        left={POOL: "32", NODE0: "16", NODE1: "16"},
    ),
    pool(
        "one node was set by somebody: the other goes back, the sum is not written",
        ("28", "20", "8"),
        (None, "20", "0"),
        **OF_POOL,
        left={POOL: "28", NODE0: "20"},
    ),
    Case(
        "fewer pages than there were before are not ours",
        {POOL: "9"},
        {POOL: "4"},
        {POOL: "2"},
        {POOL: "2"},
        left={POOL: "2"},
    ),
    Case(
        "the reserve that transparent huge pages raised goes back with them",
        {ENABLED: "always"},
        {ENABLED: "never", RESERVE: "20000"},
        {ENABLED: "always", RESERVE: "67584"},
        {ENABLED: "never", RESERVE: "20000"},
        after={ENABLED: "always", RESERVE: "67584"},
    ),
    Case(
        "the raised reserve goes back without a record too",
        {ENABLED: "always"},
        {ENABLED: "never", RESERVE: "20000"},
        {ENABLED: "always", RESERVE: "67584"},
        {ENABLED: "never", RESERVE: "20000"},
    ),
    Case(
        "a reserve that somebody set since stays",
        {ENABLED: "always"},
        {ENABLED: "never", RESERVE: "20000"},
        {ENABLED: "always", RESERVE: "90000"},
        {ENABLED: "never", RESERVE: "90000"},
        after={ENABLED: "always", RESERVE: "67584"},
        left={RESERVE: "90000"},
    ),
    Case(
        "a reserve that we never moved and somebody did is not ours to tell",
        {ENABLED: "always"},
        {ENABLED: "madvise", RESERVE: "67584"},
        {ENABLED: "always", RESERVE: "90000"},
        {ENABLED: "madvise", RESERVE: "90000"},
        after={ENABLED: "always", RESERVE: "67584"},
    ),
    Case(
        "parameters that went with a scheduler come back with it",
        {SCHEDULER: "none"},
        {SCHEDULER: "mq-deadline", REQUESTS: "64", EXPIRE: "124"},
        {SCHEDULER: "none", REQUESTS: "256", EXPIRE: None},
        {SCHEDULER: "mq-deadline", REQUESTS: "64", EXPIRE: "124"},
        after={SCHEDULER: "none", REQUESTS: "256", EXPIRE: None},
    ),
    pair(
        "a pair whose other member a later transaction took over stays whole",
        ("0", "30"),
        ("0", "30"),
        target={RATIO: "40"},
        before={BYTES: GIB, RATIO: "0"},
        after={BYTES: "0", RATIO: "40"},
        superseded=frozenset({RATIO}),
    ),
    Case(
        "a parameter of the scheduler that we chose goes with it, whoever set it",
        {SCHEDULER: "mq-deadline"},
        {SCHEDULER: "none", EXPIRE: None},
        {SCHEDULER: "mq-deadline", EXPIRE: "300"},
        {SCHEDULER: "none", EXPIRE: None},
        after={SCHEDULER: "mq-deadline", EXPIRE: "500"},
        left={EXPIRE: "300"},
    ),
    Case(
        "parameters of a scheduler that somebody replaced cannot be had",
        {SCHEDULER: "none"},
        {SCHEDULER: "mq-deadline", EXPIRE: "124"},
        {SCHEDULER: "bfq", EXPIRE: None},
        {SCHEDULER: "bfq", EXPIRE: None},
        after={SCHEDULER: "none", EXPIRE: None},
        left={SCHEDULER: "bfq"},
    ),
]


@pytest.fixture
def machine(tmp_path: Path) -> Tree:
    return lay_out(tmp_path, whole_machine())


def set_values(tree: Tree, values: Values) -> None:
    for key, value in values.items():
        if value is None:
            Path(tree.path(PATHS[key])).unlink(missing_ok=True)
        else:
            put(tree, PATHS[key], f"[{value}]\n" if key in (SCHEDULER, ENABLED) else f"{value}\n")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_to_become_of_each_value(machine: Tree, case: Case) -> None:
    set_values(machine, case.now)
    change = Change(targets=case.target, before=case.before)
    wrote = None if case.after is None else Wrote(change=0, after=case.after)
    begun = None
    if case.seen is not None and case.began_to is not None:
        begun = UndoStep(change=0, seen=case.seen, desired=case.began_to)
    before = contents(machine)
    decision = decide(change, wrote, begun, case.superseded, machine, force=case.force)
    assert decision.desired == case.desired
    assert decision.left == case.left
    assert decision.seen == case.now
    assert decision.gone is None
    assert contents(machine) == before, "deciding writes nothing"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_undo_killed_anywhere_decides_the_same_again(machine: Tree, case: Case) -> None:
    """Whether none, some or all of the values were written when it was killed."""
    change = Change(targets=case.target, before=case.before)
    wrote = None if case.after is None else Wrote(change=0, after=case.after)
    begun = UndoStep(change=0, seen=case.now, desired=case.desired)
    keys = list(case.now)
    for written in range(len(keys) + 1):
        present = {
            key: case.now[key] if place >= written or case.desired[key] is None else case.desired[key]
            for place, key in enumerate(keys)
        }
        if any(case.now[key] is None and present[key] is not None for key in keys):
            break  # a file that comes back is the kernel's doing, not a plain file's
        set_values(machine, present)
        again = decide(change, wrote, begun, case.superseded, machine, force=case.force)
        wanted = {key: value for key, value in again.desired.items() if value is not None}
        assert wanted == {key: case.desired[key] for key in wanted}


def test_another_device_under_the_name_is_left_alone(machine: Tree) -> None:
    put(machine, PATHS[READ_AHEAD], "4096\n")
    change = Change(
        targets={READ_AHEAD: "4096"}, before={READ_AHEAD: "128"}, identity={READ_AHEAD: "eui.OTHER 9 259:0"}
    )
    wrote = Wrote(change=0, after={READ_AHEAD: "4096"})
    for force in (False, True):
        decision = decide(change, wrote, None, frozenset(), machine, force=force)
        assert decision.gone is not None
        assert decision.desired == {}
        assert restore(decision, machine).failed is None
    assert read_all([READ_AHEAD], machine) == {READ_AHEAD: "4096"}


@pytest.mark.parametrize(
    ("targets", "before"),
    [
        ({"kernel.core_pattern": "|/bin/sh"}, {"kernel.core_pattern": "core"}),
        ({SWAPPINESS: "10"}, {SWAPPINESS: "60; reboot"}),
        ({SWAPPINESS: "10"}, {SWAPPINESS: ""}),
        ({SWAPPINESS: "ten"}, {SWAPPINESS: "60"}),
        ({ENABLED: "always never"}, {ENABLED: "never"}),
        ({SWAPPINESS: "10"}, {SWAPPINESS: "60", "../../etc/passwd": "x"}),
        ({"block.scheduler@../../x": "none"}, {"block.scheduler@../../x": "none"}),
    ],
)
def test_a_journal_with_foreign_keys_or_values_is_refused(
    machine: Tree, targets: dict[str, str], before: dict[str, str | None]
) -> None:
    unchanged = contents(machine)
    with pytest.raises(Refused):
        decide(Change(targets=targets, before=before), None, None, frozenset(), machine, force=True)
    assert contents(machine) == unchanged


def test_restoring_writes_the_values_and_looks(machine: Tree) -> None:
    set_values(machine, {SWAPPINESS: "10"})
    change = Change(targets={SWAPPINESS: "10"}, before={SWAPPINESS: "60"})
    decision = decide(change, Wrote(change=0, after={SWAPPINESS: "10"}), None, frozenset(), machine, force=False)
    assert restore(decision, machine).failed is None
    assert read_all([SWAPPINESS], machine) == {SWAPPINESS: "60"}


def test_a_value_that_does_not_come_back_is_a_failure(machine: Tree) -> None:
    # A plain file keeps the third digit of what was there, as a kernel would that makes something else of a value.
    change = Change(targets={SWAPPINESS: "10"}, before={SWAPPINESS: "60"})
    set_values(machine, {SWAPPINESS: "100"})
    decision = decide(change, Wrote(change=0, after={SWAPPINESS: "100"}), None, frozenset(), machine, force=False)
    failed = restore(decision, machine).failed
    assert failed == "vm.swappiness: it is 600 after 60 was written"


def test_a_write_that_is_refused_names_its_key(machine: Tree, tmp_path: Path) -> None:
    set_values(machine, {SWAPPINESS: "10"})
    place = Path(machine.path(PATHS[SWAPPINESS]))
    change = Change(targets={SWAPPINESS: "10"}, before={SWAPPINESS: "60"})
    decision = decide(change, Wrote(change=0, after={SWAPPINESS: "10"}), None, frozenset(), machine, force=False)
    outside = tmp_path.parent / "swappiness-elsewhere"
    outside.write_text("10\n")
    place.unlink()
    place.symlink_to(outside)
    failed = restore(decision, machine).failed
    assert failed is not None
    assert failed.startswith("vm.swappiness: ")
    assert outside.read_text() == "10\n"

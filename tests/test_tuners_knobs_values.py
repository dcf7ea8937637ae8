"""Values of kernel files: what is asked for, what is found, what a kernel may make of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuner_trees import lay_out, put, sysctl_files, thp_files, whole_machine

from llmtune.tuners.knobs.catalogue import resolve
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.knobs.knob import Refused, Unavailable
from llmtune.tuners.knobs.sysctl import PAIRS, RANGES
from llmtune.tuners.knobs.values import Integer

ODD_NUMBERS = [
    "010",
    "0x1f",
    "10 20",
    "+30",
    "",
    " 10",
    "10\n",
    "1e3",
    "10abc",
    "\u0661\u0660",
    "--1",
    "-",
    "1" * 20,
    "0b1",
]


@pytest.fixture
def machine(tmp_path: Path) -> Tree:
    return lay_out(tmp_path, whole_machine())


@pytest.mark.parametrize("odd", ODD_NUMBERS)
def test_what_a_kernel_reads_otherwise_than_a_person_is_refused(machine: Tree, odd: str) -> None:
    for key in ("vm.swappiness", "block.read_ahead_kb@nvme0n1", "hugepages.2048kB", "cpu.min_khz@policy0"):
        with pytest.raises(Refused):
            resolve(key, machine).canonical(odd)


@pytest.mark.parametrize("key", sorted(RANGES))
def test_both_ends_of_each_range_pass_and_one_beyond_does_not(machine: Tree, key: str) -> None:
    knob, values = resolve(key, machine), RANGES[key]
    for inside in {values.low, values.high} - {int(values.refuses) if values.refuses else None}:
        assert knob.canonical(str(inside)) == str(inside)
    for beyond in (values.low - 1, values.high + 1):
        with pytest.raises(Refused, match=key):
            knob.canonical(str(beyond))


def test_kernel_acceptance_is_no_validation(machine: Tree) -> None:
    for key, taken_by_the_kernel in [
        ("vm.zone_reclaim_mode", "8"),
        ("kernel.numa_balancing", "4"),
        ("block.read_ahead_kb@nvme0n1", "999999999"),
        ("vm.overcommit_memory", "2"),
    ]:
        with pytest.raises(Refused):
            resolve(key, machine).canonical(taken_by_the_kernel)


def test_zero_of_a_pair_is_never_a_target(machine: Tree) -> None:
    for pair in PAIRS:
        for key in pair:
            assert resolve(key, machine).unused == "0"
            with pytest.raises(Refused):
                resolve(key, machine).canonical("0")


def test_a_refusal_names_key_and_value_without_control_characters(machine: Tree) -> None:
    with pytest.raises(Refused) as refusal:
        resolve("vm.swappiness", machine).canonical("\x1b[31m" + "9" * 200)
    told = str(refusal.value)
    assert told.startswith("vm.swappiness=")
    assert "\x1b" not in told
    assert len(told) < 160


@pytest.mark.parametrize(
    ("asked", "found", "same"),
    [
        ("4095", "4092", True),
        ("4092", "4092", True),
        ("1", "0", True),
        ("4095", "4096", False),
        ("4095", "4088", False),
        ("8", "4", False),
    ],
)
def test_read_ahead_is_rounded_down_to_pages(machine: Tree, asked: str, found: str, same: bool) -> None:
    assert resolve("block.read_ahead_kb@nvme0n1", machine).matches(asked, found) is same


@pytest.mark.parametrize(("found", "same"), [("123", True), ("124", True), ("133", True), ("134", False), ("x", False)])
def test_parameters_in_milliseconds_come_back_in_jiffies(machine: Tree, found: str, same: bool) -> None:
    assert resolve("block.iosched.read_expire@nvme0n1", machine).matches("123", found) is same


@given(st.integers(-(10**19), 10**19), st.integers(-(10**19), 10**19))
def test_a_number_matches_itself_only_where_nothing_rounds(asked: int, found: int) -> None:
    plain = Integer(-(10**20), 10**20)
    assert plain.matches(str(asked), str(found)) is (asked == found)


@given(st.text(max_size=30))
def test_whatever_is_asked_is_refused_or_a_number_in_range(text: str) -> None:
    values = RANGES["vm.swappiness"]
    try:
        found = values.canonical(text, read_raw=lambda: "60")
    except Refused:
        return
    assert found == text
    assert 0 <= int(found) <= 200
    assert found.isascii()


@given(st.text(max_size=30))
def test_what_a_journal_may_hold_has_the_form_of_a_value(text: str) -> None:
    if RANGES["vm.swappiness"].holds(text):
        assert str(int(text)) == text or text.lstrip("-")[0] == "0"
        assert text.isascii()
        assert not set(text) & set(" \n\t\0")


def test_the_word_in_brackets_is_the_value(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, thp_files())
    assert resolve("thp.enabled", machine).read() == "madvise"
    assert resolve("thp.defrag", machine).read() == "madvise"
    assert resolve("thp.shmem_enabled", machine).read() == "never"


def test_only_words_that_this_kernel_lists_are_taken(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, thp_files())
    defrag = resolve("thp.defrag", machine)
    assert defrag.canonical("defer+madvise") == "defer+madvise"
    for odd in ("bogus", "[madvise]", "", "always never", "ALWAYS", "always\n"):
        with pytest.raises(Refused):
            defrag.canonical(odd)
    put(machine, "/sys/kernel/mm/transparent_hugepage/defrag", "always [never]\n")
    with pytest.raises(Refused, match="always, never"):
        defrag.canonical("defer+madvise")


def test_a_lone_word_counts_where_there_is_no_choice(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, {"/sys/block/zram0/queue/scheduler": "none\n"})
    assert resolve("block.scheduler@zram0", machine).read() == "none"


@pytest.mark.parametrize("raw", ["", "sixty", "60 61", "6" * 20, "60\0\x01"])
def test_what_is_not_understood_is_unavailable_and_no_traceback(tmp_path: Path, raw: str) -> None:
    machine = lay_out(tmp_path, sysctl_files() | {"/proc/sys/vm/swappiness": raw})
    with pytest.raises(Unavailable, match="does not understand"):
        resolve("vm.swappiness", machine).read()


def test_a_knob_that_a_machine_lacks_says_so(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, {})
    for key in ("vm.swappiness", "thp.enabled", "cpu.boost", "pci.aspm_policy", "hugepages.2048kB"):
        with pytest.raises(Unavailable, match="this machine has no"):
            resolve(key, machine).read()

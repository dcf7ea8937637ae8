"""Traps of real kernels, each found by experiment, and the shown commands against what is really done."""

import mmap
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_machine import Machine, chosen, machine, new_store, put_file, read_file

from llmtune.tuners.knobs.catalogue import coupled, resolve
from llmtune.tuners.knobs.kernel_file import LIVE
from llmtune.tuners.knobs.knob import Refused
from llmtune.tuners.prepare import Wish, prepare
from llmtune.tuners.rollback import Undoing
from llmtune.tuners.session import read_here, session
from llmtune.tuners.store import Store
from llmtune.tuners.transaction import Applied, Who, apply
from llmtune.tuners.values_now import converge, read_all

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
THP = "/sys/kernel/mm/transparent_hugepage"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
RESERVE = "/proc/sys/vm/min_free_kbytes"


@pytest.fixture(scope="module")
def whole_file() -> Iterator[Machine]:
    with machine() as found:
        yield found


@pytest.fixture
def here(whole_file: Machine) -> Iterator[Machine]:
    """The machine; each test leaves it as it found it, which is checked."""
    before = whole_file.touched()
    yield whole_file
    assert whole_file.touched() == before


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path / "store")


def applied(store: Store, *wishes: Wish) -> Applied:
    with session(store, read_here()) as opened:
        return apply(opened, prepare(wishes, LIVE, as_root=True), Who("root"))


def rolled_back(store: Store) -> list[Undoing]:
    with session(store, read_here()) as opened:
        return [opened.undo(journal) for journal in reversed(opened.active())]


def number(path: str) -> int:
    return int(read_file(path))


@pytest.mark.parametrize("pair", ["dirty", "dirty_background"])
@pytest.mark.parametrize("counts", ["bytes", "ratio"])
def test_the_member_of_a_pair_that_counted_counts_again(here: Machine, store: Store, pair: str, counts: str) -> None:
    start = {"bytes": "200000000", "ratio": "15"}
    other = "ratio" if counts == "bytes" else "bytes"
    kept = {name: read_file(f"/proc/sys/vm/{pair}_{name}").strip() for name in start}
    put_file(f"/proc/sys/vm/{pair}_{counts}", start[counts])
    done = applied(store, Wish(f"vm.{pair}_{other}", {"bytes": "300003328", "ratio": "11"}[other]))
    assert done.outcome == "applied"
    assert number(f"/proc/sys/vm/{pair}_{counts}") == 0
    assert rolled_back(store)[0].complete
    assert read_file(f"/proc/sys/vm/{pair}_{counts}").strip() == start[counts]
    assert number(f"/proc/sys/vm/{pair}_{other}") == 0
    name = next(name for name in kept if kept[name] != "0")
    put_file(f"/proc/sys/vm/{pair}_{name}", kept[name])


@pytest.mark.parametrize("switch", ["enabled", "shmem_enabled"])
def test_the_reserve_that_huge_pages_raise_is_lowered_again(here: Machine, store: Store, switch: str) -> None:
    before = number(RESERVE)
    assert chosen(read_file(f"{THP}/enabled")) == "never"
    assert applied(store, Wish(f"thp.{switch}", "always")).outcome == "applied"
    raised = number(RESERVE)
    assert raised > before, "this kernel sets its recommended reserve"
    assert rolled_back(store)[0].complete
    assert number(RESERVE) == before


def test_a_scheduler_brings_back_what_it_reset(here: Machine, store: Store) -> None:
    queue = f"/sys/block/{here.device}/queue"
    before = {name: read_file(f"{queue}/{name}") for name in ("nr_requests", "iosched/read_expire")}
    assert applied(store, Wish(f"block.scheduler@{here.device}", "none")).outcome == "applied"
    assert not os.path.exists(f"{queue}/iosched/read_expire")
    put_file(f"{queue}/scheduler", "mq-deadline")
    assert read_file(f"{queue}/iosched/read_expire") != before["iosched/read_expire"], "the kernel alone forgets it"
    put_file(f"{queue}/scheduler", "none")
    assert rolled_back(store)[0].complete
    assert {name: read_file(f"{queue}/{name}") for name in before} == before


@pytest.mark.parametrize(("asked", "found"), [("4095", "4092"), ("1", "0"), ("256", "256")])
def test_a_read_ahead_that_the_kernel_rounds_is_ours(here: Machine, store: Store, asked: str, found: str) -> None:
    done = applied(store, Wish(f"block.read_ahead_kb@{here.device}", asked))
    assert (done.outcome, done.short) == ("applied", {})
    assert read_file(f"/sys/block/{here.device}/queue/read_ahead_kb").strip() == found
    undone = rolled_back(store)[0]
    assert (undone.left, undone.complete) == ({}, True)


def test_huge_pages_that_memory_has_not_are_undone_or_kept_as_asked(here: Machine, store: Store) -> None:
    before = read_file(POOL)
    total_kib = int(read_file("/proc/meminfo").split()[1])
    # In range, and yet more than can be free: what runs holds some of it, and 1 GiB pages want whole gibibytes.
    most = str(int(total_kib * 0.9) // (1 << 20))
    done = applied(store, Wish("hugepages.1048576kB", most))
    granted = number("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages")
    if done.outcome == "applied":
        assert granted == int(most)
    else:
        assert done.outcome == "undone"
        assert f"asked for {most}, got" in (done.why or "")
        assert granted == 0, "what was granted is given back"
    rolled_back(store)
    assert number("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages") == 0
    assert read_file(POOL) == before


def test_huge_pages_in_use_are_pending_and_then_go(here: Machine, store: Store) -> None:
    before = number(POOL)
    assert applied(store, Wish("hugepages.2048kB", str(before + 8))).outcome == "applied"
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000  # MAP_HUGETLB
    held = mmap.mmap(-1, (before + 8) << 21, flags=flags)
    held[0 : (before + 8) << 21 : 1 << 21] = b"x" * (before + 8)
    undone = rolled_back(store)[0]
    assert undone.complete
    assert any("in use" in told for told in undone.pending)
    held.close()
    assert number(POOL) == before


@pytest.mark.parametrize("value", ["201", "-1", "010", "0x1f", "10 20", "", "+30"])
def test_what_the_kernel_would_misread_never_reaches_it(here: Machine, store: Store, value: str) -> None:
    with pytest.raises(Refused):
        applied(store, Wish("vm.swappiness", value))


COMMANDS = [
    ("vm.swappiness", "17"),
    ("vm.dirty_bytes", "8192000"),
    ("vm.min_free_kbytes", "40000"),
    ("thp.enabled", "always"),
    ("thp.defrag", "defer+madvise"),
    ("thp.khugepaged_pages_to_scan", "512"),
    ("vm.nr_hugepages", "5"),
    ("hugepages.2048kB@node0", "6"),
    ("block.scheduler@D", "kyber"),
    ("block.read_ahead_kb@D", "4095"),
    ("block.nr_requests@D", "48"),
    ("block.iosched.read_expire@D", "200"),
    ("process.nice@P", "7"),
    ("process.cpus@P", "0"),
    ("process.io_class@P", "best-effort:3"),
    ("process.io_class@P", "idle"),
]


@pytest.mark.parametrize(("key", "value"), COMMANDS, ids=[f"{key}={value}" for key, value in COMMANDS])
def test_the_shown_command_does_what_we_do(here: Machine, key: str, value: str) -> None:
    knob = resolve(key.replace("@D", f"@{here.device}").replace("@P", f"@{here.process}"))
    before = read_all(coupled(knob.key), LIVE)
    start = here.whole()
    knob.write(knob.canonical(value))
    by_us = here.whole()
    converge(before, LIVE)
    assert here.whole() == start
    done = subprocess.run(["sh", "-c", knob.command(value)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    by_command = here.whole()
    converge(before, LIVE)
    assert by_us == by_command
    assert by_us != start, "it does something"

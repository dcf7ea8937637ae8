"""Random sequences of applying, foreign changes and rolling back, on the real machine, against a small model.

The model knows for each value what every transaction found and left. Rolling back one transaction puts a value back
while it is what that transaction left; what a foreign hand has set since stays, and once a later transaction has found
it there, it is the original for good.
"""

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from live_machine import Machine, chosen, dump_sysctls, machine, new_store, put_file, read_file

from llmtune.tuners.knobs.catalogue import resolve
from llmtune.tuners.knobs.kernel_file import LIVE
from llmtune.tuners.prepare import Wish, prepare
from llmtune.tuners.session import read_here, session
from llmtune.tuners.transaction import Who, apply

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

SEQUENCES = 100
STEPS = 8
FEWEST = 15
"""Settings of one apply."""
THP = "/sys/kernel/mm/transparent_hugepage"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
PAIRS = (("vm.dirty_bytes", "vm.dirty_ratio"), ("vm.dirty_background_bytes", "vm.dirty_background_ratio"))
Value = tuple[str | None, ...]
CHOICES: dict[str, tuple[str, ...]] = {
    "vm.swappiness": ("0", "10", "60", "133", "200"),
    "vm.dirty_bytes": ("8192000", "1073741824"),
    "vm.dirty_ratio": ("5", "20", "40"),
    "vm.dirty_background_bytes": ("4096000", "536870912"),
    "vm.dirty_background_ratio": ("3", "10"),
    "vm.max_map_count": ("65530", "262144", "1048576"),
    "vm.vfs_cache_pressure": ("50", "100", "200"),
    "vm.page-cluster": ("0", "3", "5"),
    "vm.compaction_proactiveness": ("0", "20", "33"),
    "vm.watermark_scale_factor": ("10", "20"),
    "vm.dirty_expire_centisecs": ("1500", "3000"),
    "vm.min_free_kbytes": ("20000", "45000", "70000"),
    "net.core.somaxconn": ("128", "4096", "8192"),
    "thp.enabled": ("always", "madvise", "never"),
    "thp.defrag": ("always", "defer", "defer+madvise", "madvise", "never"),
    "thp.khugepaged_defrag": ("0", "1"),
    "thp.khugepaged_pages_to_scan": ("512", "4096", "8192"),
    "thp.khugepaged_scan_sleep_ms": ("5000", "10000"),
    "hugepages.2048kB": ("0", "5", "24"),
    "cpu.idle_disable@cpu0.state0": ("0", "1"),
    "block.scheduler@D": ("none", "mq-deadline", "kyber", "bfq"),
    "block.nr_requests@D": ("16", "48", "64"),
    "block.read_ahead_kb@D": ("0", "64", "4092", "4095"),
    "block.nomerges@D": ("0", "1", "2"),
    "block.rq_affinity@D": ("0", "1", "2"),
    "block.iosched.read_expire@D": ("100", "200", "400"),
    "process.nice@P": ("-5", "0", "7", "19"),
    "process.cpus@P": ("0", "0-1"),
    "process.io_class@P": ("idle", "best-effort:2", "best-effort:7"),
}


@dataclass
class Entry:
    """What one transaction found and left of one value."""

    before: Value
    after: Value


@dataclass
class Transaction:
    """One that is in force."""

    id: int
    entries: dict[str, Entry] = field(default_factory=dict)


class Eyes:
    """Reads and writes the machine without llmtune, by units: a key, or a pair that is one value."""

    def __init__(self, found: Machine) -> None:
        self.queue = f"/sys/block/{found.device}/queue"
        self.device, self.process = found.device, found.process
        self.units = [key for key in CHOICES if key not in [second for _, second in PAIRS]]
        self.units += [
            f"block.iosched.{name}@D" for name in ("write_expire", "fifo_batch", "slice_idle", "low_latency")
        ]

    def full(self, key: str) -> str:
        """The key with the device or process of this run."""
        return key.replace("@D", f"@{self.device}").replace("@P", f"@{self.process}")

    def path(self, key: str) -> str:
        """The file of a key, as people know it."""
        name = key.partition("@")[0]
        if name.startswith("block."):
            return f"{self.queue}/{name.removeprefix('block.').replace('.', '/')}"
        if name.startswith("thp."):
            short = name.removeprefix("thp.").replace("_ms", "_millisecs")
            return f"{THP}/{short.replace('khugepaged_', 'khugepaged/')}"
        if name.startswith("hugepages."):
            return POOL
        if name == "cpu.idle_disable":
            return "/sys/devices/system/cpu/cpu0/cpuidle/state0/disable"
        return "/proc/sys/" + name.replace(".", "/")

    def threads(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(f"/proc/{self.process}/task"))

    def look(self, unit: str) -> Value:
        """What a unit holds now."""
        if unit == "process.nice@P":
            return tuple(str(os.getpriority(os.PRIO_PROCESS, tid)) for tid in self.threads())
        if unit == "process.cpus@P":
            return tuple(str(sorted(os.sched_getaffinity(tid))) for tid in self.threads())
        if unit.startswith("process."):
            return (resolve(self.full(unit)).read(),)
        keys = next((pair for pair in PAIRS if unit in pair), (unit,))
        paths = [self.path(key) for key in keys]
        return tuple(chosen(read_file(path)) if os.path.exists(path) else None for path in paths)

    def look_at_all(self) -> dict[str, Value]:
        return {unit: self.look(unit) for unit in self.units}

    def set(self, key: str, value: str) -> None:
        """What a foreign hand does."""
        if key == "process.nice@P":
            os.setpriority(os.PRIO_PROCESS, self.threads()[-1], int(value))
        elif key == "process.cpus@P":
            for tid in self.threads():
                os.sched_setaffinity(tid, {0} if value == "0" else {0, 1})
        elif key.startswith("process."):
            resolve(self.full(key)).write(value)
        else:
            put_file(self.path(key), value)

    def put_back(self, unit: str, value: Value) -> None:
        """Without regard to who changed it."""
        if unit.startswith("process."):
            for tid, part in zip(self.threads(), value, strict=False):
                if unit == "process.nice@P":
                    os.setpriority(os.PRIO_PROCESS, tid, int(part or 0))
                elif unit == "process.cpus@P":
                    self.set(unit, "0" if part == "[0]" else "0-1")
                else:
                    resolve(self.full(unit)).write(part or "none")
            return
        keys = next((pair for pair in PAIRS if unit in pair), (unit,))
        for key, part in zip(keys, value, strict=True):
            if part is not None and (len(keys) == 1 or part != "0"):
                put_file(self.path(key), part)

    def reset(self, start: dict[str, Value]) -> None:
        """The state in which each sequence begins; selectors come before what they reset."""
        first = ("block.scheduler@D", "thp.enabled")
        for unit in sorted(start, key=lambda unit: unit not in first):
            if self.look(unit) != start[unit]:
                self.put_back(unit, start[unit])


@dataclass
class Tally:
    """What all sequences did, so that a test which does nothing fails."""

    sequences: int = 0
    applied: int = 0
    written: int = 0
    drifted: int = 0
    kept: int = 0
    restored: int = 0


def unit_of(key: str) -> str:
    """The unit that a key belongs to."""
    return next((first for first, second in PAIRS if key == second), key)


def rounds_to(key: str, value: str) -> str:
    """What this kernel makes of a value."""
    return str(int(value) // 4 * 4) if key == "block.read_ahead_kb@D" else value


class Sequences(RuleBasedStateMachine):
    """One sequence. What must not fail is in the assertions of each step and in the invariant."""

    eyes: Eyes
    tally: Tally
    start: dict[str, Value]
    sysctls: dict[str, str]
    """The stable ones in full, as each sequence must leave them."""
    folder: Path

    @initialize()
    def begin(self) -> None:
        self.eyes.reset(self.start)
        assert self.eyes.look_at_all() == self.start
        self.store = new_store(self.folder)
        self.active: list[Transaction] = []
        self.expected = dict(self.start)
        self.foreign: set[str] = set()
        self.broken = False
        self.tally.sequences += 1

    @rule(seed=st.integers(0, 1 << 30), count=st.integers(FEWEST, 22))
    def apply_some(self, seed: int, count: int) -> None:
        wishes = self.pick(random.Random(seed), count)
        before = self.eyes.look_at_all()
        with session(self.store, read_here()) as opened:
            assert opened.repaired == {}
            prepared = prepare([Wish(self.eyes.full(key), value) for key, value in wishes.items()], LIVE, as_root=True)
            done = apply(opened, prepared, Who("root"))
        self.broken = True  # until the model has followed
        assert (done.outcome, done.why) in (("applied", None), ("nothing", None))
        after = self.eyes.look_at_all()
        for key, value in wishes.items():
            self.check_set(key, rounds_to(key, value), after)
        self.expected = after
        if done.id is None:
            assert after == before
        else:
            self.note(done.id, wishes, before, after, done.taken_over)
        self.broken = False

    def pick(self, choose: random.Random, count: int) -> dict[str, str]:
        keys = choose.sample(sorted(CHOICES), count)
        for pair in PAIRS:
            if all(key in keys for key in pair):
                keys.remove(choose.choice(pair))
        expire = "block.iosched.read_expire@D"
        if expire in keys and ("block.scheduler@D" in keys or self.eyes.look(expire) == (None,)):
            keys.remove(expire)
        return {key: choose.choice(CHOICES[key]) for key in keys}

    def check_set(self, key: str, value: str, after: dict[str, Value]) -> None:
        if key.startswith("process."):
            assert resolve(self.eyes.full(key)).read() == value
        else:
            pair = next((pair for pair in PAIRS if key in pair), (key,))
            found = after[unit_of(key)][pair.index(key)]
            assert found is not None
            assert found == value or (key.endswith("expire@D") and abs(int(found) - int(value)) <= 10), key

    def note(
        self,
        number: int,
        wishes: dict[str, str],
        before: dict[str, Value],
        after: dict[str, Value],
        taken_over: tuple[str, ...],
    ) -> None:
        made = Transaction(number)
        for unit in self.eyes.units:
            if before[unit] != after[unit]:
                made.entries[unit] = Entry(before[unit], after[unit])
                self.tally.written += 1
        for key in wishes:
            unit = unit_of(key)
            last = next((found.entries[unit] for found in reversed(self.active) if unit in found.entries), None)
            if last is not None and unit in made.entries and last.after != before[unit]:
                for earlier in self.active:
                    earlier.entries.pop(unit, None)  # what was found is the original now
                if unit == key and len(before[unit]) == 1:
                    assert self.eyes.full(key) in taken_over
        self.active.append(made)
        self.tally.applied += 1

    @rule(key=st.sampled_from(sorted(CHOICES)), which=st.integers(0, 4))
    def change_by_a_foreign_hand(self, key: str, which: int) -> None:
        if self.eyes.look(unit_of(key)) == (None,):
            return
        before = self.eyes.look_at_all()
        self.eyes.set(key, CHOICES[key][which % len(CHOICES[key])])
        self.expected = self.eyes.look_at_all()
        for unit in self.eyes.units:
            if self.expected[unit] != before[unit]:
                self.foreign.add(unit)
                self.tally.drifted += 1

    @precondition(lambda self: self.active and self.active[-1].entries)
    @rule(seed=st.integers(0, 1 << 30))
    def change_what_we_set_by_foreign_hands(self, seed: int) -> None:
        choose = random.Random(seed)
        ours = sorted(unit for unit in self.active[-1].entries if unit in CHOICES)
        for key in choose.sample(ours, min(3, len(ours))):
            self.change_by_a_foreign_hand(key, choose.randrange(5))

    @precondition(lambda self: self.active)
    @rule()
    def roll_back_all(self) -> None:
        self.roll_back(0)

    @precondition(lambda self: self.active)
    @rule(which=st.integers(0, 7))
    def roll_back_to(self, which: int) -> None:
        self.roll_back(which % len(self.active))

    def roll_back(self, kept: int) -> None:
        """Undo all but the oldest `kept`."""
        while len(self.active) > kept:
            newest = self.active.pop()
            left = set()
            for unit, entry in newest.entries.items():
                if self.expected[unit] == entry.after:
                    self.expected[unit] = entry.before
                    self.tally.restored += 1
                elif self.expected[unit] != entry.before:
                    left.add(unit)
                    self.tally.kept += 1
            with session(self.store, read_here()) as opened:
                journal = opened.active()[-1]
                assert journal.id == newest.id
                done = opened.undo(journal)
            assert done.failed == []
            self.forget_what_no_scheduler_has()

    def forget_what_no_scheduler_has(self) -> None:
        """Parameters come and go with their scheduler; whether that is the right one is another unit's business."""
        for unit in self.eyes.units:
            present = self.eyes.look(unit) != (None,)
            if unit.startswith("block.iosched.") and present != (self.expected[unit] != (None,)):
                self.expected[unit] = self.eyes.look(unit)

    @rule()
    def start_again(self) -> None:
        """As after a crash or another login: all is told by the journals."""
        with session(self.store, read_here()) as opened:
            assert opened.repaired == {}
            assert [journal.id for journal in opened.active()] == [found.id for found in self.active]

    @invariant()
    def the_machine_is_as_the_model_says(self) -> None:
        found = self.eyes.look_at_all()
        wrong = {unit: (found[unit], wanted) for unit, wanted in self.expected.items() if found[unit] != wanted}
        assert wrong == {}, "unit: (found, expected)"

    def teardown(self) -> None:
        if not hasattr(self, "active") or self.broken:
            return
        try:
            if self.active:
                self.roll_back(0)
            self.the_machine_is_as_the_model_says()
            found = self.eyes.look_at_all()
            assert {unit for unit in found if found[unit] != self.start[unit]} <= self.foreign
            drifted = {self.eyes.path(key) for unit in self.foreign for key in members(unit)}
            drifted.add("/proc/sys/vm/nr_hugepages_mempolicy" if POOL in drifted else POOL)
            drifted.add("/proc/sys/vm/nr_hugepages" if POOL in drifted else POOL)
            now = dump_sysctls()
            changed = {path for path, value in self.sysctls.items() if now.get(path) != value}
            assert changed <= drifted
        finally:
            self.eyes.reset(self.start)


def members(unit: str) -> tuple[str, ...]:
    """The keys of a unit."""
    return next((pair for pair in PAIRS if unit in pair), (unit,))


def test_random_sequences_end_as_the_model_says(tmp_path: Path) -> None:
    with machine() as found:
        eyes = Eyes(found)
        tally = Tally()
        start = eyes.look_at_all()

        class Here(Sequences):
            pass

        Here.eyes, Here.tally, Here.start = eyes, tally, start
        Here.sysctls = {path: value for path, value in dump_sysctls().items() if path in found.stable}
        Here.folder = tmp_path / "store"
        try:
            run_state_machine_as_test(
                Here,
                settings=settings(
                    max_examples=SEQUENCES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    phases=(Phase.generate,),  # a sequence that fails is short enough to read
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            eyes.reset(start)
        print(tally)
        assert tally.sequences >= SEQUENCES
        assert tally.applied > SEQUENCES / 2
        assert tally.written > tally.applied * 5, "values were really changed"
        assert tally.restored > tally.written / 2
        assert tally.drifted > SEQUENCES / 4
        assert tally.kept > 0
        assert eyes.look_at_all() == start

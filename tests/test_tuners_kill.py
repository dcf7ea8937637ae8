"""SIGKILL after every single system call of apply and of rollback; afterwards the machine is as it was, every time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_machine import Machine, applying, machine, new_store, rolling_back
from tracer import run_traced

pytestmark = pytest.mark.heavy
WHOLE_DUMP_EVERY = 20


@pytest.fixture
def here() -> Iterator[Machine]:
    with machine() as found:
        yield found


class AsBefore:
    """Compares the machine with what it was: what may have been touched each time, all of /proc/sys now and then."""

    def __init__(self, here: Machine) -> None:
        self.here, self.touched, self.whole, self.count = here, here.touched(), here.whole(), 0

    def check(self, when: str, every: int = WHOLE_DUMP_EVERY) -> None:
        now, before = self.here.touched(), self.touched
        if self.count % every == 0:
            now, before = self.here.whole(), self.whole
        self.count += 1
        assert now == before, f"{when}: {differences(before, now)}"


def differences(before: dict[str, str], now: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {key: (before.get(key), now.get(key)) for key in before | now if before.get(key) != now.get(key)}


def test_apply_killed_after_every_system_call(here: Machine, tmp_path: Path) -> None:
    as_before = AsBefore(here)
    assert len(here.wishes()) >= 10
    count = 0
    while True:
        store = new_store(tmp_path / "llmtune")
        ending = run_traced(applying(store, here.wishes()), kill_after=count)
        if not ending.killed:
            assert ending.answer == "applied"
            assert differences(as_before.touched, here.touched()), "apply wrote nothing"
        assert rolling_back(store)() == "", count
        as_before.check(f"killed after {count} calls")
        if not ending.killed:
            break
        count += 1
    as_before.check("at the end", every=1)
    print(f"apply: killed after each of {count} system calls")
    assert count > 300


def test_rollback_killed_after_every_system_call(here: Machine, tmp_path: Path) -> None:
    as_before = AsBefore(here)
    count = 0
    while True:
        store = new_store(tmp_path / "llmtune")
        assert applying(store, here.wishes())() == "applied"
        ending = run_traced(rolling_back(store), kill_after=count)
        assert ending.killed or ending.answer == ""
        assert rolling_back(store)() == "", count
        as_before.check(f"killed after {count} calls")
        if not ending.killed:
            break
        count += 1
    as_before.check("at the end", every=1)
    print(f"rollback: killed after each of {count} system calls")
    assert count > 200

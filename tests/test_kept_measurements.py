"""What was measured is kept for the monitor, for this machine and these CPUs only."""

from pathlib import Path

import pytest

from llmtune.cli.kept_measurements import keep, with_kept
from llmtune.cli.machine_facts import facts_of
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.measure.measurement import Measurement
from llmtune.probe.snapshot import Snapshot, take_snapshot

READ = Measurement(
    kind="memory read",
    scope="machine",
    median_bytes_per_s=20e9,
    min_bytes_per_s=19e9,
    max_bytes_per_s=21e9,
    runs=3,
    threads=2,
    bytes_per_run=1 << 30,
    how="sums",
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "llmtune" / "measured.json"


@pytest.fixture(scope="module")
def here() -> Snapshot:
    return take_snapshot(Host(LiveSource()), disk_interval_s=0.0)


def test_it_comes_back_with_its_age(state: Path, here: Snapshot) -> None:
    keep(here.model_copy(update={"measured": (READ,)}))
    [back] = with_kept(here).measured
    assert back.how == "sums, today"
    assert back.median_bytes_per_s == 20e9


def test_the_monitor_judges_against_it(state: Path, here: Snapshot) -> None:
    before = facts_of(Host(LiveSource())).memory_bandwidth
    assert before is None or before.basis != "measured"
    keep(here.model_copy(update={"measured": (READ,)}))
    after = facts_of(Host(LiveSource())).memory_bandwidth
    assert after is not None
    assert (after.basis, after.per_s) == ("measured", 20e9)


def test_with_other_cpus_it_does_not_count(state: Path, here: Snapshot) -> None:
    keep(here.model_copy(update={"measured": (READ,)}))
    fewer = here.effective.model_copy(update={"cpus": 0.5})
    assert with_kept(here.model_copy(update={"effective": fewer})).measured == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"machine": 1}', "[" * 10_000, "\0"])
def test_a_damaged_file_counts_as_none(state: Path, here: Snapshot, text: str) -> None:
    keep(here.model_copy(update={"measured": (READ,)}))
    state.write_text(text)
    assert with_kept(here).measured == ()


def test_damaged_values_count_as_none(state: Path, here: Snapshot) -> None:
    keep(here.model_copy(update={"measured": (READ,)}))
    whole = state.read_text()
    for old, new in (("20000000000.0", '"fast"'), ('"time_s": ', '"time_s": 1e400, "x": '), ('"runs"', '"walks"')):
        assert old in whole
        state.write_text(whole.replace(old, new))
        assert with_kept(here).measured == ()


def test_where_nothing_can_be_written_nothing_happens(
    tmp_path: Path, here: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    keep(here.model_copy(update={"measured": (READ,)}))
    assert with_kept(here).measured == ()

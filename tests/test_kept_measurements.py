"""What was measured is kept for the monitor, for this machine and these CPUs only."""

import json
import os
from pathlib import Path

import pytest

from llmtune.cli import kept_measurements
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
    monkeypatch.setattr(kept_measurements, "SHARED", str(tmp_path / "shared"))
    return tmp_path / ("shared" if os.geteuid() == 0 else "llmtune") / "measured.json"


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


def test_what_root_measured_everybody_knows(
    state: Path, here: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With sudo another home is used than without: the monitor would never see what it was told to measure."""
    keep(here.model_copy(update={"measured": (READ,)}))
    shared = tmp_path / "shared" / "measured.json"
    if os.geteuid() != 0:
        shared.parent.mkdir()
        state.rename(shared)
        shared.chmod(0o644)
    assert shared.stat().st_mode & 0o777 == 0o644
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another home"))
    assert len(with_kept(here).measured) == 1
    shared.chmod(0o666)
    assert with_kept(here).measured == ()


def test_of_two_the_newer_counts(state: Path, here: Snapshot, tmp_path: Path) -> None:
    keep(here.model_copy(update={"measured": (READ,)}))
    other = tmp_path / ("llmtune" if os.geteuid() == 0 else "shared") / "measured.json"
    other.parent.mkdir()
    newer = json.loads(state.read_text())
    newer["time_s"] += 10
    newer["measured"][0]["median_bytes_per_s"] = 30e9
    other.write_text(json.dumps(newer))
    other.chmod(0o644)
    assert with_kept(here).measured[0].median_bytes_per_s == 30e9


def test_a_pipe_in_its_place_holds_nobody_up(state: Path, here: Snapshot) -> None:
    state.parent.mkdir()
    os.mkfifo(state, 0o600)
    assert with_kept(here).measured == ()


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
    monkeypatch.setattr(kept_measurements, "SHARED", str(tmp_path / "file" / "shared"))
    keep(here.model_copy(update={"measured": (READ,)}))
    assert with_kept(here).measured == ()

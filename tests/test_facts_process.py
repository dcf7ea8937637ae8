"""Facts read by a process of its own."""

import sys
import time
from pathlib import Path

import pytest

from llmtune.cli.facts_feed import FactsFeed
from llmtune.cli.facts_process import NoFacts, facts_of_this_machine
from llmtune.cli.machine_facts import facts_of
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent / "build" / "path"))


def test_they_are_those_that_are_read_here() -> None:
    assert facts_of_this_machine() == facts_of(Host(LiveSource()))


def test_a_package_of_the_same_name_in_the_current_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llmtune").mkdir()
    (tmp_path / "llmtune" / "__init__.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    assert facts_of_this_machine().machine == "this machine"
    assert not (tmp_path / "ran").exists()


def test_what_failed_once_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        feed = FactsFeed(LiveSource(), rest_s=0.01)
        feed.start()
        feed.wait(60)
        why = feed.trouble
        assert why is not None
    end_s = time.monotonic() + 60
    while feed.facts is None and time.monotonic() < end_s:
        time.sleep(0.05)
    feed.stop()
    assert feed.facts is not None
    assert (feed.facts.machine, feed.trouble) == ("this machine", None)


def test_a_process_that_fails_is_told_and_the_feed_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NoFacts, match="exit code 1"):
        facts_of_this_machine()
    feed = FactsFeed(LiveSource())
    feed.start()
    feed.wait(60)
    feed.stop()
    assert feed.facts is None
    assert feed.trouble == "NoFacts: exit code 1"

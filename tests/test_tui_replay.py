"""Records on the screen: played, sought, stopped; and a feed of this machine."""

import queue
from pathlib import Path

import pytest
from scenes import views

from llmtune.cli.common import InputError
from llmtune.cli.replaying import open_replay
from llmtune.probe.sample.log import SampleWriter
from llmtune.tui.feed import Moment, News, Restart
from llmtune.tui.replay import ReplayFeed

START_S = 1.7e9
PATIENCE_S = 30.0


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Two minutes, a sample a second."""
    sample = views()["one_gpu"].sample
    assert sample is not None
    writer = SampleWriter(str(tmp_path / "record"))
    for second in range(120):
        writer.write(sample.model_copy(update={"clock_s": 100.0 + second, "time_s": START_S + second}))
    writer.close()
    return tmp_path / "record"


def times_until(news: "queue.Queue[News]", painted_s: float) -> list[float]:
    """When the delivered samples are from, up to one that is painted."""
    found: list[float] = []
    while True:
        one = news.get(timeout=PATIENCE_S)
        if isinstance(one, Restart):
            found.clear()
        if isinstance(one, Moment):
            found.append(one.observation.sample.time_s - START_S)
            if one.paint and found[-1] == painted_s:
                return found


def started(feed: ReplayFeed) -> "queue.Queue[News]":
    news: queue.Queue[News] = queue.Queue()
    feed.start(news.put)
    return news


def test_fast_replay_leaves_out_no_sample(record: Path) -> None:
    feed = open_replay(str(record))
    for _ in range(9):
        feed.faster()
    try:
        assert times_until(started(feed), 119.0) == list(range(120))
        assert feed.mode() == "REPLAY: END"
    finally:
        feed.stop()


def test_seeking_brings_what_charts_need(record: Path) -> None:
    feed = open_replay(str(record))
    feed.pause()
    news = started(feed)
    try:
        feed.seek(90)
        assert times_until(news, 90.0) == list(range(91))
        feed.seek(-60)
        assert times_until(news, 30.0) == list(range(31))
        feed.seek(float("inf"))
        assert times_until(news, 119.0)[-1] == 119
        feed.seek(float("-inf"))
        assert times_until(news, 0.0) == [0]
        feed.seek(0.001)
        assert times_until(news, 1.0) == [0, 1]
        assert feed.mode() == "REPLAY: STOPPED"
    finally:
        feed.stop()


def test_every_step_counts_however_fast_they_come(record: Path) -> None:
    feed = open_replay(str(record))
    feed.pause()
    news = started(feed)
    try:
        feed.seek(60)
        assert times_until(news, 60.0)[-1] == 60
        for _ in range(10):
            feed.seek(1.0)
            # A step is asked for while the one before is on its way.
            while not isinstance(news.get(timeout=PATIENCE_S), Moment):
                pass
        times_until(news, 70.0)
        for _ in range(10):
            feed.seek(-1.0)
        times_until(news, 60.0)
        assert feed.status() == "sample 61 of 120"
    finally:
        feed.stop()


@pytest.mark.parametrize("content", [b"", b"no record", b"\x1f\x8b\x08\x04"])
def test_what_is_no_record_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError) as error:
        open_replay(str(tmp_path / "file"))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_replay(str(tmp_path / "none"))

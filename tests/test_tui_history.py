"""An hour of past values in memory that does not grow."""

import itertools
import math

import pytest
from situations import CLOCK_S, QUIET, blank, busy, gpu, rates, stalls

from llmtune.advisors.activity.activity import Activity
from llmtune.probe.sample.sample import PressureMoment, Sample
from llmtune.tui.history import MAX_SERIES, History


def sample(clock_s: float, drives: int = 1, percent: int | None = 50) -> Sample:
    return Sample(
        clock_s=clock_s,
        time_s=clock_s + 1.7e9,
        cpu=None,
        memory=None,
        pressure=blank(PressureMoment),
        drives=(),
        nodes=(),
        gpus=(gpu(utilization_percent=percent),),
        servers=(),
    )


def activity(busy_cpus: float, seconds: float = 1.0, drives: tuple[str, ...] = ("sda",)) -> Activity:
    return Activity(
        seconds=seconds,
        cpu=busy([busy_cpus]),
        memory=QUIET,
        stalls=stalls(),
        drives={name: rates(1.0, 2.0, 3.0) for name in drives},
        servers={},
        nvlink_bytes_per_s={},
    )


def test_the_last_minute_second_by_second() -> None:
    history = History()
    for second in range(61):
        history.add(sample(CLOCK_S + second), activity(second / 100))
    values = history.values("cpu/busy", 60, 60.0)
    assert values == pytest.approx([second / 100 for second in range(1, 61)])


def test_twice_as_many_points_as_seconds_repeat_them() -> None:
    history = History()
    for second in range(60):
        history.add(sample(CLOCK_S + second), activity(second / 100))
    values = history.values("cpu/busy", 120, 60.0)
    assert len(values) == 120
    assert values[0] == values[1] == pytest.approx(0)
    assert values[-1] == values[-2] == pytest.approx(0.59)


@pytest.mark.parametrize(
    ("points", "window_s"), [(1, 60.0), (7, 60.0), (118, 600.0), (97, 3600.0), (500, 3600.0), (0, 60.0)]
)
def test_as_many_points_as_asked_for(points: int, window_s: float) -> None:
    history = History()
    for second in range(100):
        history.add(sample(CLOCK_S + second), activity(1.0))
    for name in ("cpu/busy", "not there"):
        assert len(history.values(name, points, window_s)) == points


def test_what_was_not_known_is_a_gap_and_not_nothing() -> None:
    history = History()
    for second in range(60):
        history.add(sample(CLOCK_S + second, percent=None if 20 <= second < 30 else 90), None)
    values = history.values("gpu/0/use", 60, 60.0)
    assert values[20:30] == [None] * 10
    assert set(values[:20]) == set(values[30:]) == {90}


def test_a_slow_interval_fills_the_seconds_it_measured() -> None:
    history = History()
    for place in range(13):
        history.add(sample(CLOCK_S + 5 * place), activity(1.0, seconds=5.0))
    assert history.values("cpu/busy", 60, 60.0) == [1.0] * 60


def test_a_pause_of_ours_is_a_gap() -> None:
    """A machine that slept, a monitor that was suspended: what was then is not known."""
    history = History()
    for clock_s in (*range(20), 50, 51):
        history.add(sample(CLOCK_S + clock_s), activity(1.0, seconds=30.0 if clock_s == 50 else 1.0))
    values = history.values("cpu/busy", 60, 60.0)
    assert values[-2:] == [1.0, 1.0]
    assert values[-31:-2] == [None] * 29


def test_four_samples_a_second_become_their_mean() -> None:
    history = History()
    for quarter in range(8):
        history.add(sample(CLOCK_S + quarter / 4), activity(quarter % 4 / 10, seconds=0.25))
    assert history.values("cpu/busy", 60, 60.0)[-2:] == pytest.approx([0.15, 0.15])


def test_an_hour_is_kept_and_no_more() -> None:
    history = History()
    for second in range(0, 7200, 2):
        history.add(sample(CLOCK_S + second), activity(0.5 if second < 3600 else 0.25, seconds=2.0))
    assert set(history.values("cpu/busy", 100, 3600.0)) <= {0.25, None}
    assert history.until(CLOCK_S + 5000).values("cpu/busy", 60, 60.0) == [0.25] * 60
    assert history.until(CLOCK_S + 1000).values("cpu/busy", 60, 60.0) == [None] * 60


def test_looking_back_ends_at_the_moment_looked_at() -> None:
    history = History()
    for second in range(300):
        history.add(sample(CLOCK_S + second), activity(second / 1000))
    back = history.until(CLOCK_S + 99).values("cpu/busy", 60, 60.0)
    assert back[-1] == pytest.approx(0.099)
    assert back[0] == pytest.approx(0.040)


def test_old_parts_of_a_chart_do_not_change_while_it_moves() -> None:
    history = History()
    seen: list[list[float | None]] = []
    for second in range(700):
        history.add(sample(CLOCK_S + second), activity(math.sin(second) ** 2))
        if second > 650:
            seen.append(list(history.values("cpu/busy", 60, 600.0)))
    for before, now in itertools.pairwise(seen):
        assert now[:-1] == before[:-1] or now[:-2] == before[1:-1]


def test_names_that_come_and_go_for_ever_take_no_more_memory() -> None:
    history = History()
    for second in range(600):
        names = tuple(f"dm-{second}-{number}" for number in range(2))
        history.add(sample(CLOCK_S + second), activity(1.0, drives=names))
    assert len(history.names()) <= MAX_SERIES
    assert "cpu/busy" in history.names()


def test_a_clock_that_runs_back_begins_anew() -> None:
    history = History()
    history.add(sample(CLOCK_S + 100), activity(1.0))
    history.add(sample(CLOCK_S), activity(0.5))
    assert history.values("cpu/busy", 60, 60.0) == [*[None] * 58, *history.values("cpu/busy", 2, 2.0)]
    assert history.values("cpu/busy", 1, 1.0) == [0.5]


def test_what_has_gone_for_an_hour_is_dropped() -> None:
    history = History()
    for second in range(0, 7200, 10):
        history.add(sample(CLOCK_S + second), activity(1.0, 10.0, ("old",) if second < 60 else ("sda",)))
    known = history.values_until(CLOCK_S + 60, "drive/old/read", 10, 60.0)
    assert known == [None] * 10
    assert "drive/sda/read" in history.names()


def test_gpus_of_two_vendors_have_charts_of_their_own() -> None:
    history = History()
    both = (gpu(utilization_percent=90), gpu(vendor="intel", utilization_percent=10))
    for second in range(3):
        history.add(sample(CLOCK_S + second).model_copy(update={"gpus": both}), activity(1.0))
    assert history.values("gpu/0/use", 1, 1.0) == [90]
    assert history.values("gpu/intel0/use", 1, 1.0) == [10]

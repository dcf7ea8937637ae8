"""Disk counters, and rates as iostat computes them."""

from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.diskstats import (
    Counters,
    finish_disk_sample,
    parse_diskstats,
    rates,
    rates_since_boot,
    start_disk_sample,
)
from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.parse import parse_uptime
from llmtune.probe.reading import Malformed, Unreadable

NONE = Counters(0, 0, 0, 0, 0, 0, 0, 0, 0)
LINE = "8 0 sda {reads} 5 {sectors} 600 20 3 800 100 {flight} {busy} 1400 1 2 3 4 5 6\n"
FIRST = LINE.format(reads=100, sectors=2000, flight=0, busy=300)
SECOND = LINE.format(reads=150, sectors=104400, flight=3, busy=350)


def sampling_host(root: Path, clocks: dict[int, float], second: str = SECOND) -> Host:
    answers: dict[Question, Answer | Unreadable] = {
        ("read", "/proc/diskstats", 1): FIRST.encode(),
        ("read", "/proc/diskstats", 3): second.encode(),
    }
    answers |= {("clock", moment): seconds for moment, seconds in clocks.items()}
    return tree_host(root, {"/proc/uptime": "1000.5 2000.0\n"}, answers)


def test_counters_are_read_whatever_the_kernels_number_of_columns() -> None:
    text = (
        "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
        "   8       1 sda1 1 2 3 4\n"
        " 259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
        " 104       0 cciss/c0d0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
        "   8      16 sdb 1 2 x 4 5 6 7 8 9 10 11\n"
    )
    wanted = Counters(1, 3, 4, 5, 7, 8, 9, 10, 11)
    assert parse_diskstats(text) == {"sda": wanted, "nvme0n1": wanted, "cciss/c0d0": wanted}
    assert parse_diskstats("") == {}


@pytest.mark.parametrize("text", ["garbage", "8 0 sda -1 2 3 4 5 6 7 8 9 10 11", "\0\0\0"])
def test_garbage_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_diskstats(text)


@pytest.mark.parametrize("text", ["", "nan 1", "inf", "-5 3", "soon"])
def test_an_uptime_that_is_none(text: str) -> None:
    with pytest.raises(Malformed):
        parse_uptime(text)


def test_rates_follow_the_formulas_of_iostat() -> None:
    # 49601 reads of 3195498 sectors in 623970 ms over 7315.85 s: 6.78 r/s, 218.40 rkB/s, 12.58 ms, aqu 0.10, 0.45 %.
    found = rates(NONE, Counters(49601, 3195498, 623970, 12180, 821088, 117109, 0, 32862, 714408), 7315.85)
    assert found is not None
    assert found.reads_per_s == pytest.approx(6.78, abs=0.006)
    assert found.read_bytes_per_s / 1024 == pytest.approx(218.40, abs=0.006)
    assert found.read_await_ms == pytest.approx(12.58, abs=0.006)
    assert found.writes_per_s == pytest.approx(1.66, abs=0.006)
    assert found.write_await_ms == pytest.approx(9.61, abs=0.006)
    assert found.queue_length == pytest.approx(0.10, abs=0.006)
    assert found.util_percent == pytest.approx(0.45, abs=0.006)


def test_a_quiet_disk_has_no_mean_time() -> None:
    quiet = rates(NONE, NONE, 1.0)
    assert quiet is not None
    assert quiet.read_await_ms is None
    assert quiet.util_percent == 0


def test_a_counter_that_falls_or_time_that_stands_gives_nothing() -> None:
    busy = NONE._replace(reads=5)
    assert rates(busy, NONE, 1.0) is None
    assert rates(NONE, busy, 0.0) is None
    assert rates(NONE._replace(in_flight=9), busy, 1.0) is not None  # The only one that may fall.


def test_sample_waits_for_what_is_missing_and_divides_by_the_true_time(tmp_path: Path) -> None:
    host = sampling_host(tmp_path, {1: 50.0, 2: 50.04, 3: 50.2})
    found = finish_disk_sample(host, start_disk_sample(host))["sda"]
    assert ("wait", "0.06", 3) in host.answers
    assert found.seconds == 0.2
    assert found.reads_per_s == 250
    assert found.read_bytes_per_s == 102400 * 512 / 0.2
    assert found.util_percent == 25


def test_sample_does_not_wait_when_the_probes_took_longer(tmp_path: Path) -> None:
    host = sampling_host(tmp_path, {1: 50.0, 2: 50.3, 3: 50.3})
    assert finish_disk_sample(host, start_disk_sample(host))["sda"].seconds == 0.3
    assert not [question for question in host.answers if question[0] == "wait"]


def test_interval_lengthens_the_sample(tmp_path: Path) -> None:
    host = sampling_host(tmp_path, {1: 50.0, 2: 50.5, 3: 55.0})
    assert finish_disk_sample(host, start_disk_sample(host), 5.0)["sda"].seconds == 5.0
    assert ("wait", "4.5", 3) in host.answers


def test_tree_without_a_clock_has_rates_since_boot_only(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/diskstats": FIRST, "/proc/uptime": "10.0 5\n"})
    assert finish_disk_sample(host, start_disk_sample(host)) == {}
    assert rates_since_boot(host)["sda"].reads_per_s == 10
    assert [gap.source for gap in host.gaps] == ["clock"]


def test_second_reading_damaged_is_a_gap(tmp_path: Path) -> None:
    host = sampling_host(tmp_path, {1: 50.0, 2: 50.3, 3: 50.3}, second="junk")
    assert finish_disk_sample(host, start_disk_sample(host)) == {}
    assert [gap.reason for gap in host.gaps if gap.source == "/proc/diskstats"] == ["malformed"]

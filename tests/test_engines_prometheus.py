"""Prometheus' text format: what it says, and what it cannot make us do."""

import random
import time

import pytest
from effort import examples
from engine_servers import ANSWERS
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtune.probe.sample.engine import MeanOf
from llmtune.probe.sample.engines.prometheus import MAX_SERIES, Metrics, parse_metrics

NAMES = ("tokens_total", "tokens", "running", "wait_seconds_sum", "wait_seconds_count", "info")


def read(text: str) -> Metrics:
    return parse_metrics(text.encode(), "x:", NAMES)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("x:tokens_total 12", 12.0),
        ("x:tokens_total{} 12", 12.0),
        ('x:tokens_total{a="b"} 1.5e3', 1500.0),
        ('x:tokens_total {a="b",} 3 1700000000000', 3.0),
        ("x:tokens_total\t7", 7.0),
        ('x:tokens_total{a="b"}7', 7.0),
        ('x:tokens_total 5 # {trace_id="1"} 0.5', 5.0),
        ("x:tokens_total -1", -1.0),
        ("x:tokens_total +Inf", None),
        ("x:tokens_total NaN", None),
        ("x:tokens_total 1_000", None),
        ("x:tokens_total", None),
        ("x:tokens_total ", None),
        ("x:tokens_total twelve", None),
        ('x:tokens_total{a="b 3', None),
        (" x:tokens_total 3", None),
        ("# x:tokens_total 3", None),
        ("y:tokens_total 3", None),
        ("x:tokens_total_more 3", None),
        ("tokens_total 3", None),
    ],
)
def test_a_line(line: str, value: float | None) -> None:
    assert read(line).total(["tokens_total"]) == value
    assert read(f"junk\n{line}\nx:running 1").total(["tokens_total"]) == value
    assert read(f"junk\n{line}\nx:running 1").total(["running"]) == 1


def test_labels_with_escapes() -> None:
    text = r'x:info{model="a \"quoted\" } name",path="C:\\x\ny",odd="\q"} 1'
    (series,) = read(text).series("info")
    assert series.labels == {"model": 'a "quoted" } name', "path": "C:\\x\ny", "odd": r"\q"}


def test_rows_of_several_engines_are_added_up_and_copies_of_one_are_not() -> None:
    text = (
        'x:running{engine="0",pid="7"} 3\nx:running{engine="0",pid="8"} 4\n'
        'x:running{engine="1",pid="7"} 5\nx:running{engine="1",pid="8"} 1\n'
    )
    assert read(text).total(["running"], frozenset({"pid"})) == 9
    assert read(text).total(["running"]) == 13
    assert read(text).largest(["running"], frozenset({"pid"})) == 5
    assert read(text).total(["running"], frozenset({"pid"}), engine="1") == 5


def test_the_first_name_that_is_there_counts() -> None:
    assert read("x:tokens 1\nx:running 2").total(["tokens_total", "tokens", "running"]) == 1
    assert read("").total(["tokens_total"]) is None


def test_a_mean_needs_both_parts() -> None:
    assert read("x:wait_seconds_sum 3\nx:wait_seconds_count 2").mean(["wait_seconds"]) == MeanOf(seconds=3, count=2)
    assert read("x:wait_seconds_sum 3").mean(["wait_seconds"]) is None


def test_a_recorded_scrape() -> None:
    metrics = parse_metrics(ANSWERS["metrics_text"].encode(), "llamacpp:", ("prompt_tokens_total", "n_tokens_max"))
    assert metrics.total(["prompt_tokens_total"]) == 0
    assert "n_tokens_max" in metrics
    assert "requests_processing" not in metrics


def test_more_series_than_any_server_has() -> None:
    text = "".join(f'x:running{{n="{n}"}} 1\n' for n in range(3 * MAX_SERIES))
    assert read(text).total(["running"]) == MAX_SERIES


HOSTILE = [
    "x:tokens_total{" + 'a="' * 100_000,
    'x:tokens_total{a="' + "\\" * 500_000,
    "x:tokens_total" + " " * 1_000_000,
    "x:tokens_total{" * 80_000,
    "\n" * 1_000_000,
    "x:tokens_total " * 80_000,
    "x:tokens_total{}" + "{}" * 500_000,
    ("x:tokens_total{" + "a" * 10_000 + "\n") * 100,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    def cost(data: bytes) -> float:
        begin = time.thread_time()
        parse_metrics(data, "x:", NAMES)
        return time.thread_time() - begin

    plain = b"# HELP y:other_total Of something\ny:other_total 123\n" * 25_000
    assert cost(text.encode()) < 20 * cost(plain) + 0.1


def test_a_long_scrape_of_noise() -> None:
    noise = random.Random(1).randbytes(1 << 20)
    assert not parse_metrics(noise, "x:", NAMES).series("tokens")


@pytest.mark.fuzz
@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=300), st.text(alphabet='x:tokens_total{}",=\\ \n#1.eINnaf-+', max_size=200))
def test_anything_is_read_without_an_error(data: bytes, text: str) -> None:
    for told in (data, text.encode(), b"x:tokens_total" + data, b'x:tokens_total{a="' + data + b'"} 1'):
        value = parse_metrics(told, "x:", NAMES).total(["tokens_total"])
        assert value is None or value == value


def test_a_sum_beyond_all_numbers_is_none() -> None:
    metrics = parse_metrics(b'a{x="1"} 1e308\na{x="2"} 1e308\n', "", ("a",))
    assert metrics.total(["a"]) is None

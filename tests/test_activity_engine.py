"""Rates between two moments of a server: the parts that recorded answers do not hold."""

from itertools import pairwise
from typing import Any

import pytest

from llmtune.advisors.activity.engine import engine_activity
from llmtune.probe.sample.engine import EngineMoment, MeanOf, SlotMoment, SlotState
from llmtune.probe.sample.engines.made import moment


def slot(
    number: int, task: int | None, decoded: int | None, state: SlotState = "generating", done: int = 0
) -> SlotMoment:
    return SlotMoment(
        slot=number,
        task=task,
        state=state,
        prompt_tokens=None,
        prompt_done=done,
        decoded=decoded,
        context_used=None,
        context_size=None,
    )


def at(clock_s: float, generated: float | None, *slots: SlotMoment, **told: Any) -> EngineMoment:
    made = moment("ready", generated_tokens=generated, generated_when_done=True, slots=slots, **told)
    return made.model_copy(update={"clock_s": clock_s})


def rate(before: EngineMoment | None, now: EngineMoment) -> float | None:
    return engine_activity(before, now).decode_tokens_per_s


def test_a_task_that_goes_on_a_new_one_and_one_that_ended() -> None:
    before = at(10, 100, slot(0, 1, 50), slot(1, 2, 30))
    now = at(12, 140, slot(0, 1, 70), slot(1, 3, 8))
    assert rate(before, now) == (20 + 8 + (40 - 30)) / 2
    assert [one.decode_tokens_per_s for one in engine_activity(before, now).slots] == [10, 4]


def test_a_task_that_began_and_ended_in_between() -> None:
    assert rate(at(0, 100), at(1, 105, slot(0, 9, 0, "idle"))) == 5


def test_without_a_counter_the_tail_is_not_known() -> None:
    before, now = at(0, None, slot(0, 1, 50), slot(1, 2, 5)), at(1, None, slot(0, 1, 0, "idle"), slot(1, 2, 15))
    assert rate(before, now) == 10
    assert engine_activity(before, now).decode_basis == "slots"


def test_a_restarted_server_counts_anew() -> None:
    assert rate(at(0, 1000, slot(0, 7, 300)), at(1, 12, slot(0, 1, 0, "idle"))) == 0
    assert rate(at(0, 1000), at(1, 12)) == 12


@pytest.mark.parametrize("before", [None, at(5, 10), at(6, 10)])
def test_no_rate_without_time_in_between(before: EngineMoment | None) -> None:
    assert rate(before, at(5, 10)) is None


def test_a_gap_in_which_it_did_not_answer_is_made_up_for() -> None:
    """A busy server keeps the counters of the time they were told."""
    told = [at(0, 100), at(0, 100), at(0, 100), at(4, 180)]
    assert [rate(a, b) for a, b in pairwise(told)] == [None, None, 20]


def test_nothing_told_is_not_zero() -> None:
    rates = engine_activity(at(0, None), at(1, None))
    assert (rates.decode_tokens_per_s, rates.prompt_tokens_per_s, rates.decode_basis) == (None, None, "not told")
    assert (rates.cached_share, rates.accepted_share, rates.first_token_s, rates.preemptions_per_s) == (None,) * 4


def test_shares_and_means_are_of_what_happened_in_between() -> None:
    before = at(0, 1, cached_tokens=10.0, cache_queries=100.0, drafted_tokens=5.0, accepted_tokens=5.0, preemptions=1.0)
    now = at(2, 1, cached_tokens=40.0, cache_queries=140.0, drafted_tokens=15.0, accepted_tokens=9.0, preemptions=4.0)
    rates = engine_activity(before, now)
    assert (rates.cached_share, rates.accepted_share, rates.preemptions_per_s) == (0.75, 0.4, 1.5)
    before = at(0, 1, first_token=MeanOf(seconds=10, count=5), queued=MeanOf(seconds=1, count=5))
    now = at(2, 1, first_token=MeanOf(seconds=13, count=7), queued=MeanOf(seconds=1, count=5))
    rates = engine_activity(before, now)
    assert (rates.first_token_s, rates.queued_s) == (1.5, None)


def test_prompts_while_others_answer_are_counted_by_the_counter_alone() -> None:
    """Newer builds count with each batch that gives an answer; those that are read show in both."""
    before = at(0, 0, slot(0, 1, 5), slot(1, 2, 0, "prompt", 512), prompt_tokens=600.0, cached_tokens=0.0)
    now = at(1, 0, slot(0, 1, 9), slot(1, 2, 0, "prompt", 1024), prompt_tokens=1112.0, cached_tokens=0.0)
    assert engine_activity(before, now).prompt_tokens_per_s == 512

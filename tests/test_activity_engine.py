"""Rates between two moments of a server: the parts that recorded answers do not hold."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from llmtune.advisors.activity.engine import engine_activity
from llmtune.probe.sample.engine import EngineMoment, MeanOf, SlotMoment, SlotState
from llmtune.probe.sample.engines.made import moment
from llmtune.probe.sample.engines.progress import with_progress


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


def prompts(*steps: tuple[int, SlotState], counter: Sequence[float | None] = ()) -> list[EngineMoment]:
    """A moment a second of a slot that has read so much."""
    told: list[EngineMoment] = []
    for second, (done, state) in enumerate(steps):
        counted = counter[second] if counter else None
        new = at(second, None, slot(0, 1, int(state == "generating"), state, done), prompt_tokens=counted)
        told.append(with_progress(told[-1] if told else None, new))
    return told


def test_a_prompt_that_is_told_in_steps_has_a_mean_speed_and_no_zeros() -> None:
    done = [0] * 3 + [2048] * 4 + [4096]
    told = prompts(*((one, "prompt") for one in done), (5000, "generating"))
    between = [engine_activity(a, b) for a, b in pairwise(told)]
    rates = [one.prompt_tokens_per_s for one in between]
    assert rates == [None, None, 2048 / 3, None, None, None, 512, 904]
    assert [one.slots[0].prompt_tokens_per_s for one in between] == rates
    assert sum(one.prompt_tokens_read or 0 for one in between) == 5000


def test_the_end_of_a_prompt_is_spread_over_its_last_step_when_a_counter_tells_it() -> None:
    """Counted when it is read, as older builds do."""
    steps: list[tuple[int, SlotState]] = [(0, "prompt"), (512, "prompt"), (512, "prompt"), (1024, "generating")]
    told = prompts(*steps, counter=[0.0, 0.0, 0.0, 1024.0])
    assert [engine_activity(a, b).prompt_tokens_per_s for a, b in pairwise(told)] == [512, None, 256]


def test_a_prompt_that_nobody_saw_is_counted_in_the_second_in_which_it_is_told() -> None:
    before, now = at(0, 0, prompt_tokens=10.0), at(2, 0, slot(0, 3, 5), prompt_tokens=110.0)
    assert engine_activity(before, now).prompt_tokens_per_s == 50
    assert engine_activity(now, at(3, 0, slot(0, 3, 9), prompt_tokens=110.0)).prompt_tokens_per_s == 0


def test_old_records_do_not_tell_since_when() -> None:
    before, now = at(0, 0, slot(0, 1, 0, "prompt", 0)), at(2, 0, slot(0, 1, 0, "prompt", 100))
    assert engine_activity(before, now).prompt_tokens_per_s == 50

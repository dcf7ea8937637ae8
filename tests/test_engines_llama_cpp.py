"""llama-server's pages of several builds, recorded and written after its source; each trap once."""

import json
from itertools import pairwise
from typing import Any

import pytest
from effort import examples
from engine_servers import ANSWERS, Pages, llama_server, pages
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtune.advisors.activity.engine import engine_activity
from llmtune.probe.reading import Unreadable
from llmtune.probe.sample.engine import BUSY, EngineMoment
from llmtune.probe.sample.engines.llama_cpp import NO_METRICS, NO_SLOTS, read_llama_cpp, shares_context
from llmtune.probe.sample.engines.llama_slots import parse_slots

MOMENTS = ANSWERS["moments"]
LONG = ANSWERS["long_prompt"]
OLD_METRICS = (
    "# TYPE llamacpp:kv_cache_usage_ratio gauge\nllamacpp:kv_cache_usage_ratio 0.25\nllamacpp:kv_cache_tokens 1024\n"
    "llamacpp:prompt_tokens_total 100\nllamacpp:tokens_predicted_total 50\nllamacpp:requests_processing 1\n"
    "llamacpp:requests_deferred 2\nllamacpp:predicted_tokens_seconds 999\n"
)


def series(moments: list[dict[str, Any]]) -> list[EngineMoment]:
    """What is told from moment to moment; a second apart."""
    found: list[EngineMoment] = []
    for number, one in enumerate(moments):
        told = read_llama_cpp(llama_server(one), found[-1] if found else None, False)
        found.append(told.model_copy(update={"clock_s": float(number)}))
    return found


def old_slot(**change: Any) -> dict[str, Any]:
    """A slot of a build that told the prompt without what was generated."""
    return {
        "id": 0,
        "id_task": 5,
        "n_ctx": 4096,
        "is_processing": True,
        "n_prompt_tokens": 14,
        "n_prompt_tokens_processed": 14,
        "n_prompt_tokens_cache": 0,
        "next_token": [{"n_decoded": 10, "n_remain": 90}],
    } | change


def test_the_counter_stands_still_while_tokens_come_and_the_rate_does_not() -> None:
    before, now = series(MOMENTS[1:3])
    assert now.generated_tokens == before.generated_tokens == 0
    assert engine_activity(before, now).decode_tokens_per_s == 15
    assert engine_activity(before, now).decode_basis == "slots"


def test_a_task_that_ended_leaves_its_tail_in_the_counter() -> None:
    """Of 7 tokens 4 had been seen; meanwhile the two others went on by 7 each."""
    before, now = series(MOMENTS[4:6])
    assert now.generated_tokens == 7
    assert engine_activity(before, now).decode_tokens_per_s == (7 - 4) + 7 + 7


def test_over_all_moments_every_token_is_counted_once() -> None:
    """The sixth pair was scraped while a request ended between slots and metrics; that asked again is told."""
    consistent = [one for number, one in enumerate(MOMENTS) if number != 6]
    assert sum(engine_activity(a, b).decode_tokens_per_s or 0 for a, b in pairwise(series(consistent))) == 92
    assert ANSWERS["answered"] == 92


def test_slots_that_a_request_left_meanwhile_are_asked_for_again() -> None:
    """One read while a request ended counts it twice; the next read, between two equal scrapes, does not."""
    skewed, after = MOMENTS[6], MOMENTS[7]
    before = read_llama_cpp(llama_server(MOMENTS[5]), None, False)
    both = llama_server(
        after,
        slots=iter([skewed["slots"], after["slots"], after["slots"]]),
        metrics=iter([skewed["metrics"], after["metrics"], after["metrics"]]),
    )
    now = read_llama_cpp(both, before, False).model_copy(update={"clock_s": before.clock_s + 1})
    assert engine_activity(before, now).decode_tokens_per_s == 92 - 7 - 16 - 40


def test_a_long_prompt_is_told_while_it_is_read_and_once() -> None:
    told = series(LONG)
    rates = [engine_activity(a, b).prompt_tokens_read or 0 for a, b in pairwise(told)]
    assert sum(rates) == ANSWERS["long_prompt_tokens"]
    assert len([rate for rate in rates if rate > 0]) >= 3
    assert {one.state for moment in told[:-1] for one in moment.slots} == {"prompt", "idle"}
    assert [one.slots[0].context_used for one in told[1:-1]] == [one.slots[0].prompt_done for one in told[1:-1]]


def test_the_context_is_not_counted_twice() -> None:
    told = series(MOMENTS)[2]
    slot = told.slots[3]
    assert (slot.state, slot.prompt_tokens, slot.decoded, slot.context_used) == ("generating", 7, 22, 29)
    assert (told.kv_tokens, told.kv_size_tokens) == (29, 4 * 2048)
    assert told.kv_share == pytest.approx(29 / 8192)


def test_older_builds_tell_the_prompt_alone() -> None:
    (slot,) = parse_slots([old_slot()]) or ()
    assert (slot.prompt_tokens, slot.context_used) == (14, 24)
    (slot,) = parse_slots([old_slot(n_prompt_tokens_processed=3, next_token={"n_decoded": 0})]) or ()
    assert (slot.state, slot.context_used) == ("prompt", 3)
    bare = {"id": 2, "n_ctx": 512, "state": 1, "next_token": {"n_decoded": 4}}
    (slot,) = parse_slots([bare]) or ()
    assert (slot.slot, slot.state, slot.decoded, slot.context_used) == (2, "generating", 4, None)


def test_what_idle_slots_keep_does_not_fill_the_context() -> None:
    told = series(MOMENTS)[-1]
    assert sum(slot.context_used or 0 for slot in told.slots) > 0
    assert (told.kv_tokens, told.kv_share, told.running) == (0, 0, 0)


def test_the_share_of_a_shared_context() -> None:
    get = llama_server(MOMENTS[2])
    assert read_llama_cpp(get, None, True).kv_share == pytest.approx(29 / 2048)
    unknown = read_llama_cpp(get, None, None)
    assert (unknown.kv_share, unknown.kv_tokens) == (None, 29)


@pytest.mark.parametrize(
    ("argv", "shared"),
    [
        (("-m", "x"), True),
        (("-np", "4"), False),
        (("-np", "-1"), True),
        ((), True),
        (("--parallel=4",), False),
        (("-np", "4", "-kvu"), True),
        (("--no-kv-unified",), False),
    ],
)
def test_whether_slots_share_a_context(argv: tuple[str, ...], shared: bool) -> None:
    assert shares_context(argv) is shared


def test_an_old_build_with_a_series_for_its_cache() -> None:
    told = read_llama_cpp(pages(props={}, slots=[old_slot()], metrics=OLD_METRICS))
    assert (told.kv_share, told.kv_tokens, told.waiting, told.generated_tokens) == (0.25, 1024, 2, 50)
    assert told.rate_tokens_per_s is None, "gauges that each scrape resets are not used"


def test_an_old_build_counts_a_prompt_when_it_is_read() -> None:
    def at(clock_s: float, done: int, total: int, decoded: int) -> EngineMoment:
        slots = [old_slot(n_prompt_tokens=900, n_prompt_tokens_processed=done, next_token={"n_decoded": decoded})]
        told = read_llama_cpp(pages(slots=slots, metrics=OLD_METRICS.replace("total 100", f"total {total}")))
        return told.model_copy(update={"clock_s": clock_s})

    told = [at(0, 300, 100, 0), at(1, 700, 100, 0), at(2, 900, 1000, 5)]
    assert [engine_activity(a, b).prompt_tokens_per_s for a, b in pairwise(told)] == [400, 200]


def test_loading_is_a_state() -> None:
    told = read_llama_cpp(pages(props=(503, ANSWERS["loading"])))
    assert (told.state, told.detail) == ("loading", "loads its model")


def test_without_metrics_slots_tell_and_what_to_do_is_said() -> None:
    told = read_llama_cpp(llama_server(MOMENTS[2], metrics=(501, ANSWERS["no_metrics"])), None, False)
    assert (told.state, told.detail, told.generated_tokens) == ("no metrics", NO_METRICS, None)
    assert (told.running, told.slots[3].decoded) == (1, 22)


def test_without_slots() -> None:
    told = read_llama_cpp(llama_server(MOMENTS[2], slots=(501, ANSWERS["no_slots"])), None, False)
    assert (told.state, told.detail, told.slots, told.running) == ("ready", NO_SLOTS, (), 1)
    assert told.kv_share is None


def test_without_both() -> None:
    nothing = (501, ANSWERS["no_metrics"])
    told = read_llama_cpp(llama_server(MOMENTS[2], slots=nothing, metrics=nothing))
    assert told.state == "no metrics"
    assert "--metrics" in told.detail


@pytest.mark.parametrize("page", ["props", "slots", "metrics"])
def test_a_key_is_wanted(page: str) -> None:
    told = read_llama_cpp(llama_server(MOMENTS[2], **{page: (401, ANSWERS["denied"])}))
    assert told.state == "denied"


def test_a_sleeper_is_asked_nothing_that_wakes_it() -> None:
    before = read_llama_cpp(llama_server(MOMENTS[-1]))
    get = llama_server(MOMENTS[-1], props=ANSWERS["props"] | {"is_sleeping": True})
    told = read_llama_cpp(get, before)
    assert (told.state, told.generated_tokens) == ("sleeping", 92)
    assert get.asked == ["/props"]


def test_an_idler_is_asked_nothing_that_keeps_it_awake() -> None:
    before = read_llama_cpp(llama_server(MOMENTS[-1]), None, False)
    get = llama_server(MOMENTS[-1])
    told = read_llama_cpp(get, before, False)
    assert "/slots" not in get.asked
    assert told.slots == before.slots
    busy = llama_server(MOMENTS[2])
    assert read_llama_cpp(busy, before, False).running == 1


def test_a_router_says_so_and_which_models_are_loaded() -> None:
    get = pages(props=ANSWERS["router_props"], models=ANSWERS["router_models"])
    told = read_llama_cpp(get)
    assert told.state == "ready"
    assert "router" in told.detail
    assert [one.name for one in told.models] == ["smollm2"]
    assert get.asked == ["/props", "/models"]


def test_a_routers_model_is_asked_for_without_loading_it() -> None:
    get = Pages({})
    read_llama_cpp(get, query="?model=a&autoload=false")
    assert all(path.endswith("?model=a&autoload=false") for path in get.asked)


def test_a_server_that_only_tells_its_health_works_on_a_long_batch() -> None:
    late = Unreadable("timed out", "late")
    told = read_llama_cpp(llama_server(MOMENTS[2], slots=late, health="{}"))
    assert (told.state, told.detail) == ("timed out", BUSY)
    told = read_llama_cpp(llama_server(MOMENTS[2], slots=late, health=late))
    assert (told.state, told.detail) == ("timed out", "late")


@pytest.mark.parametrize("body", ["", "{", "[1,", "null", "<html>", "[" * 100_000, '{"a":' * 100_000, "NaN", "1e999"])
@pytest.mark.parametrize("page", ["props", "slots", "metrics"])
def test_bad_answers_are_told_or_left_out(page: str, body: str) -> None:
    told = read_llama_cpp(llama_server(MOMENTS[2], **{page: body}))
    assert told.state in ("ready", "no metrics", "bad answer")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(old_slot())), inner, max_size=9),
    max_leaves=12,
)


@pytest.mark.fuzz
@settings(max_examples=examples(150), deadline=None)
@given(_JSON, _JSON)
def test_wrong_types_are_never_an_error(one: Any, other: Any) -> None:
    page = json.dumps([one, old_slot(next_token=other, id_task=one, n_prompt_tokens=other)])
    told = read_llama_cpp(llama_server(MOMENTS[2], slots=page, props=json.dumps(other)), None, False)
    EngineMoment.model_validate(told.model_dump())
    later = told.model_copy(update={"clock_s": told.clock_s + 1})
    assert (engine_activity(told, later).decode_tokens_per_s or 0) >= 0

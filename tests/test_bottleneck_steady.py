"""The verdict does not flicker, and nothing that a machine can say makes the judge stumble."""

from itertools import pairwise
from typing import Any, get_args

from bottleneck_samples import GB, PID, drive, endpoint, facts, gpu, group, memory, model, sample, server, slot
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtune.advisors.bottleneck.facts import ServerFacts
from llmtune.advisors.bottleneck.judge import ORDER, judge
from llmtune.advisors.bottleneck.steady import HOLD_BAD_S, HOLD_S, LINGER_BAD_S, LINGER_S, State, Steady, settle
from llmtune.advisors.bottleneck.verdict import Badness, Bottleneck, Kind
from llmtune.advisors.bottleneck.words import verdict
from llmtune.probe.sample.engine import EndpointState
from llmtune.probe.sample.sample import Sample


def made(kind: Kind, badness: Badness = "notice", subject: str | None = None, what: str = "x") -> Bottleneck:
    return verdict(kind, subject, what, confidence="medium", badness=badness)


IDLE, MEMORY, DISK = made("idle", "good"), made("memory bandwidth", "good"), made("disk", "bad")


def first(state: State) -> str:
    return state.shown[0].kind


def test_the_first_is_shown_at_once() -> None:
    assert first(settle(State(), [MEMORY], 100.0)) == "memory bandwidth"


def test_another_one_waits_and_a_severe_one_less() -> None:
    for new, hold in ((MEMORY, HOLD_S), (DISK, HOLD_BAD_S)):
        state = settle(State(), [IDLE], 100.0)
        state = settle(state, [new, IDLE], 101.0)
        assert first(state) == "idle"
        state = settle(state, [new, IDLE], 101.0 + hold - 0.1)
        assert first(state) == "idle"
        assert first(settle(state, [new, IDLE], 101.0 + hold)) == new.kind


def test_one_that_is_gone_lingers() -> None:
    for one, linger in ((MEMORY, LINGER_S), (DISK, LINGER_BAD_S)):
        state = settle(State(), [one], 100.0)
        assert first(settle(state, [IDLE], 100.0 + linger - 0.1)) == one.kind
        assert first(settle(settle(state, [IDLE], 101.0), [IDLE], 100.0 + linger)) == "idle"


def test_nothing_of_a_process_that_has_ended_lingers() -> None:
    of_it, of_other = made("disk", "bad", "4711"), made("swapping", "bad", "gpu0")
    state = settle(settle(State(), [of_it, of_other], 100.0), [of_it, of_other], 102.0)
    assert {one.subject for one in settle(state, [IDLE], 103.0, frozenset({"4711"})).shown} >= {"4711", "gpu0"}
    after = settle(state, [made("engine trouble", subject="ended 4711"), IDLE], 103.0, frozenset())
    assert "disk" not in {one.kind for one in after.shown}
    assert "swapping" in {one.kind for one in after.shown}
    assert "engine trouble" in {one.kind for one in after.shown}
    alone = settle(State(), [of_it], 100.0)
    assert (
        first(settle(alone, [made("engine trouble", subject="ended 4711"), IDLE], 101.0, frozenset()))
        == "engine trouble"
    )


def test_a_server_that_hung_and_was_ended_is_told_anew() -> None:
    hung, gone = made("engine trouble", "bad", "4711"), made("engine trouble", subject="ended 4711")
    state = settle(settle(State(), [hung], 100.0), [gone], 101.0, frozenset())
    assert [one.subject for one in state.shown] == ["ended 4711"]


def test_the_numbers_of_the_same_verdict_move_on() -> None:
    state = settle(State(), [made("disk", what="312 faults")], 100.0)
    assert [one.what for one in settle(state, [made("disk", what="5 faults")], 101.0).shown] == ["5 faults"]


def test_two_servers_are_two_subjects() -> None:
    state = settle(State(), [made("disk", subject="1")], 100.0)
    state = settle(state, [made("disk", subject="1"), made("disk", subject="2")], 101.0)
    assert [one.subject for one in state.shown] == ["1"]


def test_a_jump_back_begins_anew() -> None:
    state = settle(settle(State(), [DISK], 100.0), [DISK], 101.0)
    assert [one.kind for one in settle(state, [IDLE], 50.0).shown] == ["idle"]


def test_a_verdict_that_comes_and_goes_every_second_is_steady() -> None:
    steady = Steady()
    shown = [steady.update(float(second), [DISK] if second % 2 else [IDLE])[0].kind for second in range(60)]
    assert sum(a != b for a, b in pairwise(shown)) <= 1


KINDS = st.sampled_from(get_args(Kind))
NOISE = st.lists(
    st.tuples(st.floats(0.25, 4.0), st.lists(st.tuples(KINDS, st.sampled_from(get_args(Badness))), max_size=4)),
    min_size=1,
    max_size=120,
)


@settings(max_examples=examples(100), deadline=None)
@given(NOISE)
def test_noise_flickers_no_more_than_the_times_allow(noise: list[tuple[float, list[tuple[Kind, Badness]]]]) -> None:
    state, clock = State(), 0.0
    since: dict[str, float] = {}
    last_seen: dict[str, float] = {}
    before: set[str] = set()
    for step, found in noise:
        clock += step
        verdicts = [made(kind, badness) for kind, badness in found]
        state = settle(state, verdicts, clock)
        shown: set[str] = {one.kind for one in state.shown}
        since = {one.kind: since.get(one.kind, clock) for one in verdicts}
        assert not verdicts or shown
        assert list(state.shown) == sorted(state.shown, key=lambda one: ORDER.index(one.kind))
        for kind in before - shown:
            assert clock - last_seen[kind] >= LINGER_S
        # What comes was there for a while; or nothing else was left to show, and then it is one.
        early = [kind for kind in shown - before if clock - since[kind] < HOLD_BAD_S]
        assert not early or (early == list(shown) and not before & shown)
        last_seen |= dict.fromkeys(since, clock)
        before = shown


NUMBER = st.one_of(st.none(), st.integers(0, 1 << 60), st.sampled_from([0, 1, 100]))
SHARE = st.one_of(st.none(), st.floats(0, 1))
RATE = st.floats(0, 1e12)


@st.composite
def anything(draw: st.DrawFn, clock: float) -> Sample:
    """A moment in which whatever can be missing is missing, and counters jump."""
    slots = tuple(
        slot(
            number,
            state=draw(st.sampled_from(["idle", "prompt", "generating"])),
            task=draw(NUMBER),
            decoded=draw(NUMBER),
            prompt_done=draw(NUMBER),
            context_used=draw(NUMBER),
        )
        for number in range(draw(st.integers(0, 2)))
    )
    told = endpoint(
        clock,
        draw(st.floats(0, 1e6)),
        draw(st.floats(0, 1e6)),
        state=draw(st.sampled_from(get_args(EndpointState))),
        running=draw(NUMBER),
        waiting=draw(NUMBER),
        kv_share=draw(SHARE),
        preemptions=draw(NUMBER),
        generated_when_done=draw(st.booleans()),
        slots=slots,
    )
    one = server(
        clock,
        cpus=draw(st.floats(0, 64)),
        waiting=draw(st.one_of(st.none(), st.floats(0, 64))),
        faults=draw(st.floats(0, 1e5)),
        read=draw(st.floats(0, 1e10)),
        swapped_bytes=draw(NUMBER),
        decode_threads=draw(NUMBER),
        cpus_allowed=draw(st.sampled_from([None, (), (0, 1), tuple(range(8))])),
        file_bytes=draw(NUMBER),
        started_ticks=draw(st.sampled_from([1, 1, 1, 2])),
        cgroup=draw(st.sampled_from([None, group(clock, 0.5, 0.5, quota_cpus=0.5), group(clock, quota_cpus=None)])),
        endpoint=draw(st.sampled_from([None, told])),
    )
    card = gpu(
        clock,
        trouble=draw(st.sampled_from([None, None, "lost: x"])),
        utilization_percent=draw(st.one_of(st.none(), st.integers(0, 100))),
        dram_percent=draw(st.one_of(st.none(), st.floats(0, 100))),
        throttle_harmful=draw(st.sampled_from([None, (), ("power limit",), ("heat (driver)", "power limit")])),
        core_mhz=draw(NUMBER),
        core_max_mhz=draw(NUMBER),
        power_limit_mw=draw(NUMBER),
        pcie_rx_bytes_per_s=draw(NUMBER),
        link_generation_now=draw(st.one_of(st.none(), st.integers(0, 9))),
        link_width_now=draw(NUMBER),
    )
    changes: dict[str, Any] = {
        "memory": draw(st.sampled_from([None, memory(clock), memory(clock, swap_in=draw(RATE))])),
        "cpu": draw(st.sampled_from([None, sample(clock, busy=4.0).cpu])),
        "drives": draw(st.sampled_from([(), (drive(clock, 0.9, 1e9, 30.0),)])),
        "gpus": draw(st.sampled_from([(), (card,)])),
        "servers": draw(st.sampled_from([(), (one,), (one, one.model_copy(update={"pid": PID + 1}))])),
    }
    return sample(clock).model_copy(update=changes)


MODELS = st.builds(
    lambda share, active, total: model(gpu_share=share, active_bytes_per_token=active, total_bytes=total),
    SHARE,
    st.one_of(st.none(), RATE),
    st.integers(0, 1 << 50),
)


@settings(max_examples=examples(150), deadline=None)
@given(st.data(), MODELS, st.booleans())
def test_the_judge_never_stumbles(data: st.DataObject, known: Any, told: bool) -> None:
    what = facts(servers=(ServerFacts(pid=PID, model=known),)) if told else None
    samples = [data.draw(anything(float(clock))) for clock in (100, 101, 103, 110)]
    found = judge(samples, what)
    assert found
    assert list(found) == sorted(found, key=lambda one: ORDER.index(one.kind))
    for one in found:
        assert one.what
        assert "None" not in one.what


def test_facts_may_lack_everything() -> None:
    bare = facts(memory_bandwidth=None, gpus=(), servers=(), nodes=(), effective_cpus=None, cores=None)
    assert judge([sample(1.0, server(1.0, model_bytes=GB)), sample(2.0, server(2.0))], bare)

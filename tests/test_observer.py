"""Samples one after another become verdicts that begin and end."""

from itertools import islice

from made_samples import samples
from scenes import views

from llmtune.advisors.activity.between import activity
from llmtune.advisors.bottleneck.observer import MAX_GAP_SECONDS, Lasting, Observer
from llmtune.probe.sample.sample import Sample


def test_the_first_sample_has_no_activity_and_begins_nothing() -> None:
    first, second = islice(samples(), 2)
    observer = Observer()
    seen = observer.observe(first)
    assert seen.activity is None
    assert seen.verdict is not None
    assert (seen.began, seen.ended) == ((), ())
    assert observer.observe(second).activity == activity(first, second)


def without_servers(sample: Sample) -> Sample:
    return sample.model_copy(update={"servers": (), "gpus": ()})


def test_a_verdict_begins_once_and_ends_with_how_long_it_held() -> None:
    made = list(islice(samples(), 60))
    # The server is there for twenty seconds in the middle.
    with_server = range(20, 40)
    observer = Observer()
    began: dict[tuple[str, str | None], list[int]] = {}
    ended: dict[tuple[str, str | None], Lasting] = {}
    for number, sample in enumerate(made):
        seen = observer.observe(sample if number in with_server else without_servers(sample))
        for new in seen.began:
            assert new.began_s == sample.time_s
            began.setdefault((new.verdict.kind, new.verdict.subject), []).append(number)
        for past in seen.ended:
            ended[past.verdict.kind, past.verdict.subject] = past
    assert began.pop(("engine trouble", "ended 4711")) == [40]
    of_server = [key for key in began if key[1] == "4711" or (key[1] or "").startswith("gpu")]
    assert of_server
    for key in of_server:
        # It has to be there for a while before it is told, and is told a while longer where its process is there.
        assert 20 <= began[key][0] <= 39
        past = ended[key]
        assert past.began_s == made[began[key][-1]].time_s
        assert past.began_s + past.seconds <= made[46].time_s
        assert past.seconds > 0
    assert {(one.verdict.kind, one.verdict.subject) for one in observer.lasting()}.isdisjoint(of_server)


def test_events_and_what_lasts_agree_at_every_moment() -> None:
    observer = Observer()
    open_now: set[tuple[str, str | None]] = set()
    for number, sample in enumerate(islice(samples(), 80)):
        seen = observer.observe(sample if number // 15 % 2 else without_servers(sample))
        open_now -= {(past.verdict.kind, past.verdict.subject) for past in seen.ended}
        open_now |= {(new.verdict.kind, new.verdict.subject) for new in seen.began}
        assert open_now == {(one.verdict.kind, one.verdict.subject) for one in observer.lasting()}
        if number:
            assert open_now == {(one.kind, one.subject) for one in seen.verdicts}


def test_after_a_jump_everything_begins_anew() -> None:
    made = list(islice(samples(), 40))
    for jump_s in (MAX_GAP_SECONDS + 60, -3600.0):
        observer = Observer()
        for sample in made[:20]:
            observer.observe(sample)
        held = observer.lasting()
        assert held
        moved = [one.model_copy(update={"clock_s": one.clock_s + jump_s}) for one in made[20:]]
        seen = observer.observe(moved[0])
        assert seen.activity is None
        assert {past.verdict.kind for past in seen.ended} == {one.verdict.kind for one in held}
        assert all(past.seconds <= 20 for past in seen.ended)
        assert observer.observe(moved[1]).activity is not None


def test_a_moment_told_twice_is_no_rate() -> None:
    first = next(samples())
    observer = Observer()
    observer.observe(first)
    assert observer.observe(first).activity is None


def test_every_situation_can_be_observed() -> None:
    for view in views().values():
        if view.sample is not None:
            observer = Observer(view.facts)
            later = view.sample.model_copy(update={"clock_s": view.sample.clock_s + 1})
            observer.observe(view.sample)
            assert observer.observe(later).verdict is not None

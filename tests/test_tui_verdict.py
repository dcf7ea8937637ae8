"""The verdict's lines."""

from dataclasses import replace

from scenes import views

from llmtune.tui.line import text_of
from llmtune.tui.verdict import verdict_lines
from llmtune.tui.view import Event, View


def lasting(subject: str | None, began_ago_s: float, other_ago_s: float) -> str:
    """What is told of a verdict where another server has one of the same kind for another time."""
    view: View = views()["disk_bound"]
    assert view.sample is not None
    assert view.verdict is not None
    own = view.verdict.model_copy(update={"subject": subject})
    other = own.model_copy(update={"subject": "99"})
    now_s = view.sample.time_s
    events = (Event(now_s - other_ago_s, None, other), Event(now_s - began_ago_s, None, own))
    return "\n".join(text_of(one) for one in verdict_lines(replace(view, verdict=own, events=events), 200, 4))


def test_it_holds_since_its_own_server_has_it() -> None:
    assert "confidence, for 30 s" in lasting("1", 30.0, 500.0)


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    assert "confidence, for 0 s" in lasting("1", -3600.0, 500.0)

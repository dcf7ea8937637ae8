"""The log: verdicts that hold and that held, with when and for how long."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ..line import Line, Span, Style, span
from ..view import Event, View
from .columns import Column, table
from .common import Chart, chosen, note, selected_place, sentences, window, with_charts
from .units import lasting_text

TITLE = "Log"
SORTS = ("time", "lasted", "badness")

_WORST = {"bad": 0, "notice": 1, "good": 2}
_STYLES: dict[str, Style] = {"bad": "bad", "notice": "notice", "good": "plain"}


def rows(view: View) -> Sequence[str]:
    """What tells each from all others."""
    return [name_of(event) for event in _events(view)]


def name_of(event: Event) -> str:
    """When it began, and of what: two GPUs may be throttled from one moment on."""
    return f"{event.began_s:.3f} {event.verdict.kind} {event.verdict.subject}"


def lines(view: View, width: int, height: int) -> list[Line]:
    """The newest first, those that still hold before all others."""
    return with_charts(view, body, [], width, height)


def charts(view: View) -> list[Chart]:
    """Has none."""
    return []


def body(view: View, width: int, height: int) -> list[Line]:
    """One line each, or the selected one at length."""
    events = _events(view)
    if not events:
        if view.choice.filter:
            return [note(f"no finding matches the filter: {view.choice.filter}", width)]
        return [note("nothing yet: findings come here with when and for how long they held", width)]
    place = selected_place(view, len(events))
    if view.choice.detail:
        return _detail(view, events[place], width)
    here = window(len(events), place, height - 1)
    shown = [events[row] for row in here]
    columns = [
        Column("since", 1, [(Span(_clock(one.began_s, width)),) for one in shown]),
        Column("", 0, [(_state(one),) for one in shown], right=False),
        Column("for", 2, [(Span(lasting_text(_lasted(view, one))),) for one in shown], width=7),
        Column("what", 0, [(span(one.verdict.what, _style(one)),) for one in shown], right=False, least=10),
    ]
    return table(
        columns, width, place - here.start if len(events) > 1 and view.choice.row >= 0 else None, view.ascii_only
    )


def brief(view: View) -> str:
    """In a few words."""
    hold = sum(event.ended_s is None for event in view.events)
    return f"{hold} {'holds' if hold == 1 else 'hold'}, {len(view.events) - hold} went by"


def _events(view: View) -> list[Event]:
    keys: dict[str, Callable[[Event], Any]] = {
        "time": lambda one: (one.ended_s is not None, -one.began_s),
        "lasted": lambda one: -_lasted(view, one),
        "badness": lambda one: (_WORST[one.verdict.badness], -one.began_s),
    }
    return chosen(view, view.events, keys, lambda one: f"{one.verdict.kind} {one.verdict.what}", "time")


def _lasted(view: View, event: Event) -> float:
    end_s = event.ended_s if event.ended_s is not None else view.sample.time_s if view.sample else event.began_s
    return max(end_s - event.began_s, 0.0)


def _clock(moment_s: float, width: int = 80) -> str:
    return time.strftime("%H:%M:%S" if width >= 80 else "%H:%M", time.localtime(moment_s))


def _state(event: Event) -> Span:
    return Span("now" if event.ended_s is None else "", "bold")


def _style(event: Event) -> Style:
    return _STYLES[event.verdict.badness] if event.ended_s is None else "dim"


def _detail(view: View, event: Event, width: int) -> list[Line]:
    verdict = event.verdict
    ended = "still holds" if event.ended_s is None else f"until {_clock(event.ended_s)}"
    told: list[Line] = [(span(verdict.what, _style(event)),)]
    told.append(note(f"  since {_clock(event.began_s)}, {ended}, {lasting_text(_lasted(view, event))}", width))
    told.append(note(f"  confidence {verdict.confidence}", width))
    for one in verdict.evidence:
        told += sentences(f"{one.source}: {one.raw}", width, "  ")
    if verdict.helps:
        told += sentences(f"helps: {verdict.helps}", width, "  ")
    if verdict.check_id:
        told.append(note(f"  llmtune explain {verdict.check_id}", width))
    if verdict.setting:
        told.append(note(f"  llmtune apply --only {verdict.setting}", width))
    return told

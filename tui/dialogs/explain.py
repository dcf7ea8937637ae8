"""What a verdict means, why, and what would help."""

import time

from ...advisors.bottleneck.verdict import Bottleneck
from ..line import Line, Span, line, span
from ..view import Event
from .dialog import wrapped


def verdict_text(verdict: Bottleneck, event: Event | None, width: int) -> list[Line]:
    """A verdict at length, with the text of `llmtune explain`."""
    found: list[Line] = [*_styled(verdict.what, width)]
    found.append(line(Span(f"confidence {verdict.confidence}", "dim")))
    if event is not None:
        ended = f" to {_clock(event.ended_s)}" if event.ended_s is not None else ", still so"
        found.append(line(Span(f"since {_clock(event.began_s)}{ended}", "dim")))
    if verdict.evidence:
        found += [(), line(Span("What was read", "bold"))]
        for one in verdict.evidence:
            found += wrapped(span(f"{one.source}: {one.raw}").text, width)
    if verdict.helps:
        found += [(), line(Span("What would help", "bold")), *wrapped(span(verdict.helps).text, width)]
    if verdict.setting:
        found += wrapped(f"llmtune apply --only {verdict.setting}", width)
    if verdict.check_id:
        found += _check_text(verdict.check_id, width)
    return found


def _check_text(check_id: str, width: int) -> list[Line]:
    from ...advisors.checks.all import CHECKS

    check = next((one for one in CHECKS if one.id == check_id), None)
    if check is None:
        return []
    found: list[Line] = [(), line(Span(f"{check.id}: {check.title}", "bold"))]
    for paragraph in (check.why, *check.explanation.split("\n\n")):
        found += [*wrapped(paragraph, width), ()]
    if check.sources:
        found.append(line(Span("Sources", "bold")))
        for source in check.sources:
            found += wrapped(source, width)
    return found


def _styled(text: str, width: int) -> list[Line]:
    return [tuple(Span(part.text, "bold") for part in one) for one in wrapped(span(text).text, width)]


def _clock(moment_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment_s))

"""The verdict in one to four lines: what binds, the evidence, what would help, what else binds."""

from .cells import cells, shorten
from .line import Line, Span, Style, span
from .panels.units import lasting_text
from .view import View

_STYLES: dict[str, Style] = {"good": "bold", "notice": "notice", "bad": "bad"}


def verdict_lines(view: View, width: int, height: int) -> list[Line]:
    """The most important line first."""
    verdict = view.verdict
    if verdict is None:
        return [(Span(shorten("watching: a verdict needs a few seconds", width, view.ascii_only), "dim"),)]
    what = span(verdict.what).text
    sure = f"{verdict.confidence} confidence"
    same = (verdict.kind, verdict.subject)
    open_events = (one for one in view.events if one.ended_s is None)
    since = next((one for one in open_events if (one.verdict.kind, one.verdict.subject) == same), None)
    if since is not None and view.sample is not None:
        sure += f", for {lasting_text(max(view.sample.time_s - since.began_s, 0.0))}"
    lines = _wrap(what, width, 2 if height > 2 or width < 80 else 1, _STYLES[verdict.badness], view.ascii_only)
    told = cells(lines[-1][0].text)
    briefly = f"{verdict.confidence} confidence"
    for words in (sure, briefly):
        if told + 3 + len(words) <= width:
            lines[-1] = (*lines[-1], Span(" " * (width - told - len(words))), Span(words, "dim"))
            briefly = ""
            break
    if verdict.helps and len(lines) < height:
        lines += _with_end(f"helps: {span(verdict.helps).text}", briefly, width, "plain", view.ascii_only)
        briefly = ""
    if verdict.evidence and len(lines) < height:
        mark = " | " if view.ascii_only else " · "
        proof = mark.join(span(f"{one.source} {one.raw}").text for one in verdict.evidence)
        lines += _with_end(proof, briefly, width, "dim", view.ascii_only)
    if view.others and len(lines) < height:
        others = "; ".join(span(one.what).text for one in view.others)
        lines += _wrap(f"also: {others}", width, 1, "plain", view.ascii_only)
    return lines[:height]


def _with_end(text: str, end: str, width: int, style: Style, ascii_only: bool) -> list[Line]:
    """One line, shortened so that `end` finds place at its right."""
    if not end or width < 40:
        return _wrap(text, width, 1, style, ascii_only)
    text = shorten(text, width - len(end) - 2, ascii_only)
    return [(Span(text, style), Span(" " * (width - cells(text) - len(end))), Span(end, "dim"))]


def _wrap(text: str, width: int, most: int, style: Style, ascii_only: bool) -> list[Line]:
    """`text` in at most `most` lines, the last one shortened."""
    lines: list[Line] = []
    while len(lines) < most - 1 and cells(text) > width:
        place = text.rfind(" ", 0, width)
        if place <= 0 or cells(text[:place]) > width:
            break
        lines.append((Span(text[:place], style),))
        text = text[place + 1 :]
    return [*lines, (Span(shorten(text, width, ascii_only), style),)]

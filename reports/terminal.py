"""A diagnosis as text for a terminal, readable in 80 columns."""

import shutil
import textwrap
from collections.abc import Iterator

import click

from ..advisors.finding import Finding, Status
from .diagnosis import Diagnosis
from .escape import printable

MARKS: dict[Status, tuple[str, str]] = {
    "problem": ("PROBLEM", "red"),
    "warning": ("WARNING", "yellow"),
    "unknown": ("unknown", "magenta"),
    "info": ("info", "cyan"),
    "ok": ("ok", "green"),
    "not-applicable": ("n/a", "bright_black"),
}
MARK_WIDTH = 8
MAX_WIDTH = 100


def render_terminal(diagnosis: Diagnosis, *, verbose: bool = False) -> str:
    """The whole text, with ANSI colours (click strips them where they do not belong)."""
    width = min(shutil.get_terminal_size((80, 24)).columns, MAX_WIDTH)
    return "\n".join(_lines(diagnosis, max(width, 40), verbose)) + "\n"


def _lines(diagnosis: Diagnosis, width: int, verbose: bool) -> Iterator[str]:
    for line in diagnosis.headline:
        yield from textwrap.wrap(printable(line), width, subsequent_indent=" " * 8)
    topic = ""
    for finding in diagnosis.findings:
        if finding.status == "not-applicable" and not verbose:
            continue
        if finding.topic != topic:
            topic = finding.topic
            yield ""
            yield click.style(topic.upper(), bold=True)
        yield from _finding_lines(finding, width, verbose)
    yield ""
    yield from _summary_lines(diagnosis, width, verbose)


def _finding_lines(finding: Finding, width: int, verbose: bool) -> Iterator[str]:
    word, colour = MARKS[finding.status]
    bad = finding.status in ("problem", "warning")
    indent = " " * (MARK_WIDTH + 2)
    text = f"{finding.title}: {printable(finding.what)}"
    first, *rest = textwrap.wrap(text, width - len(indent)) or [""]
    yield f"  {click.style(word.ljust(MARK_WIDTH), fg=colour, bold=bad)}{first}"
    yield from (indent + line for line in rest)
    if bad or verbose:
        yield from _detail("seen", "; ".join(f"{e.source} = {e.raw}" for e in finding.evidence), width)
        yield from _detail("why", finding.why, width)
        if finding.effect:
            source = f" ({finding.effect.basis}: {finding.effect.source})" if finding.effect.source else ""
            yield from _detail("cost", finding.effect.text + source, width)
    if (bad or finding.status == "info" or verbose) and finding.fix:
        yield from _detail("fix", finding.fix, width)
        yield from _detail("undo", finding.undo or "", width)
    if bad:
        yield from _detail("more", f"llmtune explain {finding.id}", width)


def _detail(label: str, text: str, width: int) -> Iterator[str]:
    if not text:
        return
    indent = " " * (MARK_WIDTH + 2)
    # A command is not broken at its hyphens: it must survive being copied.
    lines = textwrap.wrap(printable(text), width - len(indent) - 6, break_on_hyphens=False, break_long_words=False)
    for number, line in enumerate(lines):
        yield f"{indent}{click.style((label if number == 0 else '').ljust(6), dim=True)}{line}"


def _summary_lines(diagnosis: Diagnosis, width: int, verbose: bool) -> Iterator[str]:
    counted = [f"{count} {MARKS[status][0].lower()}" for status, count in diagnosis.summary.items() if count]
    yield from textwrap.wrap(", ".join(counted), width)
    if diagnosis.gaps:
        if verbose:
            yield ""
            yield click.style("NOT READ", bold=True)
            for gap in diagnosis.gaps:
                detail = f" ({gap.detail})" if gap.detail else ""
                yield from textwrap.wrap(
                    printable(f"{gap.source}: {gap.reason}{detail}"), width - 2, initial_indent="  ", subsequent_indent="    "
                )
        else:
            yield f"{len(diagnosis.gaps)} readings could not be taken: llmtune doctor -v lists them."

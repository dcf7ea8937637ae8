"""A diagnosis as Markdown (CommonMark with GFM tables)."""

from collections.abc import Iterator

from ..advisors.finding import Finding
from .diagnosis import Diagnosis
from .escape import markdown, markdown_code


def render_markdown(diagnosis: Diagnosis) -> str:
    """The whole document."""
    return "\n".join(_lines(diagnosis)) + "\n"


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    yield "# llmtune doctor"
    yield ""
    for line in diagnosis.headline:
        yield f"- {markdown(' '.join(line.split()))}"
    yield ""
    yield ", ".join(f"{count} {status}" for status, count in diagnosis.summary.items() if count)
    shown = [f for f in diagnosis.findings if f.status in ("problem", "warning")]
    for finding in shown:
        yield from _section(finding)
    yield ""
    yield "## All checks"
    yield ""
    yield "| status | check | seen |"
    yield "|---|---|---|"
    for finding in diagnosis.findings:
        yield f"| {finding.status} | {markdown_code(finding.id)} | {markdown(finding.what)} |"
    if diagnosis.gaps:
        yield ""
        yield "## Not read"
        yield ""
        yield "| source | reason | detail |"
        yield "|---|---|---|"
        for gap in diagnosis.gaps:
            yield f"| {markdown_code(gap.source)} | {gap.reason} | {markdown(gap.detail)} |"


def _section(finding: Finding) -> Iterator[str]:
    yield ""
    yield f"## {finding.status.capitalize()}: {markdown(finding.title)}"
    yield ""
    yield markdown(finding.what)
    yield ""
    yield f"- Why: {markdown(finding.why)}"
    for evidence in finding.evidence:
        yield f"- Seen: {markdown_code(evidence.source)} = {markdown_code(evidence.raw)}"
    if finding.effect:
        source = f" ({finding.effect.basis}: {finding.effect.source})" if finding.effect.source else ""
        yield f"- Cost: {markdown(finding.effect.text + source)}"
    if finding.fix:
        yield f"- Fix: {markdown_code(finding.fix)}"
    if finding.undo:
        yield f"- Undo: {markdown_code(finding.undo)}"
    yield f"- More: {markdown_code('llmtune explain ' + finding.id)}"

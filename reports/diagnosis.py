"""`Diagnosis`: what `doctor` prints, in whatever form."""

from ..advisors.finding import Finding, Status
from ..probe.reading import Gap, Reading

SCHEMA_VERSION = 1


class Diagnosis(Reading):
    """The findings on one machine; `doctor --format json` prints it as it is."""

    schema_version: int = SCHEMA_VERSION
    machine: str
    headline: tuple[str, ...]
    """The machine in a few lines."""
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    summary: dict[Status, int]

"""From a snapshot to findings."""

from collections import Counter
from collections.abc import Collection, Iterable

from ..probe.snapshot import Snapshot
from .checks.all import CHECKS
from .finding import STATUSES, Check, Finding, Status


class UnknownCheck(ValueError):
    """A name is no check's id and no topic."""


def select(only: Collection[str], ignore: Collection[str]) -> tuple[Check, ...]:
    """The checks whose id or topic is in `only` (all if empty) and not in `ignore`; raises `UnknownCheck`."""
    known = {check.id for check in CHECKS} | {check.topic for check in CHECKS}
    for name in (*only, *ignore):
        if name not in known:
            raise UnknownCheck(name)
    return tuple(
        check
        for check in CHECKS
        if (not only or check.id in only or check.topic in only)
        and check.id not in ignore
        and check.topic not in ignore
    )


def diagnose(snapshot: Snapshot, checks: Iterable[Check] = CHECKS) -> tuple[Finding, ...]:
    """Run the checks, in their order."""
    return tuple(check.find(snapshot) for check in checks)


def summarize(findings: Iterable[Finding]) -> dict[Status, int]:
    """How many findings have each status, all statuses named."""
    counts = Counter(finding.status for finding in findings)
    return {status: counts[status] for status in STATUSES}

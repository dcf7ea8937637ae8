"""Judge one check on a machine made of a few files."""

from collections.abc import Mapping
from pathlib import Path

from trees import Link, tree_host

from llmtune.advisors.checks.all import CHECKS
from llmtune.advisors.finding import Finding
from llmtune.probe.host import Answer, Question
from llmtune.probe.reading import Unreadable
from llmtune.probe.snapshot import take_snapshot


def judge(
    root: Path,
    check_id: str,
    files: Mapping[str, str | bytes | Link],
    answers: Mapping[Question, Answer | Unreadable] | None = None,
) -> Finding:
    """The finding of the check `check_id` on a machine of `files` and further `answers`."""
    check = next(check for check in CHECKS if check.id == check_id)
    return check.find(take_snapshot(tree_host(root, files, answers)))

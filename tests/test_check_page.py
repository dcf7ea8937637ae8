from pathlib import Path

from llmtune.advisors.checks.all import CHECKS
from llmtune.reports.check_page import render_check_page

ROOT = Path(__file__).parent.parent


def test_page_is_what_the_checks_say() -> None:
    assert (ROOT / "docs" / "checks.md").read_text() == render_check_page(), "run `make docs`"


def test_ids_are_unique_and_spelled_alike() -> None:
    ids = [check.id for check in CHECKS]
    assert len(ids) == len(set(ids))
    assert all(part.isalnum() and part == part.lower() for check_id in ids for part in check_id.split("-"))


def test_checks_of_a_topic_stand_together() -> None:
    topics = [check.topic for check in CHECKS]
    changes = [topic for topic, before in zip(topics, [None, *topics], strict=False) if topic != before]
    assert len(changes) == len(set(changes))

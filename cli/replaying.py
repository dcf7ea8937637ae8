"""`llmtune monitor --replay`: a record for the screen."""

import json

from ..advisors.bottleneck.facts import Facts
from ..tui.replay import ReplayFeed
from .common import InputError, file_error
from .facts_feed import facts_from_record


def open_replay(path: str) -> ReplayFeed:
    """Raise `InputError` for what cannot be shown."""
    from ..probe.sample.log import BadRecord
    from ..probe.sample.log_read import SampleReader

    try:
        reader = SampleReader(path)
    except BadRecord as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, ValueError) as error:
        raise file_error(path, error) from None
    known: dict[str, Facts | None] = {}

    def facts(index: int) -> Facts | None:
        plain = reader.facts_of(index)
        key = json.dumps(plain)
        if key not in known:
            known.clear()
            known[key] = facts_from_record(plain)
        return known[key]

    return ReplayFeed(reader, facts)

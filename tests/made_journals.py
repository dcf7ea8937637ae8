"""Journals as an apply and an undo leave them."""

import os
from pathlib import Path

from llmtune.tuners.journal import Journal, Writer, create, open_journals
from llmtune.tuners.plain import from_plain
from llmtune.tuners.records import Begin, Change, Commit, Confirm, End, Record, Undo, Undone, UndoStep, Wrote

CHANGES = (
    Change(targets={"vm.swappiness": "10"}, before={"vm.swappiness": "60"}, required=True),
    Change(
        targets={"vm.dirty_bytes": "1073741824"},
        before={"vm.dirty_bytes": "0", "vm.dirty_ratio": "20"},
        identity={},
    ),
    Change(targets={"hugepages.2048kB": "16"}, before={"hugepages.2048kB": "0"}, keep_short=True),
)
RECORDS: tuple[Record, ...] = (
    Wrote(change=0, after={"vm.swappiness": "10"}),
    Wrote(change=1, after={"vm.dirty_bytes": "1073741824", "vm.dirty_ratio": "0"}),
    Wrote(change=2, after={"hugepages.2048kB": "12"}),
    Commit(),
    Confirm(),
    Undo(
        steps=(
            UndoStep(change=2, seen={"hugepages.2048kB": "12"}, desired={"hugepages.2048kB": "0"}),
            UndoStep(change=0, seen={"vm.swappiness": "33"}, desired={"vm.swappiness": "33"}),
        )
    ),
    Undone(change=2),
    Undone(change=0, left={"vm.swappiness": "33"}),
    End(),
)


def made_begin(number: int = 1, **other: object) -> Begin:
    """The first record of a transaction."""
    plain: dict[str, object] = {
        "id": number,
        "boot": "boot-1",
        "machine": "machine-1",
        "time": "2026-01-02T03:04:05Z",
        "user": "root",
        "profile": "inference",
        "trial_seconds": 600,
        "changes": CHANGES,
    }
    return from_plain(Begin, plain | other)


def write_journal(state: Path, begin: Begin, records: tuple[Record, ...] = RECORDS) -> Path:
    """A journal on the disk."""
    directory = open_journals(str(state))
    try:
        writer = create(directory, begin)
        for record in records:
            writer.append(record, durable=False)
        writer.close()
    finally:
        os.close(directory)
    return state / "journal" / f"{begin.id:06}.journal"


def reopen(state: Path, journal: Journal) -> Writer:
    """What a later run opens to go on."""
    directory = open_journals(str(state))
    try:
        return Writer(directory, journal)
    finally:
        os.close(directory)

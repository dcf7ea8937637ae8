"""The write-ahead journal: one file a transaction, appended to, each line chained to the one before by a hash.

What was found is on the disk before anything is changed, so whoever kills us, a later run knows what to put back. A
last line that was cut off is what a kill or a power cut leaves, and counts as not written; any other line that does not
fit its hash means that somebody edited the file, and then it is not trusted.
"""

import ctypes
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .plain import as_json, from_json
from .records import VERSION, Begin, Commit, Confirm, End, Failed, Record, Undo, Undone, UndoStep, Wrote
from .store import check_owned, open_directory, write_all

_NAME = re.compile(r"(\d{6})\.journal\Z", re.ASCII)
_HASH_DIGITS = 16
_LIMIT_BYTES = 8 << 20
_RESERVE_BYTES = 128 << 10
"""Kept free for this file, so that a disk that fills up does not stop an undo."""
KEPT = 200
"""So many journals are kept for `llmtune history`."""
_KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE of linux/falloc.h."""
_RECORDS: dict[str, type[Record]] = {
    "begin": Begin,
    "wrote": Wrote,
    "failed": Failed,
    "commit": Commit,
    "confirm": Confirm,
    "undo": Undo,
    "undone": Undone,
    "end": End,
}


class Damaged(Exception):
    """A journal that cannot be trusted. The message is one line."""


@dataclass
class Journal:
    """One transaction as its file tells it."""

    name: str
    begin: Begin
    wrote: dict[int, Wrote] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    committed: bool = False
    confirmed: bool = False
    undo: dict[int, UndoStep] = field(default_factory=dict)
    undone: dict[int, Undone] = field(default_factory=dict)
    ended: bool = False
    chain: str = ""
    valid_bytes: int = 0

    @property
    def id(self) -> int:
        """The number that people name it by."""
        return self.begin.id

    @property
    def on_trial(self) -> bool:
        """Whether it is to be undone unless somebody confirms it."""
        return self.begin.trial_seconds is not None and not self.confirmed and not self.ended

    def take(self, record: Record) -> None:
        """Follow one record."""
        match record:
            case Begin():
                raise ValueError("a second beginning")
            case Wrote():
                self.wrote[record.change] = record
            case Failed():
                self.failed[record.change] = record.why
                self.undo.pop(record.change, None)
            case Commit():
                self.committed = True
            case Confirm():
                self.confirmed = True
            case Undo():
                for step in record.steps:
                    self.undo[step.change] = step
                    self.undone.pop(step.change, None)
                self.ended = False
            case Undone():
                self.undone[record.change] = record
            case End():
                self.ended = True


class Writer:
    """Appends records to one journal."""

    def __init__(self, directory: int, journal: Journal) -> None:
        self.journal = journal
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(journal.name, flags, dir_fd=directory)
        check_owned(os.fstat(self._fd), journal.name)
        if os.fstat(self._fd).st_size != journal.valid_bytes:
            os.ftruncate(self._fd, journal.valid_bytes)  # the cut-off last line of a run that was killed

    def append(self, record: Record, *, durable: bool) -> None:
        """Write one record, and wait for the disk where what follows depends on it; raises OSError."""
        line, chain = _line(record, self.journal.chain)
        write_all(self._fd, line)
        if durable:
            os.fsync(self._fd)
        self.journal.chain = chain
        self.journal.valid_bytes += len(line)
        self.journal.take(record)
        if self.journal.ended:
            os.ftruncate(self._fd, self.journal.valid_bytes)  # what was kept free for it is free again

    def close(self) -> None:
        """Give the file back."""
        os.close(self._fd)


def create(directory: int, begin: Begin) -> Writer:
    """Begin a journal: its first record and its name are on the disk when this returns; raises OSError."""
    name = f"{begin.id:06}.journal"
    line, chain = _line(begin, "")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        try:
            # The C library has no other way that keeps the size; where a file system cannot, it goes without.
            ctypes.CDLL(None).fallocate(fd, _KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(_RESERVE_BYTES))
            write_all(fd, line)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.fsync(directory)
    except OSError:
        os.unlink(name, dir_fd=directory)
        raise
    return Writer(directory, Journal(name, begin, chain=chain, valid_bytes=len(line)))


def read_journals(directory: int) -> list[Journal]:
    """All journals, oldest first; raises `Damaged`, `Unsafe` and OSError."""
    found = []
    for name in sorted(os.listdir(directory)):
        if _NAME.match(name):
            journal = read_journal(directory, name)
            if journal is not None:
                found.append(journal)
    return found


def read_journal(directory: int, name: str) -> Journal | None:
    """One journal, None where not even its first record was written; raises `Damaged`, `Unsafe` and OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(fd, "rb") as file:
        check_owned(os.fstat(fd), name)
        data = file.read(_LIMIT_BYTES + 1)
    if len(data) > _LIMIT_BYTES:
        raise Damaged(f"{name} is larger than any journal")
    return parse_journal(name, data)


def parse_journal(name: str, data: bytes) -> Journal | None:
    """A journal's content; raises `Damaged`."""
    journal: Journal | None = None
    lines = data.split(b"\n")
    chain = ""
    for number, line in enumerate(lines[:-1], 1):
        if b"\0" in line:
            break  # a block that power did not let reach the disk: none of what follows was waited for
        digest, _, text = line.partition(b" ")
        expected = _digest(chain, text)
        if digest.decode("ascii", "replace") != expected:
            if number == len(lines) - 1:
                break  # whole blocks of the last line may be missing after a power cut
            raise Damaged(f"{name}, line {number}: it was changed after it was written")
        chain = expected
        try:
            record = _record(text)
            if journal is None:
                journal = _start(name, record)
            else:
                journal.take(record)
        except ValueError as error:
            raise Damaged(f"{name}, line {number}: {_newer(text) or error}") from None
        journal.chain = chain
        journal.valid_bytes += len(line) + 1
    return journal


def _record(text: bytes) -> Record:
    """One record; raises ValueError."""
    match = re.match(rb'\{"record":"([a-z]{1,10})"[,}]', text)
    kind = None if match is None else _RECORDS.get(match[1].decode())
    if kind is None:
        raise ValueError("it does not hold what a journal holds")
    try:
        return from_json(kind, text)
    except ValueError:
        raise ValueError("it does not hold what a journal holds") from None


def _start(name: str, record: Record) -> Journal:
    if not isinstance(record, Begin):
        raise ValueError("it does not begin with a beginning")
    if record.version != VERSION:
        raise ValueError(f"it was written by a newer llmtune (format {record.version}): use that one")
    if f"{record.id:06}.journal" != name:
        raise ValueError("it is not the journal that its name says")
    return Journal(name, record)


def _newer(text: bytes) -> str | None:
    found = re.search(rb'"record":"begin","version":(\d{1,9})', text)
    if found and int(found[1]) > VERSION:
        return f"it was written by a newer llmtune (format {int(found[1])}): use that one"
    return None


def _line(record: Record, chain: str) -> tuple[bytes, str]:
    text = as_json(record).encode()
    digest = _digest(chain, text)
    return digest.encode() + b" " + text + b"\n", digest


def _digest(chain: str, text: bytes) -> str:
    return hashlib.sha256(chain.encode() + text).hexdigest()[:_HASH_DIGITS]


def prune(directory: int, journals: Sequence[Journal], in_force: Sequence[Journal]) -> None:
    """Remove the oldest journals that say nothing of what is in force; raises OSError."""
    oldest = min((journal.id for journal in in_force), default=None)
    for journal in journals[:-KEPT]:
        # What a later one took over is still to be known to those before it.
        if oldest is None or journal.id < oldest:
            os.unlink(journal.name, dir_fd=directory)


def next_id(journals: Sequence[Journal], directory: int) -> int:
    """The number of the next transaction: numbers are not used twice, not even of files that hold nothing."""
    names = [int(match[1]) for name in os.listdir(directory) if (match := _NAME.match(name))]
    return max([0, *names, *(journal.id for journal in journals)]) + 1


def open_journals(state: str) -> int:
    """A descriptor of the journals' directory, made if missing; raises OSError and `Unsafe`."""
    parent = open_directory(state, 0o700)
    os.close(parent)
    return open_directory(os.path.join(state, "journal"), 0o700)

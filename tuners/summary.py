"""What is in force, for everybody to read: /run/llmtune/applied.json, gone with the boot like the values themselves."""

import os
import stat
from collections.abc import Iterable

from .journal import Journal
from .plain import Plain, as_json, from_json
from .records import Values
from .session import Session
from .store import Store, open_directory, replace_file

_NAME = "applied.json"
_LIMIT_BYTES = 4 << 20


class Kept(Plain):
    """One value that we set."""

    before: str | None
    value: str | None


class InForce(Plain):
    """One transaction that is in force."""

    id: int
    time: str
    user: str
    profile: str | None
    on_trial: bool
    trial_seconds: int | None
    keys: dict[str, Kept]


class Summary(Plain):
    """All of them, oldest first."""

    schema_version: int = 1
    transactions: tuple[InForce, ...]

    def values(self) -> Values:
        """Each key with the value that the last transaction gave it."""
        return {key: kept.value for found in self.transactions for key, kept in found.keys.items()}


def summarize(journals: Iterable[Journal]) -> Summary:
    """What these transactions, oldest first, have set."""
    return Summary(transactions=tuple(_in_force(journal) for journal in journals if journal.committed))


def _in_force(journal: Journal) -> InForce:
    keys = {}
    for number, wrote in journal.wrote.items():
        change = journal.begin.changes[number]
        undone = journal.undone.get(number)
        if undone is not None:
            continue
        for key, value in wrote.after.items():
            if key in change.targets or value != change.before[key]:
                keys[key] = Kept(before=change.before[key], value=value)
    begin = journal.begin
    return InForce(
        id=begin.id,
        time=begin.time,
        user=begin.user,
        profile=begin.profile,
        on_trial=journal.on_trial,
        trial_seconds=begin.trial_seconds,
        keys=keys,
    )


def write_summary(opened: Session) -> None:
    """Tell everybody what is in force now; raises OSError."""
    directory = open_directory(opened.store.run, 0o755)
    try:
        data = as_json(summarize(opened.active())).encode()
        replace_file(directory, _NAME, data, 0o644)
    finally:
        os.close(directory)


def read_summary(store: Store) -> Summary | None:
    """What root last told, None where there is none or others than root wrote it."""
    path = os.path.join(store.run, _NAME)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if status.st_uid not in (0, os.geteuid()) or not stat.S_ISREG(status.st_mode) or status.st_mode & stat.S_IWOTH:
            return None
        try:
            return from_json(Summary, file.read(_LIMIT_BYTES))
        except ValueError:
            return None

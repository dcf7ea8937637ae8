"""What every command that changes the machine begins with: the lock, the journals, and the repair of killed runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .journal import Journal, open_journals, prune, read_journals
from .knobs.kernel_file import LIVE, Tree
from .lock import WAIT_SECONDS, locked
from .rollback import Undoing, outlives_boot, superseded_keys, undo_journal
from .store import Store


@dataclass(frozen=True)
class Here:
    """The machine, as journals name it."""

    boot: str
    machine: str


@dataclass
class Session:
    """The journals, under the lock."""

    store: Store
    tree: Tree
    here: Here
    directory: int
    journals: list[Journal]
    repaired: dict[int, Undoing] = field(default_factory=dict)
    """Transactions that a killed run had left half done, and that were put back just now."""

    def active(self) -> list[Journal]:
        """Transactions that are in force, oldest first: after a reboot those that left files."""
        return [journal for journal in self.journals if not journal.ended and self._in_force(journal)]

    def _in_force(self, journal: Journal) -> bool:
        if journal.begin.machine != self.here.machine:
            return False
        return journal.begin.boot == self.here.boot or outlives_boot(journal, self.tree)

    def of_others(self) -> list[Journal]:
        """Transactions of another machine, whose journals were copied here."""
        return [journal for journal in self.journals if journal.begin.machine != self.here.machine]

    def broken_off(self) -> list[Journal]:
        """Transactions that a killed run left half done or half undone, newest first."""
        return [journal for journal in reversed(self.active()) if not journal.committed or journal.undo]

    def undo(self, journal: Journal, *, force: bool = False) -> Undoing:
        """Put one transaction back; raises OSError and `Refused`."""
        superseded = superseded_keys(journal, self.journals)
        same_boot = journal.begin.boot == self.here.boot
        return undo_journal(self.directory, journal, superseded, self.tree, force=force, same_boot=same_boot)


@contextmanager
def session(
    store: Store, here: Here, tree: Tree = LIVE, wait_seconds: float = WAIT_SECONDS, *, repair: bool = True
) -> Iterator[Session]:
    """Hold the lock, and put back what a killed run left. Raises `Busy`, `Damaged`, `Unsafe`, `Refused`, OSError."""
    with locked(store, wait_seconds):
        directory = open_journals(store.state)
        try:
            journals = read_journals(directory)
            opened = Session(store, tree, here, directory, journals)
            if repair:
                _repair(opened)
            yield opened
            prune(directory, journals, opened.active())
        finally:
            os.close(directory)


def _repair(opened: Session) -> None:
    for journal in opened.broken_off():
        opened.repaired[journal.id] = opened.undo(journal)


def read_here(tree: Tree = LIVE) -> Here:
    """The boot and the machine, as the kernel and /etc/machine-id tell them."""
    boot = tree.text("/proc/sys/kernel/random/boot_id") or ""
    return Here(boot, tree.text("/etc/machine-id") or "")

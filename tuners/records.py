"""What a journal holds: one transaction as a sequence of records, each a line of the file."""

from typing import Literal

from .plain import Plain

VERSION = 1

Values = dict[str, str | None]
"""Key -> value; None where the machine had no such knob at that moment."""


class Change(Plain):
    """Settings that the kernel couples, changed as one: what is wanted and all that was there before."""

    targets: dict[str, str]
    before: Values
    """In the order in which values are to be written."""
    identity: dict[str, str] = {}  # noqa: RUF012  # each value gets its own
    """What told the devices and processes from others of the same name."""
    taken_over: tuple[str, ...] = ()
    """Keys whose value somebody had changed since an earlier transaction: what was found is their original now."""
    required: bool = False
    keep_short: bool = False
    """Whether a part of what was asked for (fewer huge pages) is of use."""


class Begin(Plain):
    """Written and on the disk before the first change."""

    record: Literal["begin"] = "begin"
    version: int = VERSION
    id: int
    boot: str
    machine: str
    time: str
    user: str
    profile: str | None
    trial_seconds: int | None = None
    changes: tuple[Change, ...]


class Wrote(Plain):
    """A change was made, and this is what the kernel made of it."""

    record: Literal["wrote"] = "wrote"
    change: int
    after: Values


class Failed(Plain):
    """A change could not be made and was undone at once."""

    record: Literal["failed"] = "failed"
    change: int
    why: str


class Commit(Plain):
    """All changes were made that could be."""

    record: Literal["commit"] = "commit"


class Confirm(Plain):
    """A trial was confirmed: it stays."""

    record: Literal["confirm"] = "confirm"


class UndoStep(Plain):
    """What one change is to be put back to."""

    change: int
    seen: Values
    desired: Values


class Undo(Plain):
    """Written and on the disk before the first value is put back."""

    record: Literal["undo"] = "undo"
    steps: tuple[UndoStep, ...]


class Undone(Plain):
    """A change was put back; `left` are values that others had set since."""

    record: Literal["undone"] = "undone"
    change: int
    left: Values = {}  # noqa: RUF012  # each value gets its own


class End(Plain):
    """Nothing of the transaction is left to undo, but what `Undone.left` names."""

    record: Literal["end"] = "end"


Record = Begin | Wrote | Failed | Commit | Confirm | Undo | Undone | End

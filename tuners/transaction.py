"""Applying changes: what was found is in the journal and on the disk before the first write; every write is read back.

On a failure of a required change, or when somebody asks to stop, all that was done is undone at once.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .interrupts import Interrupted, Interrupts
from .journal import Writer, create, next_id
from .knobs.catalogue import resolve
from .knobs.kernel_file import Tree
from .knobs.knob import Unavailable, describe_os_error
from .plain import replaced
from .prepare import Prepared, taken_over
from .records import Begin, Change, Commit, Failed, Undo, UndoStep, Values, Wrote
from .rollback import Undoing
from .script import NAME, write_script
from .session import Session
from .undo import decide, restore
from .values_now import read_all, write_targets

Outcome = Literal["applied", "degraded", "undone", "nothing"]


@dataclass
class Applied:
    """What became of a transaction."""

    outcome: Outcome
    id: int | None = None
    changed: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Key -> the value before and the value now, as the kernel shows it."""
    short: dict[str, str] = field(default_factory=dict)
    """What was granted only in part, or optional and refused, with the reason."""
    taken_over: tuple[str, ...] = ()
    """Keys that somebody had changed since an earlier transaction."""
    why: str | None = None
    """Why all was undone."""
    undoing: Undoing | None = None


class Stopped(Exception):
    """A required change could not be made. The message is one line."""


@dataclass(frozen=True)
class Who:
    """Who asked, and for what."""

    user: str
    profile: str | None = None
    trial_seconds: int | None = None


def apply(opened: Session, prepared: Prepared, who: Who) -> Applied:
    """Make the changes; raises OSError where the journal cannot be begun (nothing is changed then)."""
    if not prepared.changes:
        return Applied("nothing")
    changes = tuple(replaced(change, taken_over=taken_over(change, opened.active())) for change in prepared.changes)
    begin = Begin(
        id=next_id(opened.journals, opened.directory),
        boot=opened.here.boot,
        machine=opened.here.machine,
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        user=who.user,
        profile=who.profile,
        trial_seconds=who.trial_seconds,
        changes=changes,
    )
    done = Applied("applied", begin.id, taken_over=tuple(key for change in changes for key in change.taken_over))
    with Interrupts() as interrupts:
        writer = create(opened.directory, begin)
        opened.journals.append(writer.journal)
        try:
            write_script(opened.directory, opened.active(), opened.tree)
            for number, change in enumerate(changes):
                interrupts.check()
                _change(writer, number, change, opened.tree, done)
            interrupts.check()
            writer.append(Commit(), durable=True)
        except (Interrupted, Stopped, OSError) as why:
            done.why = _in_words(why)
        finally:
            writer.close()
        if done.why is not None:
            done.outcome = "undone"
            done.undoing = opened.undo(writer.journal)
            return done
    try:
        write_script(opened.directory, opened.active(), opened.tree)
    except OSError as error:  # the journal is whole, and what was asked for is there
        done.short[NAME] = f"it could not be written beside the journal: {describe_os_error(error)}"
    done.outcome = "degraded" if done.short else "applied"
    return done


def _in_words(why: Exception) -> str:
    if isinstance(why, Interrupted):
        return f"stopped by {why}"
    if isinstance(why, OSError):
        return f"the journal could not be written: {describe_os_error(why)}"
    return str(why)


def _change(writer: Writer, number: int, change: Change, tree: Tree, done: Applied) -> None:
    """One change with its record; raises `Stopped` where it is required and fails."""
    now = read_all(change.before, tree)
    if now != change.before:
        key = next(key for key in now if now[key] != change.before[key])
        raise Stopped(f"{key}: somebody else changed it from {change.before[key]} to {now[key]} right now")
    why: str | None = None
    try:
        write_targets(change.targets, change.before, tree)
    except OSError as error:
        why = f"{error.filename or ''}: the kernel refused it: {describe_os_error(error)}"
    except Unavailable as error:
        why = str(error)
    after = read_all(change.before, tree)
    short = why or _shortfall(change.targets, after, tree)
    if short is None or (why is None and change.keep_short and _in_part(change.targets, after, tree)):
        writer.append(Wrote(change=number, after=after), durable=False)
        done.changed.update(
            {key: (change.before[key], after[key]) for key in after if change.before[key] != after[key]}
        )
        if short is not None:
            done.short[next(iter(change.targets))] = short
        return
    if change.required:
        writer.append(Wrote(change=number, after=after), durable=False)
        raise Stopped(short)
    decision = decide(change, Wrote(change=number, after=after), None, frozenset(), tree, force=False)
    # Putting one value back may move another: whoever is killed in between leaves what it was to become.
    step = UndoStep(change=number, seen=decision.seen, desired=decision.desired)
    writer.append(Undo(steps=(step,)), durable=False)
    restored = restore(decision, tree)
    if restored.failed is not None:
        writer.append(Wrote(change=number, after=after), durable=False)
        raise Stopped(f"{short}; and {restored.failed}")
    writer.append(Failed(change=number, why=short), durable=False)
    done.short[next(iter(change.targets))] = f"{short}; left as it was"


def _shortfall(targets: Mapping[str, str], after: Values, tree: Tree) -> str | None:
    """What the kernel made otherwise than asked, or None."""
    for key, wanted in targets.items():
        found = after.get(key)
        if found is None or not resolve(key, tree).matches(wanted, found):
            return f"{key}: asked for {wanted}, got {'nothing' if found is None else found}"
    return None


def _in_part(targets: Mapping[str, str], after: Values, tree: Tree) -> bool:
    return all(
        (found := after.get(key)) is not None
        and (resolve(key, tree).matches(wanted, found) or resolve(key, tree).falls_short(wanted, found))
        for key, wanted in targets.items()
    )

"""What `llmtune apply` does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import click

from ..reports.escape import printable
from ..reports.tuning_text import lines_of_changes, lines_of_undoing
from ..tuners.journal import next_id
from ..tuners.knobs.catalogue import resolve
from ..tuners.knobs.kernel_file import LIVE
from ..tuners.knobs.knob import Refused
from ..tuners.prepare import CannotChange, NotThere, Prepared, prepare
from ..tuners.session import Session
from ..tuners.transaction import Applied, Who, apply
from . import exit_codes, wishes
from .common import DEFAULT_PROFILE, InputError, host_from
from .tuning import Conflict, NeedsPermission, agreed, log, opened, reload_units, require_root, who_asks
from .wishes import Wanted

_CODES = {
    "applied": exit_codes.OK,
    "nothing": exit_codes.OK,
    "degraded": exit_codes.OK,
    "undone": exit_codes.PARTLY,
}


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    profile: str | None
    plan: str | None
    pairs: tuple[str, ...]
    only: tuple[str, ...]
    persist: bool
    trial_seconds: int | None
    boot: bool


def run_apply(asked: Asked, *, dry_run: bool, yes: bool, strict: bool, form: str, quiet: bool) -> int:
    """Apply, or tell what would be; the exit code."""
    if not dry_run:
        require_root("apply")
    wanted = _wanted(asked)
    if dry_run:
        prepared = _prepared(wanted, as_root=False)
        _tell_plan(wanted, prepared, form)
        return exit_codes.OK
    if not yes and not _agreed(_prepared(wanted, as_root=True)):
        click.echo("Nothing was changed.", err=True)
        return exit_codes.OK
    with opened("apply") as found:
        _refuse_during_a_trial(found)
        # Looked at again under the lock: much may have happened since the question.
        prepared = _prepared(wanted, as_root=True)
        done = _apply(found, prepared, Who(who_asks(), wanted.source, asked.trial_seconds), quiet)
        log(_for_the_log(done))
        reload_units(done.changed)
    _tell(wanted, prepared, done, form, quiet)
    return exit_codes.PARTLY if strict and done.outcome == "degraded" else _CODES[done.outcome]


def _refuse_during_a_trial(found: Session) -> None:
    for journal in found.active():
        if journal.on_trial:
            raise Conflict(f"transaction {journal.id} is on trial: 'llmtune confirm' or 'llmtune rollback' first")


def _apply(found: Session, prepared: Prepared, who: Who, quiet: bool) -> Applied:
    if who.trial_seconds is None or not prepared.changes:
        return apply(found, prepared, who)
    from ..tuners.program import Untrusted
    from ..tuners.trial import arrange_rollback, cancel_rollback

    number = next_id(found.journals, found.directory)
    try:
        ends_by = arrange_rollback(number, who.trial_seconds)
    except Untrusted as why:
        raise NeedsPermission(f"{why}; nothing was changed") from None
    done = apply(found, prepared, who)
    if done.outcome == "undone":
        cancel_rollback(number)
    elif not quiet:
        click.echo(
            f"On trial: all is put back in {who.trial_seconds} s by {ends_by}, unless 'sudo llmtune confirm' comes.",
            err=True,
        )
    return done


def _agreed(prepared: Prepared) -> bool:
    count = len(prepared.changes)
    if not count:
        return True
    for line in lines_of_changes(_planned(prepared), _commands(prepared)):
        click.echo(line, err=True)
    return agreed(f"Make {'this change' if count == 1 else f'these {count} changes'}?")


def _wanted(asked: Asked) -> Wanted:
    if asked.boot:
        return _at_boot()
    if asked.pairs:
        wanted = wishes.from_pairs(asked.pairs)
    elif asked.plan is not None:
        wanted = wishes.from_plan(asked.plan)
    else:
        wanted = wishes.from_profile(asked.profile or DEFAULT_PROFILE)
    wanted = wishes.only(wanted, asked.only)
    return _persisted(wanted) if asked.persist else wanted


def _at_boot() -> Wanted:
    from ..tuners.persist import CannotPersist, boot_wishes

    try:
        kept, profile = boot_wishes()
    except CannotPersist as why:
        raise InputError(str(why)) from None
    return Wanted(tuple(kept), profile)


def _persisted(wanted: Wanted) -> Wanted:
    """With the files that bring the same back at boot, and what else sets it."""
    from ..tuners.persist import CannotPersist, contests, describe_contest, persist_wishes
    from ..tuners.program import Untrusted

    try:
        files = persist_wishes(wanted.wishes, wanted.source)
    except CannotPersist as why:
        raise click.UsageError(f"{why}; nothing was changed") from None
    except Untrusted as why:
        raise NeedsPermission(f"{why}; nothing was changed") from None
    told = tuple(describe_contest(found) for found in contests(wanted.wishes, host_from(None)))
    return replace(wanted, wishes=(*wanted.wishes, *files), conflicts=(*wanted.conflicts, *told))


def _prepared(wanted: Wanted, *, as_root: bool) -> Prepared:
    try:
        return prepare(wanted.wishes, LIVE, as_root=as_root)
    except Refused as why:
        if wanted.source is None:
            raise click.UsageError(f"--set {why}") from None
        raise InputError(f"{wanted.source}: {why}") from None
    except NotThere as why:
        if wanted.source is None:
            raise click.UsageError(f"--set {why}") from None
        raise InputError(f"{wanted.source}: {why}; nothing was changed") from None
    except CannotChange as why:
        raise NeedsPermission(f"{why}; nothing was changed") from None


def _planned(prepared: Prepared) -> dict[str, tuple[str | None, str | None]]:
    return {key: (change.before[key], value) for change in prepared.changes for key, value in change.targets.items()}


def _commands(prepared: Prepared) -> dict[str, str]:
    return {
        key: resolve(key, LIVE).command(value) for change in prepared.changes for key, value in change.targets.items()
    }


def _tell_plan(wanted: Wanted, prepared: Prepared, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(_as_json(wanted, prepared, None, _planned(prepared)), indent=2))
        return
    if not prepared.changes:
        click.echo(_fine(wanted))
    else:
        count = len(prepared.changes)
        click.echo(f"{count} change{'s' * (count > 1)} would be made{_by(wanted)}; as root, by hand:")
        for line in lines_of_changes(_planned(prepared), _commands(prepared)):
            click.echo(line)
    _tell_rest(wanted, prepared)
    if wanted.left_out:
        profile = "" if wanted.source == DEFAULT_PROFILE else f" --profile {wanted.source}"
        count = len(wanted.left_out)
        others = "1 other setting is" if count == 1 else f"{count} other settings are"
        click.echo(f"{others} left alone; 'llmtune plan --system{profile}' tells why.")


def _by(wanted: Wanted) -> str:
    return "" if wanted.source is None else f" ({printable(wanted.source)})"


def _fine(wanted: Wanted) -> str:
    if wanted.source is None:
        return "Nothing to do: all of it is already so."
    return f"Nothing to do{_by(wanted)}: this machine's settings are fine."


def _tell_rest(wanted: Wanted, prepared: Prepared) -> None:
    if prepared.already:
        click.echo("Already so: " + ", ".join(f"{key} ({printable(value)})" for key, value in prepared.already.items()))
    for key, why in prepared.left_out.items():
        click.echo(f"Left out: {printable(why) if why.startswith(key) else f'{key}: {printable(why)}'}")
    for line in wanted.conflicts:
        click.echo(f"Note: {printable(line)}")


def _tell(wanted: Wanted, prepared: Prepared, done: Applied, form: str, quiet: bool) -> None:
    if form == "json":
        click.echo(json.dumps(_as_json(wanted, prepared, done, done.changed), indent=2))
        return
    if done.outcome == "undone":
        click.echo(f"llmtune: {printable(done.why or '')}; all was put back", err=True)
        if done.undoing is not None and done.id is not None:
            for line in lines_of_undoing(done.id, done.undoing, quiet=True):
                click.echo(line, err=True)
        return
    if quiet and not done.short:
        return
    if done.outcome == "nothing":
        click.echo(_fine(wanted))
    else:
        click.echo(
            f"Transaction {done.id}: {len(done.changed)} value{'s' * (len(done.changed) != 1)} changed{_by(wanted)}."
        )
        for line in lines_of_changes(done.changed, _commands(prepared)):
            click.echo(line)
    for key, why in done.short.items():
        click.echo(f"DEGRADED: {printable(why) if why.startswith(key) else f'{key}: {printable(why)}'}")
    for key in done.taken_over:
        click.echo(f"Note: {key} had been changed by others since llmtune set it; what was found is its original now")
    _tell_rest(wanted, prepared)
    if done.id is not None:
        click.echo("'sudo llmtune rollback' puts all back.")


def _as_json(
    wanted: Wanted,
    prepared: Prepared,
    done: Applied | None,
    changed: Mapping[str, tuple[str | None, str | None]],
) -> dict[str, object]:
    commands = _commands(prepared)
    return {
        "schema_version": 1,
        "outcome": "planned" if done is None else done.outcome,
        "transaction": None if done is None else done.id,
        "profile": wanted.source,
        "changes": [
            {"key": key, "before": before, "after": after, "command": commands.get(key), "why": wanted.reasons.get(key)}
            for key, (before, after) in changed.items()
        ],
        "already": dict(prepared.already),
        "left_out": {**wanted.left_out, **prepared.left_out},
        "degraded": {} if done is None else done.short,
        "taken_over": [] if done is None else list(done.taken_over),
        "conflicts": list(wanted.conflicts),
        "why": None if done is None else done.why,
    }


def _for_the_log(done: Applied) -> str:
    if done.outcome == "nothing":
        return f"{who_asks()}: nothing to do"
    if done.outcome == "undone":
        return f"{who_asks()}: transaction {done.id} was undone: {done.why}"
    values = ", ".join(f"{key} {before} -> {after}" for key, (before, after) in done.changed.items())
    return f"{who_asks()}: transaction {done.id}: {values}"

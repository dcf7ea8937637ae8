"""What `llmtune export` does."""

import os
from collections.abc import Callable, Sequence

import click

from ..reports.escape import printable
from ..reports.export import Exported, Item, items
from ..reports.export_ansible import export_ansible
from ..reports.export_sysctl import export_sysctl
from ..reports.export_tuned import export_tuned
from ..tuners.knobs.kernel_file import LIVE
from ..tuners.knobs.knob import Refused
from . import exit_codes, wishes
from .common import DEFAULT_PROFILE, InputError
from .wishes import Wanted
from .write_file import Refused as NotWritten
from .write_file import check_target, write_file

_FORMS: dict[str, Callable[[Sequence[Item]], Exported]] = {
    "tuned": export_tuned,
    "sysctl.d": export_sysctl,
    "ansible": export_ansible,
}


def run_export(
    form: str,
    profile: str | None,
    plan: str | None,
    pairs: tuple[str, ...],
    only: tuple[str, ...],
    output: str | None,
    *,
    force: bool,
) -> int:
    """Write the settings in another tool's form; the exit code."""
    path = None if output in (None, "-") else output
    try:
        if path is not None:
            check_target(path, force=True)
            if not force and os.path.lexists(path):
                raise NotWritten(f"{path}: is there already; --force replaces it", exit_codes.USAGE)
        exported = _FORMS[form](_items(_wanted(profile, plan, pairs, only), bool(pairs)))
        if path is None:
            click.echo(exported.text, nl=False)
        else:
            write_file(path, exported.text.encode())
    except NotWritten as why:
        raise why.error() from None
    for line in exported.left_out:
        click.echo(f"llmtune: not in {form}: {printable(line)}", err=True)
    return exit_codes.OK


def _wanted(profile: str | None, plan: str | None, pairs: tuple[str, ...], only: tuple[str, ...]) -> Wanted:
    if pairs:
        return wishes.only(wishes.from_pairs(pairs), only)
    if plan is not None:
        return wishes.only(wishes.from_plan(plan), only)
    return wishes.only(wishes.from_profile(profile or DEFAULT_PROFILE), only)


def _items(wanted: Wanted, from_pairs: bool) -> list[Item]:
    try:
        return items(wanted.wishes, wanted.reasons, LIVE)
    except Refused as why:
        if from_pairs:
            raise click.UsageError(f"--set {why}") from None
        raise InputError(f"{wanted.source}: {why}") from None

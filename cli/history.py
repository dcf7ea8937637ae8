"""`llmtune history`: every transaction, newest last."""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..tuners.journal import Journal
    from ..tuners.session import Session


@click.command()
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(output_format: str) -> int:
    """List every transaction that the journal holds. Needs root, for the journal is root's."""
    from ..reports.escape import printable
    from . import exit_codes
    from .tuning import opened

    with opened("history", repair=False) as found:
        rows = []
        for journal in found.journals:
            begin = journal.begin
            left = {key: value for undone in journal.undone.values() for key, value in undone.left.items()}
            rows.append(
                {
                    "id": begin.id,
                    "time": begin.time,
                    "user": begin.user,
                    "profile": begin.profile,
                    "state": _state(journal, found),
                    "keys": [key for change in begin.changes for key in change.targets],
                    "left": left,
                }
            )
    if output_format == "json":
        click.echo(json.dumps({"schema_version": 1, "transactions": rows}, indent=2))
        return exit_codes.OK
    for row in rows:
        what = printable(str(row["profile"] or "single settings"))
        click.echo(f"{row['id']:>5}  {row['time']}  {row['state']:12}  {printable(str(row['user']))}: {what}")
        stays = row["left"]
        if isinstance(stays, dict) and stays:
            told = ", ".join(f"{key} = {value}" for key, value in stays.items())
            click.echo(f"       left as others had set it: {printable(told)} ('rollback --force' takes it)")
        click.echo(click.wrap_text(", ".join(map(str, row["keys"])), 100, " " * 7, " " * 7))  # type: ignore[call-overload]
    if not rows:
        click.echo("No transaction yet.")
    return exit_codes.OK


def _state(journal: "Journal", found: "Session") -> str:
    if journal.ended:
        return "put back" if journal.committed else "undone"
    if journal in found.of_others():
        return "not of here"
    if journal not in found.active():
        return "gone by boot"
    if journal in found.broken_off():
        return "broken off"
    return "in force"

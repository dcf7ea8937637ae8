"""`llmtune history`: every transaction, newest last."""

import json

import click


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
                    "state": _state(journal.ended, journal.committed, journal in found.active(), bool(journal.undo)),
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
        click.echo(click.wrap_text(", ".join(map(str, row["keys"])), 100, " " * 7, " " * 7))  # type: ignore[call-overload]
    if not rows:
        click.echo("No transaction yet.")
    return exit_codes.OK


def _state(ended: bool, committed: bool, active: bool, undoing: bool) -> str:
    if ended:
        return "put back" if committed else "undone"
    if not active:
        return "gone by boot"
    if undoing or not committed:
        return "broken off"
    return "in force"

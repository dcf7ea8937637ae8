"""`llmtune status`: what is applied, since when, by whom, and what has changed since."""

import json

import click


@click.command()
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(output_format: str) -> int:
    """Tell what llmtune has applied to this machine, since when, by whom, and whether it still holds."""
    from ..reports.tuning_text import lines_of_status
    from ..tuners.knobs.kernel_file import LIVE
    from ..tuners.summary import read_summary
    from ..tuners.verify import verify
    from . import exit_codes
    from .tuning import STORE

    summary = read_summary(STORE)
    held = verify(summary, LIVE)
    if output_format == "json":
        states = {found.key: {"state": found.state, "found": found.found, "why": found.why} for found in held}
        told = [] if summary is None else summary.transactions
        click.echo(json.dumps({"schema_version": 1, "transactions": told, "values": states}, default=vars, indent=2))
    elif summary is None or not summary.transactions:
        click.echo("Nothing is applied.")
        for found in held:
            click.echo(f"But {found.why}")
    else:
        for line in lines_of_status(summary, held):
            click.echo(line)
    return exit_codes.OK

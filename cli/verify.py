"""`llmtune verify`: whether what was applied still holds, by exit code."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..tuners.verify import Held


@click.command()
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Tell only what does not hold.")
def command(output_format: str, quiet: bool) -> int:
    """Check that every value that llmtune applied still holds; exits with 1 where one does not. Needs no root."""
    from ..reports.tuning_text import lines_of_verify
    from ..tuners.knobs.kernel_file import LIVE
    from ..tuners.summary import read_summary
    from ..tuners.verify import verify
    from . import exit_codes
    from .tuning import STORE

    summary = read_summary(STORE)
    held = verify(summary, LIVE)
    bad = [found for found in held if found.state in ("drift", "unknown")]
    if output_format == "json":
        keys = [
            {"key": found.key, "state": found.state, "wanted": found.wanted, "found": found.found, "why": found.why}
            for found in held
        ]
        click.echo(json.dumps({"schema_version": 1, "holds": not bad, "keys": keys}, indent=2))
        return exit_codes.FINDINGS if bad else exit_codes.OK
    for line in lines_of_verify(bad if quiet else held):
        click.echo(line)
    if not quiet:
        click.echo(_closing(held, len(bad)))
    return exit_codes.FINDINGS if bad else exit_codes.OK


def _closing(held: "Sequence[Held]", bad: int) -> str:
    if not held:
        return "Nothing is applied, so nothing can have changed."
    gone = sum(found.state == "gone" for found in held)
    values = f"{len(held)} value{'s' * (len(held) != 1)}"
    went = f", {gone} gone with the device or process" if gone else ""
    rest = "the rest" if gone else "all"
    return f"{values}{went}, {bad} not as applied." if bad else f"{values}{went}, {rest} as applied."

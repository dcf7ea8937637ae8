"""`llmtune doctor`."""

import click

from ..advisors.diagnose import UnknownCheck, diagnose, select, summarize
from ..advisors.finding import STATUSES, Check, Finding
from ..probe.diskstats import MAX_INTERVAL_SECONDS, SAMPLE_SECONDS
from ..probe.host import Host
from ..probe.snapshot import Snapshot, take_snapshot
from ..reports.diagnosis import Diagnosis
from ..reports.escape import printable
from ..reports.headline import headline
from . import exit_codes
from .common import format_option, from_option, host_from


@click.command()
@from_option
@format_option("text", "json", "markdown")
@click.option("--only", multiple=True, metavar="ID", help="Run only this check or topic; may be repeated, or a,b,c.")
@click.option("--ignore", multiple=True, metavar="ID", help="Leave out this check or topic; may be repeated, or a,b,c.")
@click.option(
    "--fail-on",
    type=click.Choice(["never", "warning", "problem"]),
    default="never",
    show_default=True,
    help="Exit with 1 when a finding is this bad or worse.",
)
@click.option("--measure", is_flag=True, help="Also measure memory bandwidth and the models' disk (some seconds).")
@click.option(
    "--interval",
    type=click.FloatRange(0, MAX_INTERVAL_SECONDS, min_open=True),
    metavar="SECONDS",
    help=f"Watch the disks this long for their rates, instead of {SAMPLE_SECONDS:g} s.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Also show what does not apply, all evidence and what could not be read."
)
@click.option("-q", "--quiet", is_flag=True, help="Only problems and warnings.")
@click.option("--no-color", is_flag=True, help="No colours (so does NO_COLOR in the environment).")
def command(
    from_path: str | None,
    output_format: str,
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    measure: bool,
    interval: float | None,
    verbose: bool,
    quiet: bool,
    no_color: bool,
) -> int:
    """Tell what on this machine slows language models down, and how to fix it."""
    checks = _selected(_split(only), _split(ignore))
    if from_path is not None and (measure or interval is not None):
        raise click.UsageError("--measure and --interval act on the live machine; they cannot be used with --from")
    host = host_from(from_path)
    snapshot = take_snapshot(host, SAMPLE_SECONDS if interval is None else interval)
    if measure:
        snapshot = _measured(host, snapshot, quiet)
    findings = diagnose(snapshot, checks)
    shown = tuple(f for f in findings if f.status in ("problem", "warning")) if quiet else findings
    diagnosis = Diagnosis(
        machine=snapshot.machine,
        headline=headline(snapshot),
        findings=shown,
        gaps=snapshot.gaps,
        summary=summarize(findings),
    )
    _print(diagnosis, output_format, verbose, no_color)
    return _exit_code(findings, fail_on)


def _measured(host: Host, snapshot: Snapshot, quiet: bool) -> Snapshot:
    from ..probe.measure.measure import measure

    def tell(line: str) -> None:
        if not quiet:
            click.echo(f"llmtune: {printable(line)}", err=True)

    return snapshot.model_copy(update={"measured": tuple(measure(host, snapshot, tell))})


def _split(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _selected(only: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Check, ...]:
    try:
        return select(only, ignore)
    except UnknownCheck as error:
        raise click.UsageError(f"no check or topic is called {str(error)!r}; 'llmtune explain' lists them") from None


def _print(diagnosis: Diagnosis, output_format: str, verbose: bool, no_color: bool) -> None:
    if output_format == "json":
        click.echo(diagnosis.model_dump_json(indent=2))
    elif output_format == "markdown":
        from ..reports.markdown import render_markdown

        click.echo(render_markdown(diagnosis), nl=False)
    else:
        from ..reports.terminal import render_terminal
        from .common import wants_color

        click.echo(render_terminal(diagnosis, verbose=verbose), nl=False, color=wants_color(no_color))


def _exit_code(findings: tuple[Finding, ...], fail_on: str) -> int:
    if fail_on == "never":
        return exit_codes.OK
    failing = STATUSES[: STATUSES.index("problem" if fail_on == "problem" else "warning") + 1]
    return exit_codes.FINDINGS if any(f.status in failing for f in findings) else exit_codes.OK

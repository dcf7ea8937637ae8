"""What `llmtune fits` does with its options."""

import json
from collections.abc import Iterator
from typing import NamedTuple, cast

import click

from ..advisors.describe import describe_machine
from ..advisors.fits import Order, Row, rows
from ..advisors.request import Request
from ..advisors.resources import Resources
from ..advisors.speed.catalogue import catalogue
from ..probe.host import Host
from ..probe.model.fault import BadModel
from ..probe.model.locate import open_model
from ..probe.model.types import Model
from ..probe.snapshot import Snapshot
from . import exit_codes
from .common import host_from, wants_color
from .planning import imagine, machine_resources, read_machine

SCHEMA_VERSION = 1


class Options(NamedTuple):
    """The options of `llmtune fits`."""

    gpus: tuple[str, ...]
    ram: int | None
    cpus: int | None
    sort: str
    goal: str
    context: int | None
    min_context: int | None
    users: int
    min_speed: float | None
    depth: int
    measure: bool
    on_disk: bool
    show_all: bool
    from_path: str | None
    output_format: str
    no_color: bool

    def request(self) -> Request:
        """What is asked of each model."""
        return Request.model_validate(
            {
                "goal": self.goal,
                "context": self.context,
                "min_context": self.min_context,
                "users": self.users,
                "min_tokens_per_s": self.min_speed,
                "depth": self.depth,
            }
        )


def run_fits(options: Options) -> int:
    """Judge every model, print the table."""
    imagined = bool(options.gpus) or options.ram is not None or options.cpus is not None
    if imagined and (options.from_path or options.on_disk):
        raise click.UsageError("--gpu, --ram and --cpus describe a machine thought of; leave out --from and --on-disk")
    snapshot: Snapshot | None = None
    models: list[Model] = []
    if imagined:
        resources = imagine(options.gpus, options.ram, options.cpus)
    else:
        host = host_from(options.from_path)
        snapshot = read_machine(host, measure=options.measure, quiet=False)
        resources = machine_resources(snapshot)
        models = list(_models_on_disk(host, snapshot))
    known = () if options.on_disk else catalogue()
    found = rows(models, known, snapshot, resources, options.request(), cast(Order, options.sort))
    shown = [row for row in found if row.fits or options.show_all]
    _print(describe_machine(resources), resources, shown, len(found) - len(shown), options)
    return exit_codes.OK if any(row.fits for row in found) else exit_codes.NO_PLAN


def _models_on_disk(host: Host, snapshot: Snapshot) -> Iterator[Model]:
    for entry in snapshot.models:
        try:
            yield open_model(host, entry.path)
        except BadModel as fault:
            from ..reports.escape import printable

            click.echo(f"llmtune: left out: {printable(str(fault))}", err=True)


def _print(machine: str, resources: Resources, shown: list[Row], hidden: int, options: Options) -> None:
    if options.output_format == "json":
        data = {
            "schema_version": SCHEMA_VERSION,
            "machine": machine,
            "resources": resources.model_dump(mode="json"),
            "models": [row.model_dump() for row in shown],
        }
        click.echo(json.dumps(data, indent=2))
    elif options.output_format == "markdown":
        from ..reports.fits_text import render_fits_markdown

        click.echo(render_fits_markdown(machine, shown), nl=False)
    else:
        from ..reports.fits_text import render_fits

        click.echo(render_fits(machine, shown, hidden=hidden), nl=False, color=wants_color(options.no_color))

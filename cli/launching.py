"""What `llmtune launch` does with a plan or a model."""

import os
import shutil
from collections.abc import Mapping
from typing import NoReturn

import click

from ..advisors.plan import Launch, Plan
from ..probe.live import check_trusted_program
from ..probe.reading import Unreadable
from ..reports.escape import printable
from ..reports.launch_command import render_command
from . import exit_codes
from .common import InputError
from .plan_file import NotAsRoot, looks_like_plan, read_plan


def run_launch(reference: str, asked: Mapping[str, object], *, dry_run: bool, quiet: bool) -> int:
    """Read or make the plan, then become its server; the exit code where that does not happen."""
    if looks_like_plan(reference):
        if asked:
            option = "--" + min(asked).replace("_", "-")
            raise click.UsageError(f"{option} plans a model; this plan is made already: plan again with it")
        plan = read_plan(reference)
        if plan.imagined:
            raise InputError("the plan is for a machine thought of (--gpu, --ram); plan again for this one")
        named = False
    else:
        made = _planned(reference, asked)
        if isinstance(made, int):
            return made
        plan, named = made, "engine" in asked
    if dry_run:
        click.echo(render_command(plan.launch))
        return exit_codes.OK
    if not named:
        check_program(plan.launch)
    return start_server(plan, quiet=quiet)


def _planned(reference: str, asked: Mapping[str, object]) -> Plan | int:
    from ..advisors.planner import NoPlan
    from ..advisors.request import Request
    from .common import host_from
    from .plan_output import tell_no_plan
    from .planning import How, plan_for_model

    engine = asked.get("engine")
    request = Request.model_validate({name: value for name, value in asked.items() if name != "engine"})
    plan = plan_for_model(host_from(None), reference, request, How(engine=engine if isinstance(engine, str) else None))
    return tell_no_plan(plan, "text") if isinstance(plan, NoPlan) else plan


def check_program(launch: Launch) -> None:
    """Raise `NotAsRoot` where root would run what others can change and nobody has named."""
    if os.geteuid() != 0:
        return
    place = shutil.which(launch.argv[0])
    try:
        if place is not None:
            check_trusted_program(os.path.abspath(place))
    except (Unreadable, OSError) as why:
        detail = why.detail if isinstance(why, Unreadable) else why.strerror
        raise NotAsRoot(f"{launch.argv[0]}: {detail} as root; launch it as an ordinary user") from None


def start_server(plan: Plan, *, quiet: bool) -> NoReturn:
    """Become the server; raises `InputError`."""
    from ..tuners.launch import CannotStart, start

    def tell(line: str) -> None:
        click.echo(f"llmtune: {printable(line)}", err=True)

    if not quiet:
        for warning in plan.launch.warnings:
            tell(warning)
        tell(f"starting {plan.launch.argv[0]} for {plan.model.name}")
    try:
        start(plan.launch, tell)
    except CannotStart as why:
        raise InputError(str(why)) from None

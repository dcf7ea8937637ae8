"""What `llmtune profiles` and `llmtune plan --system` print."""

import json
import os

import click

from ..advisors.system.advise import advise
from ..advisors.system.setting import LeftOut, SystemAdvice
from ..probe.host import Host
from ..probe.snapshot import take_snapshot
from ..reports.system_text import render_advice
from ..tuners.knobs.catalogue import expand, resolve
from ..tuners.knobs.kernel_file import LIVE, Tree
from ..tuners.knobs.knob import Refused, Unavailable
from ..tuners.profile_files import BadProfileFile, list_profiles, load_profile, read_profile
from . import exit_codes
from .common import InputError, host_from

SCHEMA_VERSION = 1


def list_all(form: str) -> int:
    """Each profile with its summary."""
    as_root = os.geteuid() == 0
    rows = []
    for found in sorted(list_profiles(as_root), key=lambda item: item.name):
        try:
            summary = load_profile(found.name, as_root=as_root).summary
        except BadProfileFile as why:
            summary = f"cannot be used: {why}"
        rows.append({"name": found.name, "summary": summary, "path": found.path})
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "profiles": rows}, indent=2))
        return exit_codes.OK
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['name']:{width}}  {row['summary']}")
    click.echo("\n'llmtune profiles NAME' shows one and what it would change here.")
    return exit_codes.OK


def show(name: str, form: str) -> int:
    """A profile's text, and what it means here."""
    as_root = os.geteuid() == 0
    advice = advice_for(host_from(None), name)
    if form == "json":
        tell_advice(advice, None, "json")
        return exit_codes.OK
    try:
        text = read_profile(name, as_root=as_root)
    except BadProfileFile as why:
        raise InputError(str(why)) from None
    click.echo("".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text).rstrip())
    click.echo("")
    tell_advice(advice, None, "text")
    return exit_codes.OK


def advice_for(host: Host, name: str) -> SystemAdvice:
    """What the profile of that name means on a machine; raises `InputError`."""
    try:
        profile = load_profile(name, as_root=os.geteuid() == 0)
    except BadProfileFile as why:
        raise InputError(str(why)) from None
    advice = advise(take_snapshot(host, disk_interval_s=0.0), profile)
    return _looked_at(advice) if host.live else advice


def _looked_at(advice: SystemAdvice) -> SystemAdvice:
    """With the values that a profile sets without asking looked up; those that are so already, or cannot be, go."""
    settings, left_out = [], list(advice.left_out)
    for setting in advice.settings:
        found = setting.found
        if found is None:
            try:
                values = {full: resolve(full, LIVE) for full in expand(setting.key, LIVE)}
                now = {full: knob.read() for full, knob in values.items()}
            except (Refused, Unavailable) as why:
                left_out.append(
                    LeftOut(key=setting.key, reason=str(why).removeprefix(f"{setting.key}: "), kind="not-applicable")
                )
                continue
            if all(knob.matches(setting.value, now[full]) for full, knob in values.items()):
                left_out.append(LeftOut(key=setting.key, reason=f"{setting.value}, as wanted", kind="right"))
                continue
            found = ", ".join(dict.fromkeys(now.values()))
        settings.append(setting.model_copy(update={"found": found}))
    return advice.model_copy(update={"settings": tuple(settings), "left_out": tuple(left_out)})


def tell_advice(advice: SystemAdvice, machine: str | None, form: str) -> None:
    """Print it; `machine` is the name of a recording."""
    commands = _commands(advice, Tree("/nonexistent") if machine else LIVE)
    if form == "json":
        settings = [{**setting.model_dump(), "command": commands.get(setting.key)} for setting in advice.settings]
        told = {"schema_version": SCHEMA_VERSION, **advice.model_dump(), "settings": settings}
        click.echo(json.dumps(told, indent=2))
    elif form == "markdown":
        from ..reports.system_markdown import render_advice_markdown

        click.echo(render_advice_markdown(advice, commands, machine), nl=False)
    else:
        click.echo(render_advice(advice, commands, machine), nl=False)


def _commands(advice: SystemAdvice, tree: Tree) -> dict[str, str]:
    found = {}
    for setting in advice.settings:
        try:
            found[setting.key] = f"sudo {resolve(setting.key, tree).command(setting.value)}".replace(
                "| tee", "| sudo tee"
            )
        except (Refused, Unavailable):
            continue
    return {key: text.removeprefix("sudo ") if text.startswith("sudo echo") else text for key, text in found.items()}

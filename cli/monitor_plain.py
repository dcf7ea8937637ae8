"""`llmtune monitor --plain`: sentences on standard output."""

import contextlib

import click

from ..tui.plain import Plain
from . import exit_codes
from .common import output_encoding
from .observing import live, replayed
from .stopping import until_stopped


def run_plain(interval_s: float, replay: str | None, record: str | None) -> int:
    """A paragraph whenever something changed, until the end is asked for or the record ends."""
    from ..probe.live import LiveSource

    plain = Plain()
    with until_stopped() as stop:
        observations = replayed(replay) if replay is not None else live(LiveSource(), interval_s, stop, record)
        with contextlib.closing(observations) as seen:
            for one in seen:
                # The first sample alone says next to nothing.
                if one.activity is not None:
                    for paragraph in plain.tell(one):
                        click.echo(paragraph.encode(output_encoding(), "replace"))
    return exit_codes.OK

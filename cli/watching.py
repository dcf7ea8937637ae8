"""What `llmtune watch` does: observe, print lines, pass messages on."""

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from typing import NamedTuple

import click

from ..advisors.bottleneck.observer import Observation
from ..probe.live import LiveSource
from ..reports import watch_text
from ..reports.escape import printable
from . import exit_codes
from .drift import DriftWatch, look_at_this_machine
from .notify_command import BadCommand, Program
from .notifying import Notifier, Target
from .observing import live, replayed
from .stopping import Stop, until_stopped
from .webhook import BadUrl, Webhook

LAST_WORDS_SECONDS = 0.5
"""For messages that wait when the end is asked for."""


class Wishes(NamedTuple):
    """The options."""

    interval_s: float
    everything: bool
    verify: bool
    webhook: str | None
    program: str | None
    record: str | None
    replay: str | None


def watch(wishes: Wishes) -> int:
    """Run until the end is asked for."""
    targets = _targets(wishes)
    with until_stopped() as stop, contextlib.ExitStack() as ending:
        notifiers = [Notifier(target, _complain) for target in targets]
        teller = _Teller(notifiers, wishes.everything)
        if wishes.replay is not None:
            for observation in replayed(wishes.replay):
                teller.tell(observation)
                if stop.asked:
                    break
            return exit_codes.OK
        drift = DriftWatch(look_at_this_machine) if wishes.verify else None
        if drift is not None:
            ending.callback(drift.stop)
        observations = live(LiveSource(), wishes.interval_s, stop, wishes.record)
        ending.enter_context(contextlib.closing(observations))
        _follow(observations, teller, drift, wishes, stop)
        for notifier in notifiers:
            notifier.stop(LAST_WORDS_SECONDS / len(notifiers))
    return exit_codes.OK


def _follow(
    observations: Iterator[Observation], teller: "_Teller", drift: DriftWatch | None, wishes: Wishes, stop: Stop
) -> None:
    first = True
    for observation in observations:
        if first:
            teller.say(f"watches this machine every {wishes.interval_s:g} s", time.time(), "good")
            first = False
        if stop.asked:
            return
        teller.tell(observation)
        if drift is not None:
            teller.tell_drift(drift)


def _targets(wishes: Wishes) -> list[Target]:
    targets: list[Target] = []
    if wishes.webhook is not None:
        try:
            targets.append(Webhook(wishes.webhook))
        except BadUrl as error:
            # The address itself may be a secret.
            raise click.UsageError(f"--webhook: {error}") from None
    if wishes.program is not None:
        try:
            targets.append(Program(wishes.program))
        except BadCommand as error:
            raise click.UsageError(f"--command {printable(wishes.program)}: {error}") from None
    return targets


def _complain(line: str) -> None:
    click.echo(f"llmtune: {printable(line)}", err=True)


class _Teller:
    """Prints lines and passes messages on."""

    def __init__(self, notifiers: list[Notifier], everything: bool) -> None:
        self._notifiers = notifiers
        self._everything = everything
        self._machine = platform.node()
        self._trouble: str | None = None
        # systemd sets it where standard output goes to the journal, which knows the time and reads priorities.
        self._journal = os.environ.get("JOURNAL_STREAM", "") == _stream_of_stdout()

    def say(self, line: str, time_s: float, badness: str) -> None:
        """One line."""
        click.echo(watch_text.stamped(line, time_s, badness, self._journal))

    def tell(self, observation: Observation) -> None:
        """What came and went with this sample."""
        now_s = observation.sample.time_s
        for past in observation.ended:
            if self._wanted(past.verdict.badness):
                self.say(watch_text.ended_line(past), now_s, "good")
                self._pass_on(
                    "ended", now_s, seconds=round(past.seconds, 3), verdict=watch_text.verdict_json(past.verdict)
                )
        for new in observation.began:
            if self._wanted(new.verdict.badness):
                self.say(watch_text.began_line(new.verdict), now_s, new.verdict.badness)
                self._pass_on("began", now_s, verdict=watch_text.verdict_json(new.verdict))

    def tell_drift(self, drift: DriftWatch) -> None:
        """Settings that do not hold any more, or again."""
        now_s = time.time()
        for held, holds in drift.changes():
            line = watch_text.holds_line(held.key) if holds else watch_text.drift_line(held)
            self.say(line, now_s, "good" if holds else "bad")
            event = "holds" if holds else "drift"
            self._pass_on(event, now_s, key=held.key, wanted=held.wanted, found=held.found, why=held.why)
        if drift.trouble != self._trouble:
            self._trouble = drift.trouble
            if drift.trouble is not None:
                _complain(f"what is applied cannot be checked: {drift.trouble}")

    def _wanted(self, badness: str) -> bool:
        return self._everything or badness != "good"

    def _pass_on(self, event: str, time_s: float, **more: object) -> None:
        for notifier in self._notifiers:
            notifier.tell(watch_text.message(event, self._machine, time_s, **more))


def _stream_of_stdout() -> str:
    try:
        status = os.fstat(1)
    except OSError:
        return "closed"
    return f"{status.st_dev}:{status.st_ino}"

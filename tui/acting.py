"""What a session does beyond looking: end a server, apply a setting, write files."""

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..advisors.bottleneck.verdict import Bottleneck
from ..probe.sample.sample import ServerMoment
from .dialogs.dialog import AskDialog
from .ending import Victim

if TYPE_CHECKING:
    from .session import Session

KILL_AFTER_SECONDS = 5.0


class Acting:
    """Asks, and then acts. Nothing is done in a read-only session, or to what a record shows."""

    def __init__(self, session: "Session", allowed: Callable[[], str | None]) -> None:
        self._session = session
        self._allowed = allowed
        self._victim: Victim | None = None

    def apply(self, verdict: Bottleneck | None) -> None:
        """Ask whether the setting that a verdict names is to be applied."""
        if verdict is None or verdict.setting is None:
            self._session.tell("no setting of llmtune's would help with that; w explains the verdict")
            return
        if (why := self._allowed()) is not None:
            self._session.tell(why)
            return
        argv = apply_command(verdict.setting)
        if isinstance(argv, str):
            self._session.tell(argv)
            return
        shown = " ".join(["sudo"] * (os.geteuid() != 0) + ["llmtune", "apply", "--only", verdict.setting])
        self._session.ask(
            AskDialog(
                f"Apply {verdict.setting}?",
                (verdict.helps or verdict.what, "", f"This runs: {shown}", "It shows what it would change and asks."),
                (("y", "run it"),),
                lambda _: self._run(argv, shown),
            )
        )

    def _run(self, argv: list[str], shown: str) -> None:
        code = self._session.terminal.run_outside(argv)
        self._session.tell(f"{shown}: done" if code == 0 else f"{shown}: ended with code {code}")

    def kill(self, server: ServerMoment | None) -> None:
        """Ask whether a server is to be ended."""
        if (why := self._allowed()) is not None:
            self._session.tell(why)
            return
        if server is None:
            self._session.tell("no server is selected: press 5, choose one with up and down, then x")
            return
        try:
            victim = Victim(server.pid, server.started_ticks)
        except ProcessLookupError as error:
            why = "has ended already" if error.errno else f"has ended; {error}"
            self._session.tell(f"process {server.pid} {why}")
            return
        except OSError as error:
            self._session.tell(f"process {server.pid}: {error.strerror or error}")
            return
        self._drop()
        self._victim = victim
        self._ask_kill(server, victim, signal.SIGTERM, "SIGTERM: it may finish what it does")

    def _ask_kill(self, server: ServerMoment, victim: Victim, number: signal.Signals, what: str) -> None:
        self._session.ask(
            AskDialog(
                f"End {server.engine}, process {server.pid}?",
                (f"Model: {server.model or 'not known'}", "Requests under way are lost."),
                (("y", what),),
                lambda _: self._send(server, victim, number),
            )
        )

    def _send(self, server: ServerMoment, victim: Victim, number: signal.Signals) -> None:
        if victim is not self._victim:
            return
        trouble = victim.send(number)
        self._session.tell(f"process {server.pid}: {trouble or f'{number.name} sent'}")
        if trouble is not None or number is signal.SIGKILL:
            self._drop()
        else:
            self._session.later(KILL_AFTER_SECONDS, lambda: self._look_again(server, victim))

    def _look_again(self, server: ServerMoment, victim: Victim) -> None:
        # Meanwhile another server may have been chosen: what was asked about the first must never end the second.
        if victim is not self._victim:
            return
        if not victim.alive():
            self._drop()
            self._session.tell(f"process {server.pid} has ended")
        elif self._session.dialog is None:
            self._ask_kill(server, victim, signal.SIGKILL, "SIGKILL: it still runs; the kernel ends it at once")
        else:
            # Keys that are meant for the box that is open must not answer this one.
            self._session.later(KILL_AFTER_SECONDS, lambda: self._look_again(server, victim))

    def _drop(self) -> None:
        if self._victim is not None:
            self._victim.close()
            self._victim = None


def apply_command(key: str) -> list[str] | str:
    """The command line, as root by way of sudo where we are not; or why there is none."""
    argv = [*_ourselves(), "apply", "--only", key]
    if os.geteuid() == 0:
        return argv
    from ..tuners.program import trusted_tool

    # Not by PATH: what is told a password must be the system's own.
    sudo = trusted_tool("sudo")
    return [sudo, *argv] if sudo is not None else f"there is no sudo here; as root: llmtune apply --only {key}"


def _ourselves() -> list[str]:
    """How this program was started: the command, or Python with the module."""
    program = os.path.abspath(sys.argv[0])
    if os.path.basename(program) == "llmtune" and os.access(program, os.X_OK):
        return [program]
    # -P: with -m alone Python imports what lies in the current folder, which may be anybody's, as root.
    return [sys.executable, "-P", "-m", "llmtune"]

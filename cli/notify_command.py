"""A program that is told by JSON on its standard input; never by way of a shell."""

import contextlib
import os
import signal
import subprocess

from ..probe.live import check_trusted_program
from ..probe.reading import Unreadable
from .notifying import NotDelivered

MAX_SECONDS = 30.0


class BadCommand(ValueError):
    """One line: why it is not run."""


class Program:
    """What to run."""

    def __init__(self, path: str, seconds: float = MAX_SECONDS) -> None:
        """Raise `BadCommand`."""
        self._path = path
        self._seconds = seconds
        self.name = path
        self._check()

    def deliver(self, body: bytes) -> None:
        """Run it once; raises `NotDelivered`."""
        try:
            # Others may have changed it since the last time.
            self._check()
            running = subprocess.Popen(  # noqa: S603  # a list of one word that the user named
                [self._path],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BadCommand as error:
            raise NotDelivered(str(error), again=False) from None
        except OSError as error:
            raise NotDelivered(error.strerror or str(error), again=False) from None
        try:
            running.communicate(body, self._seconds)
        except subprocess.TimeoutExpired:
            # With all that it started: they are a session of their own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            raise NotDelivered(f"no end after {self._seconds:g} s; it was killed", again=False) from None
        if running.returncode != 0:
            raise NotDelivered(f"exit code {running.returncode}", again=False)

    def _check(self) -> None:
        if not self._path.startswith("/"):
            raise BadCommand("name the program by its whole path, such as /usr/local/bin/tell-me")
        if not os.path.isfile(self._path) or not os.access(self._path, os.X_OK):
            raise BadCommand("there is no such program")
        if os.geteuid() == 0:
            try:
                check_trusted_program(self._path)
            except (Unreadable, OSError) as error:
                why = str(getattr(error, "detail", None) or error).removesuffix("; not run")
                raise BadCommand(f"root does not run it: {why}") from None

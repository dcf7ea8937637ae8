"""`Lifeline`: the process ends when its terminal has gone, whatever hangs."""

import os
import signal
import threading

CHECK_SECONDS = 1.0
GRACE_SECONDS = 1.5
HANGUP_CODE = 128 + signal.SIGHUP


class Lifeline(threading.Thread):
    """Looks once a second whether there is still a terminal.

    A write to one that is gone blocks or fails for ever, and reading from it returns at once: without this a monitor
    whose window was closed may stay, and use a whole CPU.
    """

    def __init__(self, terminal: int) -> None:
        super().__init__(name="lifeline", daemon=True)
        self._terminal = terminal
        self._done = threading.Event()

    def run(self) -> None:
        """Until the terminal goes or the app is done."""
        while not self._done.wait(CHECK_SECONDS):
            if not os.isatty(self._terminal):
                os._exit(HANGUP_CODE)

    def done(self) -> None:
        """The app has ended."""
        self._done.set()


def end_soon(code: int) -> None:
    """Leave the process in any case, a moment from now."""
    timer = threading.Timer(GRACE_SECONDS, os._exit, (code,))
    timer.daemon = True
    timer.start()

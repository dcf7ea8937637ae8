"""Commands that run until they are told to end: SIGTERM and Ctrl-C end a wait at once, and are no error."""

import contextlib
import os
import select
import signal
from collections.abc import Iterator

from .long_running import settle_in


class Stop:
    """Whether the end was asked for. A pipe, since a signal may come between any two steps of a lock's."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.asked = False

    def ask(self) -> None:
        """End the wait that is under way, and all later ones."""
        self.asked = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._writing, b"x")

    def wait(self, seconds: float) -> bool:
        """Sleep; returns at once, and True, when the end is asked for."""
        if not self.asked:
            select.select([self._reading], [], [], max(seconds, 0.0))
        return self.asked

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._reading)
        os.close(self._writing)


@contextlib.contextmanager
def until_stopped() -> Iterator[Stop]:
    """For as long as a command runs: SIGTERM and SIGINT ask it to end."""
    stop = Stop()
    before = {number: signal.signal(number, lambda *_: stop.ask()) for number in (signal.SIGTERM, signal.SIGINT)}
    settle_in()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()

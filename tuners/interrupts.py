"""SIGINT, SIGTERM and SIGHUP are noted while the machine is being changed, and heard between two changes."""

import signal
from types import FrameType
from typing import Self

_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """Somebody asked to stop."""


class Interrupts:
    """Signals that came while this context is open."""

    def __init__(self) -> None:
        self.came: int | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in _HEARD}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.came = number

    def check(self) -> None:
        """Raise `Interrupted` if a signal came."""
        if self.came is not None:
            raise Interrupted(signal.Signals(self.came).name)

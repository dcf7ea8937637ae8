"""Tell a webhook or a command what happened, without ever making the one who watches wait."""

import json
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

MAX_WAITING = 100
"""Messages; beyond that the oldest are dropped."""
TRIES = 3
REST_SECONDS = (1.0, 5.0)
"""Before the second and the third try."""


class NotDelivered(Exception):
    """One line: why."""

    def __init__(self, why: str, again: bool) -> None:
        super().__init__(why)
        self.again = again
        """Whether another try may help."""


class Target(Protocol):
    """Somewhere to deliver messages to."""

    name: str
    """Fit to be shown: without passwords and tokens."""

    def deliver(self, body: bytes) -> None:
        """Within bounded time; raises `NotDelivered`."""
        ...


class Notifier:
    """A thread that delivers messages in order to one target."""

    def __init__(
        self, target: Target, complain: Callable[[str], None], rests: tuple[float, ...] = REST_SECONDS
    ) -> None:
        self._target = target
        self._complain = complain
        self._rests = rests
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._stopped = threading.Event()
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._thread.start()

    def tell(self, message: Mapping[str, object]) -> None:
        """Queue one message and return at once."""
        self._put((json.dumps(message, ensure_ascii=False) + "\n").encode("utf-8", "replace"))

    def stop(self, seconds: float) -> None:
        """Deliver what waits if that takes no longer than this, then give up."""
        self._put(None)
        self._thread.join(seconds)
        self._stopped.set()

    def _put(self, body: bytes | None) -> None:
        while True:
            try:
                return self._waiting.put_nowait(body)
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                    self._dropped += 1
                except queue.Empty:
                    continue

    def _run(self) -> None:
        while (body := self._waiting.get()) is not None:
            if self._dropped:
                self._complain(f"{self._target.name}: {self._dropped} messages were dropped, it takes them too slowly")
                self._dropped = 0
            self._deliver(body)

    def _deliver(self, body: bytes) -> None:
        for number in range(TRIES):
            try:
                return self._target.deliver(body)
            except NotDelivered as error:
                if not error.again or number + 1 == TRIES:
                    self._complain(f"{self._target.name}: {error}; a message was not delivered")
                    return None
            if self._stopped.wait(self._rests[min(number, len(self._rests) - 1)]):
                return None
        return None

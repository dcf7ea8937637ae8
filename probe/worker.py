"""Calls that may hang, kept from hanging the program."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from .reading import Unreadable

T = TypeVar("T")


class Worker:
    """Runs calls that may hang in a thread that does not keep the program from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None]] | None = None
        self._hung = False

    def call(self, job: Callable[[], T], seconds: float) -> T:
        """The job's result or exception; raises `Unreadable` when it takes longer, and at once ever after."""
        if self._hung:
            raise Unreadable("timed out", "an earlier call did not come back")
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True).start()
        results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                results.put((job(), None))
            except BaseException as error:
                results.put((None, error))

        self._jobs.put(run)
        try:
            result, error = results.get(timeout=seconds)
        except queue.Empty:
            self._hung = True
            raise Unreadable("timed out", f"no answer within {seconds:g} s") from None
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # None only where T admits it.


def _work(jobs: "queue.SimpleQueue[Callable[[], None]]") -> None:
    while True:
        jobs.get()()

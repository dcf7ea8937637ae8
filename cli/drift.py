"""Look in a thread of its own whether what llmtune applied still holds."""

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..tuners.verify import Held

EVERY_SECONDS = 60.0


class Change(NamedTuple):
    """A setting that does not hold any more, or again."""

    held: "Held"
    holds: bool


class DriftWatch:
    """`changes` gives what is new since it was last asked, and never waits."""

    def __init__(self, look: "Callable[[], list[Held]]", every_s: float = EVERY_SECONDS) -> None:
        self._look = look
        self._every_s = every_s
        self._found: deque[Change] = deque(maxlen=1000)
        self._stopped = threading.Event()
        self._bad: dict[str, Held] = {}
        self.trouble: str | None = None
        """Why it cannot be told."""
        threading.Thread(target=self._run, name="verify", daemon=True).start()

    def changes(self) -> list[Change]:
        """Each change once."""
        return [self._found.popleft() for _ in range(len(self._found))]

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._compare(self._look())
                self.trouble = None
            except Exception as error:  # Damaged journals, a bug: told in one line, and what is watched goes on.
                self.trouble = f"{type(error).__name__}: {error}"
            self._stopped.wait(self._every_s)

    def _compare(self, found: "list[Held]") -> None:
        # What cannot be read without root is no drift.
        drifted = {held.key: held for held in found if held.state == "drift"}
        for key, held in drifted.items():
            if key not in self._bad or self._bad[key].found != held.found:
                self._found.append(Change(held, holds=False))
        for held in found:
            if held.key in self._bad and held.state == "ok":
                self._found.append(Change(held, holds=True))
        # What cannot be read for a moment is not told again afterwards.
        unknown = {held.key for held in found if held.state == "unknown"}
        self._bad = {key: held for key, held in self._bad.items() if key in unknown} | drifted


def look_at_this_machine() -> "list[Held]":
    """Every key that is applied here."""
    from ..tuners.knobs.kernel_file import LIVE
    from ..tuners.store import Store
    from ..tuners.summary import read_summary
    from ..tuners.verify import verify

    return verify(read_summary(Store()), LIVE)

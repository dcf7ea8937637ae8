"""`FactsFeed`: what samples are judged against, read in a thread: at the start, and again when other servers run."""

import threading
from typing import TYPE_CHECKING

from ..advisors.bottleneck.facts import Facts
from ..probe.reading import Malformed
from ..probe.sample.sample import Sample

if TYPE_CHECKING:
    from ..probe.host import Source
    from ..probe.sample.log import Json

REST_SECONDS = 30.0
"""At least between two readings, which take a good part of a second."""
MOST_REST_SECONDS = 960.0
"""Where they fail again and again."""


class FactsFeed:
    """Never makes its user wait. `facts` is None until the machine was read."""

    def __init__(self, source: "Source", rest_s: float = REST_SECONDS) -> None:
        self._source = source
        self._rest_s = rest_s
        self._servers: frozenset[tuple[int, int | None]] | None = None
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._read = threading.Event()
        self._thread = threading.Thread(target=self._run, name="facts", daemon=True)
        self.facts: Facts | None = None
        self.trouble: str | None = None
        """Why they could not be read."""

    def start(self) -> None:
        """Begin to read."""
        self._changed.set()
        self._thread.start()

    def stop(self) -> None:
        """Read no more; does not wait for a reading under way."""
        self._stopped.set()
        self._changed.set()

    def wait(self, seconds: float) -> None:
        """Until they were read once, or that long."""
        self._read.wait(seconds)

    def follow(self, sample: Sample) -> None:
        """Read again where other servers run than before."""
        servers = frozenset((server.pid, server.started_ticks) for server in sample.servers)
        if self._servers is not None and servers != self._servers:
            self._changed.set()
        self._servers = servers

    def _run(self) -> None:
        from ..probe.heap import give_back_freed

        failures = 0
        while True:
            self._changed.wait()
            self._changed.clear()
            if self._stopped.is_set():
                return
            try:
                self.facts, self.trouble, failures = self._facts(), None, 0
            except Exception as error:  # A bug in one probe must not end or garble what runs for days.
                self.trouble = f"{type(error).__name__}: {error}"
                # A machine under load may take too long once: without them it would be judged by nothing for ever.
                failures += 1
                self._changed.set()
            give_back_freed()
            self._read.set()
            self._stopped.wait(min(self._rest_s * 2 ** min(failures, 5), MOST_REST_SECONDS))

    def _facts(self) -> Facts:
        if self._source.live:
            from .facts_process import facts_of_this_machine

            return facts_of_this_machine()
        from ..probe.host import Host
        from .machine_facts import facts_of

        return facts_of(Host(self._source))


def plain_facts(facts: Facts | None) -> "Json | None":
    """For a record."""
    return None if facts is None else facts.model_dump(mode="json")


def facts_from_record(plain: "Json | None") -> Facts | None:
    """Raise `Malformed` for what are no facts."""
    if plain is None:
        return None
    try:
        return Facts.model_validate(plain)
    except ValueError as error:
        raise Malformed(f"its facts are damaged ({str(error).splitlines()[0]})") from None

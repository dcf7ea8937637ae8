"""Records begun and ended while the screen is shown."""

import contextlib
import os
import threading
import time

from ..advisors.bottleneck.facts import Facts
from ..probe.sample.log import BadRecord, SampleWriter
from ..probe.sample.sample import Sample


def fresh_name(stem: str, ending: str) -> str:
    """A name with the time in it."""
    return f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{ending}"


class Recording:
    """At most one record; begun and ended by one thread, written by another."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._writer: SampleWriter | None = None
        self._facts: Facts | None = None
        self.path: str | None = None
        """None: nothing is recorded."""

    def begin(self, path: str) -> str | None:
        """What stands in the way, or None."""
        try:
            writer = SampleWriter(path, about={"machine": self._machine})
        except (BadRecord, OSError, ValueError) as error:
            return f"{path}: {getattr(error, 'strerror', None) or error}"
        with self._lock:
            self._writer, self._facts, self.path = writer, None, os.path.abspath(path)
        return None

    def write(self, sample: Sample, facts: Facts | None) -> str | None:
        """Append; what went wrong, where the record had to be ended."""
        with self._lock:
            if self._writer is None:
                return None
            try:
                if facts is not self._facts:
                    self._facts = facts
                    self._writer.change_facts(facts.model_dump(mode="json") if facts is not None else None)
                self._writer.write(sample)
            except OSError as error:
                path = self.path
                self._close()
                return f"{path}: {error.strerror or error}; the record ends here"
        return None

    def end(self) -> None:
        """Close the file, if there is one."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        writer, self._writer, self.path = self._writer, None, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()

"""`LiveFeed`: this machine, sampled and judged in one thread."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .feed import INTERVALS_S, FactsSource, Moment, News, Trouble, next_of

if TYPE_CHECKING:
    from ..probe.source import FileSource
    from .past import Past
    from .recording import Recording


class LiveFeed:
    """Reads, judges and remembers; the modules that do it are loaded in its thread, after the first paint."""

    live = True

    def __init__(
        self,
        source: "Callable[[], FileSource]",
        interval_s: float,
        facts: "Callable[[FileSource], FactsSource]",
        record: str | None,
    ) -> None:
        self._source = source
        self._facts = facts
        self._record = record
        self._wake = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.interval_s = interval_s
        self.past: Past | None = None
        """None until the first sample."""
        self.recording: Recording | None = None

    def start(self, deliver: Callable[[News], None]) -> None:
        """Begin to sample."""
        self._thread = threading.Thread(target=self._run, args=(deliver,), name="sampling", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and the record."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(1.0)
        if self.recording is not None:
            self.recording.end()

    def status(self) -> str:
        """The interval, and whether a record is written."""
        recording = self.recording is not None and self.recording.path is not None
        return f"{'REC ' if recording else ''}every {self.interval_s:g} s"

    def faster(self) -> str:
        """A shorter interval."""
        return self._change(next_of(INTERVALS_S, self.interval_s, -1))

    def slower(self) -> str:
        """A longer interval."""
        return self._change(next_of(INTERVALS_S, self.interval_s, 1))

    def toggle_record(self) -> str:
        """Begin a record in the current folder, or end it."""
        if self.recording is None:
            return "nothing has been sampled yet"
        if (path := self.recording.path) is not None:
            self.recording.end()
            return f"recorded: {path}"
        from .recording import fresh_name

        name = fresh_name("llmtune", "record")
        return self.recording.begin(name) or f"recording to {self.recording.path}; R ends it"

    def mode(self) -> str:
        """Nothing to say."""
        return ""

    def pause(self) -> None:
        """Sampling always goes on."""

    def seek(self, seconds: float) -> str | None:
        """What has passed is in `past`."""
        return None

    def _change(self, interval_s: float) -> str:
        self.interval_s = interval_s
        self._wake.set()
        return f"a sample every {interval_s:g} s"

    def _run(self, deliver: Callable[[News], None]) -> None:
        try:
            self._sample(deliver)
        except Exception as error:  # The screen tells; a thread that ends in silence would show old numbers for ever.
            deliver(Trouble(f"sampling has ended: {type(error).__name__}: {error}", error))

    def _sample(self, deliver: Callable[[News], None]) -> None:
        from ..advisors.bottleneck.observer import Observer
        from ..probe.sample.collector import Collector
        from .past import Past
        from .recording import Recording

        source = self._source()
        collector, observer, facts = Collector(source, self.interval_s), Observer(), self._facts(source)
        self.past, self.recording = Past(), Recording(source.name)
        if self._record is not None and (trouble := self.recording.begin(self._record)) is not None:
            deliver(Trouble(trouble))
        collector.start()
        started = False
        try:
            while not self._stopped:
                begun_s = time.monotonic()
                if collector.interval_s != self.interval_s:
                    collector.interval_s = self.interval_s
                sample = collector.tick()
                observer.facts = facts.facts
                deliver(Moment(observer.observe(sample), facts.facts))
                self.past.append(sample)
                if (trouble := self.recording.write(sample, facts.facts)) is not None:
                    deliver(Trouble(trouble))
                if not started:
                    # After the first sample: to look at the whole machine takes a good part of a second.
                    facts.start()
                    started = True
                facts.follow(sample)
                # Ticks that were missed (a machine that slept) are not made up for.
                self._wake.wait(max(begun_s + self.interval_s - time.monotonic(), 0.0))
                self._wake.clear()
        finally:
            facts.stop()
            collector.stop()

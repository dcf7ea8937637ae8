"""Observations one after another, from this machine or from a record: what watch, --json and the exporter live on."""

import contextlib
import time
from collections.abc import Generator
from typing import TYPE_CHECKING

import click

from ..advisors.bottleneck.facts import Facts
from ..advisors.bottleneck.observer import Observation, Observer
from ..probe.reading import Malformed
from ..probe.sample.collector import Collector
from ..probe.sample.sample import Sample
from ..reports.escape import printable
from .common import InputError
from .facts_feed import FactsFeed, facts_from_record, plain_facts
from .stopping import Stop

if TYPE_CHECKING:
    from ..probe.source import FileSource


def live(
    source: "FileSource", interval_s: float, stop: Stop, record: str | None = None
) -> Generator[Observation, None, None]:
    """An observation each interval until the end is asked for; `record` is a file to write the samples to."""
    with contextlib.ExitStack() as ending:
        recorder = (
            ending.enter_context(contextlib.closing(Recorder(record, source.name))) if record is not None else None
        )
        collector = Collector(source, interval_s)
        feed = FactsFeed(source)
        collector.start()
        ending.callback(collector.stop)
        feed.start()
        ending.callback(feed.stop)
        observer = Observer()
        due_s = time.monotonic()
        while not stop.asked:
            sample = collector.tick()
            feed.follow(sample)
            observer.facts = feed.facts
            if recorder is not None:
                recorder.write(sample, feed.facts)
            yield observer.observe(sample)
            # Ticks that were missed (a machine that slept) are not made up for.
            due_s = max(due_s + interval_s, time.monotonic())
            stop.wait(due_s - time.monotonic())


def replayed(path: str) -> Generator[Observation, None, None]:
    """The observations of a record, as fast as they can be made."""
    from ..probe.sample.log import BadRecord
    from ..probe.sample.log_read import SampleReader

    try:
        reader = SampleReader(path)
        observer = Observer()
        for index, sample in enumerate(reader):
            observer.facts = facts_from_record(reader.facts_of(index))
            yield observer.observe(sample)
    except (BadRecord, Malformed) as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


class Recorder:
    """Writes a record beside something else: where it cannot be begun, that is an error, later one line."""

    def __init__(self, path: str, machine: str) -> None:
        from ..probe.sample.log import BadRecord, SampleWriter

        self._path = path
        self._facts: Facts | None = None
        try:
            self._writer: SampleWriter | None = SampleWriter(path, about={"machine": machine})
        except BadRecord as error:
            raise InputError(f"{path}: {error}") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None

    def write(self, sample: Sample, facts: Facts | None) -> None:
        """Append one sample; a full drive ends the record and nothing else."""
        if self._writer is None:
            return
        try:
            if facts is not self._facts:
                self._facts = facts
                self._writer.change_facts(plain_facts(facts))
            self._writer.write(sample)
        except OSError as error:
            click.echo(f"llmtune: {printable(self._path)}: {error.strerror or error}; the record ends here", err=True)
            self.close()

    def close(self) -> None:
        """End the record."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()

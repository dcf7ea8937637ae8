"""`ReplayFeed`: a record of samples, played as if it happened now, at any speed."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..advisors.bottleneck.facts import Facts
from ..advisors.bottleneck.observer import Observer
from ..probe.reading import Malformed
from ..probe.sample.log_read import SampleReader
from ..reports.escape import printable
from .feed import Moment, News, Restart, Trouble, next_of

if TYPE_CHECKING:
    from .past import Past

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
PAINT_SECONDS = 0.1
"""Between two paints, however fast it plays."""
LOOK_BACK_SAMPLES = 300
"""Played silently before the sample that is sought, for charts and verdicts."""
MAX_WAIT_SECONDS = 5.0
"""Longer gaps in a record are not waited for."""


class ReplayFeed:
    """Plays in a thread of its own. The facts in the record judge its samples."""

    live = False
    past: "Past | None" = None

    def __init__(self, reader: SampleReader, facts: Callable[[int], Facts | None]) -> None:
        """`facts` tells what the numbered sample is to be judged against."""
        self._reader = reader
        self._facts = facts
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._playing = True
        self._speed = 1.0
        self._next = 0
        """The sample that is to be shown next."""
        self._sought: int | None = None
        """The sample that was asked for, until it is shown."""
        self._place = threading.Lock()
        """Of `_next` and `_sought`: keys and the thread change both."""
        self._observer = Observer()
        self._bad = 0

    def start(self, deliver: Callable[[News], None]) -> None:
        """Begin to play."""
        self._thread = threading.Thread(target=self._run, args=(deliver,), name="replay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def status(self) -> str:
        """Where it is."""
        cut = ", cut off" if self._reader.cut and self._next >= len(self._reader) else ""
        return f"sample {min(self._next, len(self._reader))} of {len(self._reader)}{cut}"

    def mode(self) -> str:
        """Playing, stopped or at the end."""
        if self._next >= len(self._reader) and self._sought is None:
            return "REPLAY: END"
        return f"REPLAY {self._speed:g}x" if self._playing else "REPLAY: STOPPED"

    def faster(self) -> str:
        """Play faster."""
        return self._play_at(1)

    def slower(self) -> str:
        """Play slower."""
        return self._play_at(-1)

    def toggle_record(self) -> str:
        """There is one already."""
        return "this is a record already"

    def pause(self) -> None:
        """Stop or go on; at the end, from the beginning."""
        if self._next >= len(self._reader):
            self._sought = 0
            self._playing = True
        else:
            self._playing = not self._playing
        self._wake.set()

    def seek(self, seconds: float) -> str | None:
        """By so many seconds of the record; a sample at least."""
        # A step counts from what was asked for last, shown already or not.
        with self._place:
            self._sought = self._from(self._sought if self._sought is not None else max(self._next - 1, 0), seconds)
        self._wake.set()
        return None

    def _from(self, now: int, seconds: float) -> int:
        last = len(self._reader) - 1
        if seconds == float("inf"):
            wanted = last
        elif seconds == float("-inf"):
            wanted = 0
        else:
            try:
                with self._lock:
                    wanted = self._reader.index_at(self._reader.time_of(now) + seconds)
            except Malformed:
                wanted = now
            wanted = max(wanted, now + 1) if seconds > 0 else min(wanted, now - 1)
        return min(max(wanted, 0), last)

    def _play_at(self, direction: int) -> str:
        self._speed = next_of(SPEEDS, self._speed, direction)
        self._wake.set()
        return f"{self._speed:g} times as fast as it was"

    def _run(self, deliver: Callable[[News], None]) -> None:
        try:
            while not self._stopped:
                self._wake.clear()
                if (sought := self._sought) is not None:
                    self._jump(sought, deliver)
                elif self._playing and self._next < len(self._reader):
                    self._play(deliver)
                else:
                    self._wake.wait()
        except Exception as error:  # The screen tells; nothing else would.
            deliver(Trouble(f"the replay has ended: {type(error).__name__}: {error}", error))

    def _jump(self, sought: int, deliver: Callable[[News], None]) -> None:
        self._observer = Observer()
        deliver(Restart())
        for index in range(max(sought - LOOK_BACK_SAMPLES, 0), sought):
            if self._stopped or self._sought != sought:
                break
            self._show(index, deliver, paint=False)
        with self._place:
            self._next = sought + 1
            if self._sought == sought:
                self._sought = None
        self._show(sought, deliver, paint=True)

    def _play(self, deliver: Callable[[News], None]) -> None:
        """Samples until the next paint, and the wait for it."""
        began_s, index = time.monotonic(), self._next
        passed_s = 0.0
        while True:
            wait_s = self._gap_after(index) / self._speed
            passed_s += wait_s
            last = passed_s >= PAINT_SECONDS or index + 1 >= len(self._reader)
            self._show(index, deliver, paint=last)
            index += 1
            if last or self._wake.is_set():
                break
        self._wake.wait(max(passed_s - (time.monotonic() - began_s), 0.0))

    def _gap_after(self, index: int) -> float:
        if index + 1 >= len(self._reader):
            return 0.0
        try:
            with self._lock:
                gap_s = self._reader.time_of(index + 1) - self._reader.time_of(index)
        except Malformed:
            return 0.0
        return min(max(gap_s, 0.0), MAX_WAIT_SECONDS)

    def _show(self, index: int, deliver: Callable[[News], None], *, paint: bool) -> None:
        self._next = index + 1
        try:
            with self._lock:
                sample, facts = self._reader[index], self._facts(index)
        except Malformed as why:
            self._bad += 1
            deliver(Trouble(printable(str(why))))
            return
        self._observer.facts = facts
        deliver(Moment(self._observer.observe(sample), facts, paint))

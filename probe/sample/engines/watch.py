"""`EngineWatch`: asks each server's endpoint in a thread of its own, so that none holds up the rest.

A thread asks once for each call of `follow`, a little before the next one is due, so that what is picked up then is
fresh and there is one moment a tick. While a server does not answer, it is asked ever more rarely.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ...loopback import Connection, Get
from ...reading import Unreadable
from ..engine import EngineMoment
from .made import failed
from .progress import with_progress
from .read import read_engine

MAX_TARGETS = 32
MAX_PAUSE_S = 30.0
MARGIN_S = 0.05
_ANSWERS = ("ready", "no metrics", "loading", "sleeping")


class Target(NamedTuple):
    """A server to ask."""

    pid: int
    engine: str
    port: int
    shared_context: bool | None = None
    """llama-server: whether its slots share one context (`llama_cpp.shares_context`); None: not known."""


_NOT_NOW: Mapping[str, Any] = {
    "running": None,
    "waiting": None,
    "kv_share": None,
    "kv_tokens": None,
    "slots": (),
    "rate_tokens_per_s": None,
}
"""Of a moment that has passed: what is no counter."""

Read = Callable[[Get, Target, EngineMoment | None], EngineMoment]


class EngineWatch:
    """The servers' moments as they come in. Nothing here waits for a server."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._followed_s: float | None = None
        self._watched: dict[int, _Watched] = {}

    def follow(self, targets: Iterable[Target]) -> None:
        """Watch these and no others, and ask each once more. To be called each tick."""
        now = time.monotonic()
        if self._followed_s is not None:
            self._interval_s = max(now - self._followed_s, 0.01)
        self._followed_s = now
        wanted = {target.pid: target for target in list(targets)[:MAX_TARGETS]}
        for pid, watched in list(self._watched.items()):
            if wanted.get(pid) != watched.target:
                watched.stop()
                del self._watched[pid]
        for pid, target in wanted.items():
            if pid not in self._watched:
                self._watched[pid] = _Watched(target)
            self._watched[pid].ask(now + self._interval_s)

    def hurry(self, since_s: float) -> bool:
        """Ask those at once that have told nothing since then; False when there are none."""
        late = [watched for watched in self._watched.values() if not watched.has_told_since(since_s)]
        for watched in late:
            watched.hurry()
        return bool(late)

    def moments(self) -> dict[int, EngineMoment]:
        """The latest of each server that has been asked."""
        return {pid: watched.moment for pid, watched in self._watched.items() if watched.moment is not None}

    def stop(self) -> None:
        """Let the threads end; one that waits for a server ends within its deadline, and nobody waits for it."""
        for watched in self._watched.values():
            watched.stop()
        self._watched.clear()


class _Watched:
    """One server and its thread."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.moment: EngineMoment | None = None
        self._due_s = 0.0
        self._told_s = -1.0
        """When it was asked what it answered last."""
        self._asked = threading.Event()
        self._hurried = threading.Event()
        """Ends a wait."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"engine {target.pid}", daemon=True)
        self._thread.start()

    def ask(self, next_s: float) -> None:
        """Ask so that the answer is there at `next_s`, when it is looked at again."""
        self._due_s = next_s
        self._asked.set()

    def hurry(self) -> None:
        """Ask without waiting for the time at which it is due."""
        self._hurried.set()
        self._asked.set()

    def has_told_since(self, clock_s: float) -> bool:
        """Whether an answer, or why there is none, is of then or later; one that was too busy may still answer."""
        return self._told_s >= clock_s and self.moment is not None and self.moment.state != "timed out"

    def stop(self) -> None:
        self._stopped.set()
        self.hurry()

    def _run(self) -> None:
        connection = Connection(self.target.port)
        pause_s, took_s = 0.0, 0.0
        try:
            while True:
                self._asked.wait()
                self._asked.clear()
                if self.moment is not None:
                    early = self._due_s - MARGIN_S - 2 * took_s
                    self._hurried.wait(max(early - time.monotonic(), pause_s, 0.0))
                self._hurried.clear()
                if self._stopped.is_set():
                    return
                begin = time.monotonic()
                found = ask(connection.get, self.target, self.moment)
                took_s = time.monotonic() - begin
                pause_s = 0.0 if found.state in _ANSWERS else min(max(2 * pause_s, 1.0), MAX_PAUSE_S)
                self.moment = found
                self._told_s = begin
        finally:
            connection.close()


def ask(get: Get, target: Target, before: EngineMoment | None) -> EngineMoment:
    """What a server tells now. One that is too busy to answer keeps its counters, of the time they were told."""
    try:
        found = read_engine(get, target.engine, before, target.shared_context)
    except Unreadable as why:
        found = failed(why)
    except Exception as error:  # Whatever a server answers must not end the watch: it would show old numbers for ever.
        found = failed(Unreadable("malformed", f"{type(error).__name__}: {error}"[:200]))
    if found.state == "timed out" and before is not None and before.state not in ("unreachable", "bad answer"):
        kept = before.model_copy(update={"state": found.state, "detail": found.detail})
        # Nobody knows what one does that says nothing at all: what it did then is not what it does.
        return kept.model_copy(update=_NOT_NOW) if kept.hangs else kept
    return with_progress(before, found)

"""No screen: sentences when something changed, for screen readers, logs and terminals that cannot do more."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..advisors.bottleneck.observer import Observation
from ..probe.sample.sample import Sample, ServerMoment
from ..reports.escape import printable

HOLD_S = 3.0
"""What has changed must stay so this long before it is told. Verdicts are steady already."""
SPEED_HOLD_S = 5.0
"""The same of a speed, which is told as the mean of this time: tokens come in lumps."""
SPEED_PAUSE_S = 10.0
"""At least between two sentences on a server's speed alone."""
SPEED_SHARE = 0.25
"""Speeds that differ by less are the same."""
NOT_ASKED = "not asked yet"
GONE = "gone"


class Plain:
    """Remembers what was told."""

    def __init__(self) -> None:
        self._verdict: tuple[str, str | None] | None = None
        self._states: dict[str, _State] = {}
        self._speeds: dict[str, _Speed] = {}

    def tell(self, seen: Observation) -> Iterator[str]:
        """What has changed enough to be worth a sentence; nothing where nothing has."""
        sentences = [*self._tell_verdict(seen), *self._tell_servers(seen), *self._tell_gpus(seen.sample)]
        sentences += self._tell_gone(seen.sample)
        if sentences:
            # A record may hold any text in any field.
            told_at = time.strftime("%H:%M:%S", time.localtime(seen.sample.time_s))
            yield printable(f"{told_at}. {' '.join(sentences)}")

    def _tell_verdict(self, seen: Observation) -> Iterator[str]:
        verdict = seen.verdict
        if verdict is None or self._verdict == (verdict.kind, verdict.subject):
            return
        self._verdict = (verdict.kind, verdict.subject)
        yield f"{_sentence(verdict.what)} Confidence {verdict.confidence}."
        if verdict.helps:
            yield _sentence(f"What would help: {verdict.helps}")
        if seen.others:
            yield _sentence(f"Also: {'; '.join(one.what.rstrip('.') for one in seen.others)}")

    def _tell_servers(self, seen: Observation) -> Iterator[str]:
        now_s = seen.sample.clock_s
        for server in seen.sample.servers:
            name = f"Server {server.pid}"
            done = seen.activity.servers.get(server.pid) if seen.activity is not None else None
            rate = done.engine.decode_tokens_per_s if done is not None and done.engine is not None else None
            speed = self._speeds.setdefault(name, _Speed())
            speed.add(rate, now_s, seen.activity.seconds if seen.activity is not None else 0.0)
            state = server.endpoint.state if server.endpoint is not None else NOT_ASKED
            if self._has_changed(name, state, now_s) or (state == self._states[name].told and speed.is_news(now_s)):
                speed.tell(now_s)
                what = f"{server.engine} with {server.model or 'an unknown model'}"
                yield f"{name}, {what}: {state}{_words(speed, server)}."

    def _tell_gpus(self, sample: Sample) -> Iterator[str]:
        for gpu in sample.gpus:
            name = f"GPU {gpu.key}"
            slow = ", ".join(gpu.throttle_harmful or ())
            what = gpu.trouble if gpu.trouble else f"slowed by {slow}" if slow else "asleep" if gpu.asleep else "fine"
            if self._has_changed(name, what, sample.clock_s):
                yield f"{name}: {_sentence(what)}"

    def _tell_gone(self, sample: Sample) -> Iterator[str]:
        here = {f"Server {server.pid}" for server in sample.servers} | {f"GPU {gpu.key}" for gpu in sample.gpus}
        for name in [name for name in self._states if name not in here]:
            if self._has_changed(name, GONE, sample.clock_s):
                yield f"{name} has gone."
            if self._states[name].told in (GONE, None) and self._states[name].now == GONE:
                del self._states[name]
                self._speeds.pop(name, None)

    def _has_changed(self, name: str, now: str, clock_s: float) -> bool:
        """Whether it is to be told: what is new at once, what has changed when it has stayed so."""
        state = self._states.setdefault(name, _State(None, now, clock_s))
        if state.now != now or clock_s < state.since_s:
            state.now, state.since_s = now, clock_s
        if state.told is None:
            due = now not in (NOT_ASKED, GONE) or (now == NOT_ASKED and clock_s - state.since_s >= HOLD_S)
        else:
            due = now != state.told and clock_s - state.since_s >= HOLD_S
        if due:
            state.told = now
        return due


@dataclass(slots=True)
class _State:
    """Of a server or a GPU."""

    told: str | None
    now: str
    since_s: float


@dataclass(slots=True)
class _Speed:
    """Of a server's answers."""

    recent: "deque[tuple[float, float, float]]" = field(default_factory=deque)
    """Clock, seconds and tokens/s of the last intervals."""
    told: float | None = None
    told_s: float = 0.0
    differs_since_s: float | None = None

    def add(self, rate: float | None, now_s: float, seconds: float) -> None:
        """What was measured in the last `seconds`."""
        if self.recent and now_s < self.recent[-1][0]:
            self.recent.clear()
            self.differs_since_s = None
            self.told_s = now_s
        if rate is None:
            return
        self.recent.append((now_s, seconds, rate))
        while len(self.recent) > 1 and now_s - self.recent[0][0] >= SPEED_HOLD_S:
            self.recent.popleft()
        mean, told = self.mean(), self.told
        if mean is None or (told is not None and abs(mean - told) <= SPEED_SHARE * told):
            self.differs_since_s = None
        elif self.differs_since_s is None:
            self.differs_since_s = now_s - seconds

    def mean(self) -> float | None:
        """Of the last seconds."""
        seconds = sum(one[1] for one in self.recent)
        return sum(one[1] * one[2] for one in self.recent) / seconds if seconds > 0 else None

    def is_news(self, now_s: float) -> bool:
        """Whether it differs for long enough from what was told."""
        since_s = self.differs_since_s
        return since_s is not None and now_s - since_s >= SPEED_HOLD_S and now_s - self.told_s >= SPEED_PAUSE_S

    def tell(self, now_s: float) -> None:
        """It is told now."""
        self.told, self.told_s, self.differs_since_s = self.mean(), now_s, None


def _words(speed: _Speed, server: ServerMoment) -> str:
    if speed.told is None:
        return ""
    if speed.told == 0:
        busy = server.endpoint is not None and server.endpoint.running
        return ", nothing answered for the moment" if busy else ", idle"
    return f", {speed.told:.{0 if speed.told >= 10 else 1 if speed.told >= 1 else 2}f} tokens per second"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."

"""No screen: sentences when something changed, for screen readers, logs and terminals that cannot do more."""

import time
from collections.abc import Iterator

from ..advisors.bottleneck.observer import Observation
from ..probe.sample.sample import Sample
from ..reports.escape import printable


class Plain:
    """Remembers what was told."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def tell(self, seen: Observation) -> Iterator[str]:
        """What has changed enough to be worth a sentence; nothing where nothing has."""
        sentences = [text for key, told, text in _facts_of(seen) if self._told.get(key) != told]
        now = {key: told for key, told, _ in _facts_of(seen)}
        sentences += [f"{key} has gone." for key in self._told if key not in now and key.startswith(("Server", "GPU"))]
        self._told = now
        if sentences:
            # A record may hold any text in any field.
            told_at = time.strftime("%H:%M:%S", time.localtime(seen.sample.time_s))
            yield printable(f"{told_at}. {' '.join(sentences)}")


def _facts_of(seen: Observation) -> Iterator[tuple[str, str, str]]:
    """Name, what is compared, and a sentence."""
    verdict = seen.verdict
    if verdict is not None:
        helps = f" What would help: {verdict.helps}" if verdict.helps else ""
        also = f" Also: {'; '.join(one.what for one in seen.others)}." if seen.others else ""
        compared = " ".join(f"{one.kind}/{one.subject}" for one in (verdict, *seen.others))
        yield "Verdict", compared, f"{_sentence(verdict.what)} Confidence {verdict.confidence}.{helps}{also}"
    yield from _servers(seen)
    yield from _gpus(seen.sample)


def _servers(seen: Observation) -> Iterator[tuple[str, str, str]]:
    for server in seen.sample.servers:
        name = f"Server {server.pid}"
        done = seen.activity.servers.get(server.pid) if seen.activity is not None else None
        rate = done.engine.decode_tokens_per_s if done is not None and done.engine is not None else None
        state = server.endpoint.state if server.endpoint is not None else "not asked yet"
        model = server.model or "an unknown model"
        speed = "" if rate is None else f", {rate:.0f} tokens per second" if rate >= 0.5 else ", idle"
        yield name, f"{state} {_step(rate)}", f"{name}, {server.engine} with {model}: {state}{speed}."


def _gpus(sample: Sample) -> Iterator[tuple[str, str, str]]:
    for gpu in sample.gpus:
        name = f"GPU {gpu.key}"
        harmful = ", ".join(gpu.throttle_harmful or ())
        what = gpu.trouble if gpu.trouble else f"slowed by {harmful}" if harmful else "asleep" if gpu.asleep else "fine"
        yield name, what, f"{name}: {what}."


def _step(rate: float | None) -> str:
    """Speeds that differ by less than a third are the same."""
    if rate is None:
        return ""
    step, bound = 0, 0.5
    while rate >= bound:
        step, bound = step + 1, bound * 1.5
    return str(step)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."

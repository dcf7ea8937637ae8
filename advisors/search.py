"""Where to put what: the best placement for given settings, and the settings for a goal.

llama.cpp's own `--fit` shrinks the context first and knows neither other processes' memory nor the host's limits; here
a context is a promise, and what is traded for it is told.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .candidates import Candidate, Evaluator
from .layout import Layout, best_layout
from .resources import Gpu, Resources
from .settings import CacheType, Settings, padded

_ROUNDS = 4


class Outcome(NamedTuple):
    """What a search found."""

    best: Candidate | None
    """None: nothing fits."""
    others: tuple[Candidate, ...]
    """Further ways that were looked at, best first."""
    closest: Candidate | None
    """Where nothing fits: what comes nearest."""


def search(evaluator: Evaluator) -> Outcome:
    """The best candidate for the request, over cache types, devices and batch sizes."""
    floor = evaluator.request.floor(evaluator.model.shape.context_trained)
    found: list[Candidate] = []
    closest: list[Candidate] = []
    for gpus in device_sets(evaluator.resources, evaluator.request.gpus):
        for cache in cache_types(evaluator):
            candidate = place(evaluator, gpus, evaluator.settings(floor, cache, gpus))
            if candidate is None:
                continue
            (found if candidate.fits else closest).append(candidate)
        if any(candidate.everything_on(gpus) for candidate in found):
            break  # more devices would only add hand-overs
    usable = [candidate for candidate in found if candidate.acceptable(evaluator.request)]
    ranked = sorted(usable or found, key=lambda candidate: candidate.score(evaluator.request), reverse=True)
    if not ranked:
        closest.sort(key=lambda candidate: candidate.shortfall_bytes)
        return Outcome(None, (), closest[0] if closest else None)
    improved = [improve(evaluator, candidate, floor) for candidate in ranked[:2]]
    improved.sort(key=lambda candidate: candidate.score(evaluator.request), reverse=True)
    elsewhere = [candidate for candidate in ranked if candidate.layout.gpus != improved[0].layout.gpus]
    return Outcome(improved[0], (*improved[1:], *elsewhere), None)


def device_sets(resources: Resources, allowed: bool) -> list[tuple[Gpu, ...]]:
    """The GPUs to try: the fastest alone, with the next, ... and none. Shared-memory GPUs only where no other is."""
    gpus = [gpu for gpu in resources.gpus if gpu.free_bytes] if allowed else []
    gpus = [gpu for gpu in gpus if not gpu.unified] or gpus
    gpus.sort(key=lambda gpu: -(gpu.bandwidth_bytes.per_s if gpu.bandwidth_bytes else 0.0))
    return [*(tuple(gpus[: count + 1]) for count in range(len(gpus))), ()]


def cache_types(evaluator: Evaluator) -> Sequence[CacheType]:
    """Types of the key/value cache worth trying, best quality first."""
    request, shape = evaluator.request, evaluator.model.shape
    if not any(layer.has_kv for layer in shape.layers):
        return ("f16",)
    if request.cache_types:
        return request.cache_types
    if request.goal == "quality" or shape.key_length % 32 or shape.value_length % 32:
        return ("f16",)
    return ("f16", "q8_0", "q4_0") if request.goal == "context" else ("f16", "q8_0")


def place(evaluator: Evaluator, gpus: tuple[Gpu, ...], settings: Settings) -> Candidate | None:
    """The placement with the most on the GPUs. Compute buffers depend on the placement, so it takes a few rounds."""
    if not gpus:
        return evaluator.evaluate(Layout((), 0, (), 0), settings)
    compute: dict[str, int] = {}
    candidate: Candidate | None = None
    for _ in range(_ROUNDS):
        layout = best_layout(evaluator.model, settings, gpus, evaluator.request, compute)
        if layout is None:
            return None
        candidate = evaluator.evaluate(layout, settings)
        if candidate.devices_fit:
            return candidate
        for device in candidate.memory.devices:
            compute[device.name] = max(compute.get(device.name, 0), device.compute_bytes + device.margin_bytes)
    return candidate


def improve(evaluator: Evaluator, candidate: Candidate, floor: int) -> Candidate:
    """More context, as far as it costs no speed (or the goal is context); then a larger batch where it helps."""
    request = evaluator.request
    target = request.target(evaluator.model.shape.context_trained)
    best = candidate
    if target > floor:
        low, high = floor, target
        trial = _with_context(evaluator, candidate, target)
        if trial is not None:
            best = trial
        else:
            while high - low > max(1024, low // 8):
                middle = padded((low + high) // 2, 1024)
                if middle >= high:
                    break
                trial = _with_context(evaluator, candidate, middle)
                if trial is None:
                    high = middle
                else:
                    best, low = trial, middle
    for ubatch in (2048, 1024):
        if best.settings.context >= ubatch and best.gains_from_large_batches:
            trial = evaluator.evaluate(best.layout, best.settings.model_copy(update={"ubatch": ubatch, "batch": 2048}))
            if trial.fits and trial.prefill > 1.05 * best.prefill:
                return trial
    return best


def _with_context(evaluator: Evaluator, candidate: Candidate, context: int) -> Candidate | None:
    settings = evaluator.settings(context, candidate.settings.type_k, candidate.layout.gpus)
    trial = evaluator.evaluate(candidate.layout, settings)
    if trial.fits and trial.acceptable(evaluator.request):
        return trial
    if evaluator.request.goal != "context" or not candidate.layout.gpus:
        return None
    moved = place(evaluator, candidate.layout.gpus, settings)
    if moved is None or not moved.fits or not moved.acceptable(evaluator.request):
        return None
    # Half the speed for more context is a trade that must be asked for.
    asked = evaluator.request.min_tokens_per_s is not None
    return moved if asked or moved.decode >= 0.5 * candidate.decode else None

"""Where to put what: the best placement for given settings, and the settings for a goal.

llama.cpp's own `--fit` shrinks the context first and knows neither other processes' memory nor the host's limits; here
a context is a promise, and what is traded for it is told.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .candidates import Candidate, Evaluator
from .layout import Layout, best_layout
from .memory.table import shortfall_bytes
from .resources import Gpu, Resources
from .settings import CacheType, Settings, padded

_ROUNDS = 4
_LARGE_BATCH = 2048
"""Tokens; host weights cross the bus once a batch, so prompts pass faster in larger ones. It takes GPU memory."""
_STEP = 1024
"""Contexts are told in steps of so many tokens."""


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
    goal, floor = evaluator.request.goal, evaluator.request.floor(evaluator.model.shape.context_trained)
    found: list[Candidate] = []
    closest: list[Candidate] = []
    for gpus in device_sets(evaluator.resources, evaluator.request.gpus):
        for cache in cache_types(evaluator):
            candidate = place(evaluator, gpus, evaluator.settings(floor, cache, gpus))
            if candidate is None:
                continue
            if not gpus and candidate.fits and cache != "f16" and any(other.layout.gpus == () for other in found):
                break  # a CPU reads a quantized cache no faster, and prompts up to three times slower (measured)
            (found if candidate.fits else closest).append(candidate)
            if candidate.gains_from_large_batches and not evaluator.quick:
                larger = place(evaluator, gpus, evaluator.settings(floor, cache, gpus, _LARGE_BATCH))
                if larger is not None and larger.fits:
                    found.append(larger)
        if goal != "context" and any(candidate.everything_on(gpus) for candidate in found):
            break  # more devices would only add hand-overs
    usable = [candidate for candidate in found if candidate.acceptable(evaluator.request)]
    ranked = sorted(usable, key=lambda candidate: candidate.score(evaluator.request), reverse=True)
    ranked = ranked or sorted(found, key=lambda candidate: candidate.decode, reverse=True)
    if not ranked:
        closest.sort(key=lambda candidate: candidate.shortfall_bytes)
        return Outcome(None, (), closest[0] if closest else None)
    # Where context is the goal every cache type may win in the end; else the order at the floor stands.
    improved = [improve(evaluator, candidate, floor) for candidate in ranked[: 3 if goal == "context" else 1]]
    improved.sort(key=lambda candidate: candidate.score(evaluator.request), reverse=True)
    elsewhere = [candidate for candidate in ranked[1:] if candidate.layout.gpus != improved[0].layout.gpus]
    others = improved[1:] if goal == "context" else ranked[1:2]
    return Outcome(improved[0], (*others, *elsewhere), None)


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
    usual = evaluator.quick and request.goal != "context"
    if usual or request.goal == "quality" or shape.key_length % 32 or shape.value_length % 32:
        return ("f16",)
    return ("f16", "q8_0", "q4_0") if request.goal == "context" else ("f16", "q8_0")


def place(evaluator: Evaluator, gpus: tuple[Gpu, ...], settings: Settings) -> Candidate | None:
    """The placement with the most on the GPUs. Compute buffers depend on the placement, so it takes a few rounds."""
    if not gpus:
        return evaluator.evaluate(Layout((), 0, (), 0), settings)
    # What the same GPUs needed for the cache type before is near what they need now.
    compute = evaluator.compute_bytes.setdefault((gpus, settings.ubatch), {})
    candidate: Candidate | None = None
    for _ in range(_ROUNDS):
        layout = best_layout(evaluator.model, settings, gpus, compute)
        if layout is None:
            return None
        guessed = bool(compute)
        candidate = evaluator.evaluate(layout, settings)
        needed = {device.name: device.compute_bytes + device.margin_bytes for device in candidate.memory.devices}
        if not candidate.devices_fit:
            for name, size in needed.items():
                compute[name] = max(compute.get(name, 0), size)
            continue
        if guessed and best_layout(evaluator.model, settings, gpus, needed) != layout:
            compute.clear()  # the guess was too large: begin without one
            continue
        return candidate
    return candidate


def improve(evaluator: Evaluator, candidate: Candidate, floor: int) -> Candidate:
    """More context, as far as it costs no speed, or the goal is context."""
    request = evaluator.request
    target = request.target(evaluator.model.shape.context_trained)
    best = _roomier(evaluator, candidate, floor, target) if target > floor else candidate
    if request.goal == "context" and candidate.layout.gpus:
        best = _moved_for_context(evaluator, candidate, best, target)
    return best


def _roomier(evaluator: Evaluator, candidate: Candidate, floor: int, target: int) -> Candidate:
    """The same placement with as much context as fits. Memory grows evenly with it, so two points tell the rest."""
    gpus = candidate.layout.gpus

    def with_context(context: int) -> Settings:
        return evaluator.settings(context, candidate.settings.type_k, gpus, candidate.settings.ubatch)

    full = evaluator.evaluate(candidate.layout, with_context(target))
    if full.fits and full.acceptable(evaluator.request):
        return full
    context = _largest(candidate, full, floor, target)
    while context > floor:
        trial = evaluator.evaluate(candidate.layout, with_context(context))
        if trial.fits and trial.acceptable(evaluator.request):
            return trial
        context -= max(_STEP, (context - floor) // 4 // _STEP * _STEP)
    return candidate


def _largest(small: Candidate, large: Candidate, floor: int, target: int) -> int:
    """The context at which the first place would be full, between two that were looked at."""
    share = 1.0
    for one, other in zip(small.memory.places, large.memory.places, strict=True):
        before, after = shortfall_bytes(one), shortfall_bytes(other)
        if before is not None and after is not None and after > 0 and after > before:
            share = min(share, -before / (after - before))
    return int(floor + max(share, 0.0) * (target - floor)) // _STEP * _STEP


def _moved_for_context(evaluator: Evaluator, before: Candidate, best: Candidate, target: int) -> Candidate:
    """More context by moving layers or experts off the GPUs, while half the speed remains or as much as was asked."""
    asked = evaluator.request.min_tokens_per_s is not None
    for share in (1.0, 0.75, 0.5, 0.375, 0.25):
        context = padded(int(target * share), _STEP)
        if context * best.settings.slots <= best.settings.context:
            break
        gpus = before.layout.gpus
        settings = evaluator.settings(context, before.settings.type_k, gpus, before.settings.ubatch)
        moved = place(evaluator, gpus, settings)
        if moved is None or not moved.fits or not moved.acceptable(evaluator.request):
            continue
        # Half the speed for more context is a trade that must be asked for.
        if asked or moved.decode >= 0.5 * before.decode:
            return moved
    return best

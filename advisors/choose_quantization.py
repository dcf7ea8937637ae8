"""Of several quantizations of one model the one to run: quality per byte, as long as it stays where it is fast."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..probe.model.types import Model
from ..probe.snapshot import Snapshot
from .candidates import COMFORTABLE, Candidate, Evaluator
from .quantization import LEAST_FOR_SPEED, QUALITIES, divergence
from .request import Request
from .resources import Resources
from .search import search


class Choice(NamedTuple):
    """What was chosen."""

    model: Model
    candidate: Candidate | None
    """None: nothing fits, and this is the smallest."""
    why: str


def choose_quantization(
    models: Sequence[Model], snapshot: Snapshot | None, resources: Resources, request: Request, *, quick: bool = False
) -> Choice:
    """The best that lies on the GPUs as a whole; else the best that is comfortable; else the fastest still good."""
    ranked = sorted(models, key=lambda model: (divergence(model), -model.weights_bytes))
    count = f"{len(models)} quantizations at hand"
    on_gpus = sum(gpu.free_bytes or 0 for gpu in resources.gpus)
    seen: dict[str, Candidate | None] = {}

    def found(model: Model) -> Candidate | None:
        key = f"{model.path}\0{model.quantization}"
        if key not in seen:
            best = search(Evaluator(model, snapshot, resources, request, quick=quick)).best
            seen[key] = best if best is not None and best.acceptable(request) else None
        return seen[key]

    if request.goal != "quality":
        for model in ranked:
            best = found(model) if is_good(model) and model.weights_bytes < on_gpus else None
            if best is not None and best.everything_on(best.layout.gpus):
                return Choice(model, best, f"{model.quantization} is the best of {count} that the GPUs hold as a whole")
    kept: Choice | None = None
    enough = request.min_tokens_per_s or COMFORTABLE
    for place, model in enumerate(ranked):
        coarser = ranked[place + 1 : place + 2]
        if request.goal != "quality" and coarser and is_good(coarser[0]) and _most_decode(model, resources) < enough:
            continue
        best = found(model)
        if best is None:
            continue
        if request.goal == "quality" or best.decode >= enough:
            return Choice(model, best, f"{model.quantization} is the best of {count} that fits and is fast enough")
        if kept is not None and not is_good(model):
            break  # coarser ones would only be faster, and no longer good
        why = f"of {count} none is fast here; {model.quantization} is the fastest that is still good"
        kept = Choice(model, best, why)
    return kept or Choice(ranked[-1], None, f"none of the {count} fits; this is the smallest")


def is_good(model: Model) -> bool:
    """Whether it may be chosen for its speed."""
    return divergence(model) <= QUALITIES[LEAST_FOR_SPEED].divergence


def _most_decode(model: Model, resources: Resources) -> float:
    """A bound on the decode speed: what does not fit the GPUs is read from host memory, if nothing else cost time."""
    on_gpus = sum(gpu.free_bytes or 0 for gpu in resources.gpus)
    bandwidth = resources.processor.bandwidth_bytes
    read = max(model.weights_bytes - on_gpus, 0) * model.active_parameters / model.parameters
    return bandwidth.per_s / read if bandwidth and read else math.inf

"""From a model, a machine and a request to the plan."""

from typing import NamedTuple

from ..probe.engine_help import EngineOptions
from ..probe.model.types import Model
from ..probe.snapshot import Snapshot
from .backends import llama_cpp
from .backends.base import Backend, CannotRun
from .candidates import Candidate, Evaluator
from .describe import describe_machine, summarize
from .from_disk import from_disk
from .given_up import alternatives, given_up, ways_out
from .plan import Plan
from .request import Request
from .resources import Resources
from .search import search


class NoPlan(NamedTuple):
    """Nothing fits: what was tried, and the ways out."""

    closest: Candidate | None
    ways_out: tuple[str, ...]
    unsupported: bool = False
    """Whether it is not the memory, but the engine that does not take this model."""


def make_plan(
    model: Model,
    snapshot: Snapshot | None,
    resources: Resources,
    request: Request,
    options: EngineOptions | None,
    backend: Backend = llama_cpp,
) -> Plan | NoPlan:
    """The plan that serves the request best, or why there is none."""
    why = backend.why_not(model, resources)
    if why is not None:
        return NoPlan(None, (why,), unsupported=True)
    evaluator = Evaluator(model, snapshot, resources, request)
    outcome = search(evaluator)
    if outcome.best is None and request.allow_disk and outcome.closest is not None:
        outcome = outcome._replace(best=from_disk(evaluator, outcome.closest))
    if outcome.best is None:
        return NoPlan(outcome.closest, ways_out(evaluator, outcome))
    best = outcome.best
    try:
        launch = backend.launch(model, best, request, options, resources)
    except CannotRun as why_not:
        return NoPlan(best, (str(why_not),), unsupported=True)
    return Plan(
        machine=describe_machine(resources),
        goal=request.goal,
        backend=backend.NAME,
        model=summarize(model),
        placement=best.placement,
        run=best.settings,
        threads=best.threads,
        memory=best.memory,
        speed=best.speed,
        launch=launch,
        given_up=given_up(best, model, request),
        alternatives=alternatives(outcome),
    )

"""From a model, a machine and a request to the plan."""

from typing import NamedTuple

from ..probe.engine_help import EngineOptions
from ..probe.model.types import Model
from ..probe.snapshot import Snapshot
from .backends import llama_cpp
from .backends.base import Backend, CannotRun
from .candidates import Candidate, Evaluator
from .given_up import alternatives, given_up, ways_out
from .layout import Layout
from .plan import ModelSummary, Plan
from .request import Request
from .resources import Resources
from .search import Outcome, search
from .system import system_settings


class NoPlan(NamedTuple):
    """Nothing fits: what was tried, and the ways out."""

    closest: Candidate | None
    ways_out: tuple[str, ...]


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
        return NoPlan(None, (why,))
    evaluator = Evaluator(model, snapshot, resources, request)
    outcome = search(evaluator)
    if outcome.best is None and request.allow_disk and outcome.closest is not None:
        outcome = Outcome(from_disk(evaluator, outcome.closest), (), None)
    if outcome.best is None:
        return NoPlan(outcome.closest, ways_out(evaluator, outcome))
    best = outcome.best
    try:
        launch = backend.launch(model, best, request, options, resources)
    except CannotRun as why_not:
        return NoPlan(best, (str(why_not),))
    return Plan(
        machine=describe_machine(resources),
        goal=request.goal,
        backend=backend.NAME,
        model=summarize(model),
        placement=best.placement,
        settings=best.settings,
        threads=best.threads,
        memory=best.memory,
        speed=best.speed,
        launch=launch,
        system=system_settings(snapshot),
        given_up=given_up(best, model, request),
        alternatives=alternatives(outcome),
    )


def from_disk(evaluator: Evaluator, closest: Candidate) -> Candidate:
    """The same with weights that the kernel may drop and read again: mapped, without copies that are repacked."""
    layout = closest.layout if closest.devices_fit else Layout((), 0, (), 0)
    return evaluator.evaluate(layout, closest.settings.model_copy(update={"repack": False, "mapped": True}))


def describe_machine(resources: Resources) -> str:
    """What the plan is for, in a line."""
    gib = 1 << 30
    parts = []
    for gpu in resources.gpus:
        free = f", {gpu.free_bytes / gib:.1f} GiB free" if gpu.free_bytes is not None else ""
        parts.append(f"{gpu.title} ({gpu.name}{free})")
    cpu = resources.processor
    cores = f"{cpu.cores} cores" if cpu.cores != 1 else "1 core"
    parts.append(cores if cpu.cpus >= cpu.cores else f"{cpu.cpus:g} CPUs' worth of {cores}")
    if resources.host_free_bytes is not None:
        parts.append(f"{resources.host_free_bytes / gib:.1f} GiB of host memory free")
    title = "" if resources.title == "this machine" else f"{resources.title}: "
    return title + ", ".join(parts)


def summarize(model: Model) -> ModelSummary:
    """The model's line in a plan."""
    return ModelSummary(
        name=model.name,
        path=model.path,
        architecture=model.shape.architecture,
        quantization=model.quantization,
        parameters=model.parameters,
        active_parameters=model.active_parameters,
        weights_bytes=model.weights_bytes,
        context_trained=model.shape.context_trained,
    )

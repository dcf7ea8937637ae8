"""How plans name the machine and the model."""

from ..probe.model.types import Model
from .plan import ModelSummary
from .resources import Resources


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

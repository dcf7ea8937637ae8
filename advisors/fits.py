"""Which models run how well on a machine: a row a model, in the best quantization that stays where it is fast."""

from collections.abc import Iterable, Sequence
from typing import Literal

from ..probe.model.types import Model
from ..probe.reading import Reading
from ..probe.snapshot import Snapshot
from .candidates import Candidate
from .choose_quantization import choose_quantization
from .given_up import describe
from .request import Request
from .resources import Resources
from .speed.catalogue import KnownModel, shape_model

QUANTIZATIONS = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "Q2_K")
"""Tried for models of the catalogue, best first. Below, a smaller model is the better choice."""
Order = Literal["size", "speed", "context", "quality"]


class Row(Reading):
    """One model on one machine."""

    name: str
    on_disk: bool
    """Else from the catalogue."""
    path: str
    parameters: int
    active_parameters: int
    quantization: str
    weights_bytes: int
    fits: bool
    where: str
    context: int | None
    decode_tokens_per_s: float | None
    prefill_tokens_per_s: float | None
    device_bytes: int
    host_bytes: int


def rows(
    models: Iterable[Model],
    known: Iterable[KnownModel],
    snapshot: Snapshot | None,
    resources: Resources,
    request: Request,
    order: Order,
) -> tuple[Row, ...]:
    """All of them, sorted; what does not fit comes last, smallest first."""
    found = [_row([model], True, snapshot, resources, request) for model in models]
    for entry in known:
        models = [shape_model(entry, name) for name in _worth_trying(entry, resources)]
        found += [_row(models, False, snapshot, resources, request)]
    return tuple(sorted(found, key=lambda row: (not row.fits, _rank(row, order) if row.fits else row.parameters)))


def _rank(row: Row, order: Order) -> float:
    if order == "speed":
        return -(row.decode_tokens_per_s or 0.0)
    if order == "context":
        return -(row.context or 0)
    return -row.active_parameters if order == "quality" else -row.parameters


def _worth_trying(entry: KnownModel, resources: Resources) -> tuple[str, ...]:
    """The quantizations whose weights could lie in all memories together; the coarsest where none could."""
    if entry.architecture == "gpt-oss":
        return ("MXFP4",)  # it was trained in it; nothing is gained by another
    memory = sum(gpu.free_bytes or 0 for gpu in resources.gpus if not gpu.unified) + (resources.host_free_bytes or 0)
    bits = 8 * memory / (entry.parameters * 1e9)
    rough = {"Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q4_K_M": 4.85, "IQ4_XS": 4.3, "Q3_K_M": 3.9, "Q2_K": 3.0}
    return tuple(name for name in QUANTIZATIONS if rough[name] <= bits) or QUANTIZATIONS[-1:]


def _row(
    models: Sequence[Model], on_disk: bool, snapshot: Snapshot | None, resources: Resources, request: Request
) -> Row:
    chosen = choose_quantization(models, snapshot, resources, request, quick=True)
    return _told(chosen.model, on_disk, chosen.candidate)


def _told(model: Model, on_disk: bool, best: Candidate | None) -> Row:
    return Row(
        name=model.name,
        on_disk=on_disk,
        path=model.path,
        parameters=model.parameters,
        active_parameters=model.active_parameters,
        quantization=model.quantization,
        weights_bytes=model.weights_bytes,
        fits=best is not None,
        where=describe(best) if best else "does not fit",
        context=best.settings.context // best.settings.slots if best else None,
        decode_tokens_per_s=round(best.decode, 2) if best else None,
        prefill_tokens_per_s=round(best.prefill, 1) if best else None,
        device_bytes=sum(device.total_bytes for device in best.memory.devices) if best else 0,
        host_bytes=best.memory.host.total_bytes if best else model.weights_bytes,
    )

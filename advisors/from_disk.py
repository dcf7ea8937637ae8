"""The last way: weights that do not fit are mapped, and the kernel reads them again and again."""

from .candidates import Candidate, Evaluator
from .layout import Layout


def from_disk(evaluator: Evaluator, closest: Candidate) -> Candidate | None:
    """The same with mapped weights and no repacked copies; None where more than weights is too much for memory."""
    layout = closest.layout if closest.devices_fit else Layout((), 0, (), 0)
    found = evaluator.evaluate(layout, closest.settings.model_copy(update={"repack": False, "mapped": True}))
    host = found.memory.host
    stays = host.total_bytes - host.weights_bytes + host.margin_bytes
    if not found.devices_fit or (host.free_bytes is not None and stays > host.free_bytes):
        return None
    return found

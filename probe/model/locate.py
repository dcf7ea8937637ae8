"""From what a person calls a model to the model."""

from ..host import Host
from .fault import BadModel
from .gguf_model import read_gguf
from .types import Model


def open_model(host: Host, reference: str) -> Model:
    """The model that `reference` names: a path, an Ollama name, or a Hugging Face id; raises `BadModel`."""
    stat = host.stat(reference) if reference.startswith("/") else None
    if stat is not None:
        return read_gguf(host, reference)
    raise BadModel(reference, "no such model")

"""Several quantizations of one model in a directory."""

import re

from ..host import Host
from .fault import BadModel
from .gguf_model import read_gguf
from .types import Model

MAX_FILES = 64
_LATER_SHARD = re.compile(r"-(?!00001)[0-9]{5}-of-[0-9]{5}\.gguf$")


def quantizations_in(host: Host, directory: str) -> tuple[Model, ...]:
    """The GGUF models in a directory if they are one model in several quantizations; empty where it is not so.

    Raises `BadModel` where none of several can be read, or where they are different models.
    """
    names = [name for name in host.names(directory) if name.endswith(".gguf") and not _LATER_SHARD.search(name)]
    names = [name for name in names if not name.lower().startswith("mmproj")][:MAX_FILES]
    if len(names) < 2:
        return ()
    models, fault = [], None
    for name in names:
        try:
            models.append(read_gguf(host, f"{directory}/{name}"))
        except BadModel as why:
            fault = why
    if not models:
        raise fault or BadModel(directory, "holds no model")
    first = models[0]
    for model in models[1:]:
        if not same_model(first, model):
            raise BadModel(
                directory, f"holds different models, {first.name} and {model.name} among them; name one file"
            )
    return tuple(models)


def same_model(one: Model, other: Model) -> bool:
    """Whether two files hold the same weights, rounded differently."""
    if one.shape.architecture != other.shape.architecture or len(one.shape.layers) != len(other.shape.layers):
        return False
    return abs(one.parameters - other.parameters) <= 0.05 * one.parameters

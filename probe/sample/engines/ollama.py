"""Ollama: /api/ps tells which models are loaded and how much of each is on a GPU (docs/api.md), not how fast it is.

Each loaded model is served by a runner, a llama-server of its own, which is asked as such where it can be.
"""

from itertools import islice

from ...loopback import Get
from ...reading import Unreadable
from ..engine import EngineMoment, LoadedModel
from .made import failed, integer, moment, parsed, refused, text

MAX_MODELS = 256
TELLS_NO_SPEED = "Ollama does not tell tokens/s"


def read_ollama(get: Get, before: EngineMoment | None = None) -> EngineMoment:
    """What the server tells now."""
    try:
        answer = get("/api/ps")
        if (why := refused(answer)) is not None:
            return why
        if answer.status != 200:
            return moment("no metrics", "no answer at /api/ps")
        models = parse_models(parsed(answer))
        version = before.version if before is not None and before.state == "ready" else _version(get)
    except Unreadable as why:
        return failed(why)
    model = models[0].name if len(models) == 1 else None
    return moment("ready", TELLS_NO_SPEED, models=models, version=version, model=model)


def parse_models(answer: object) -> tuple[LoadedModel, ...]:
    """The loaded models with their bytes in all and on GPUs."""
    listed = answer.get("models") if isinstance(answer, dict) else None
    return tuple(
        LoadedModel(name=name, total_bytes=integer(one.get("size")), gpu_bytes=integer(one.get("size_vram")))
        for one in islice(listed if isinstance(listed, list) else (), MAX_MODELS)
        if isinstance(one, dict) and (name := text(one.get("name")) or text(one.get("model")))
    )


def _version(get: Get) -> str | None:
    answer = get("/api/version")
    fields = parsed(answer) if answer.status == 200 else None
    return text(fields.get("version")) if isinstance(fields, dict) else None

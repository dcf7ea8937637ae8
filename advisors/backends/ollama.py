"""Ollama: a Modelfile for the model, variables for the server, and the steps. Facts from its source of August 2026.

Ollama starts a llama-server of its own for each model and hands it `num_ctx` times the parallel requests; layers it
places by itself unless `num_gpu` says how many. It has no words for the split over several GPUs, experts on the CPU
and NUMA.
"""

import re

from ...probe.engine_help import EngineOptions
from ...probe.model.types import Model
from ..plan import Launch, Threads
from ..request import Request
from ..resources import Resources
from ..settings import CacheType, Placement, Settings
from .base import CannotRun, Chosen, binding_of

NAME = "ollama"
_CACHE_TYPES: tuple[CacheType, ...] = ("f16", "q8_0", "q4_0")
_VISIBLE = {"CUDA": "CUDA_VISIBLE_DEVICES", "ROCm": "ROCR_VISIBLE_DEVICES", "Vulkan": "GGML_VK_VISIBLE_DEVICES"}


def why_not(model: Model, resources: Resources) -> str | None:
    """Why Ollama cannot run this model as planned; None where it can."""
    if model.kind == "safetensors":
        return (
            f"{model.name} is in safetensors, which Ollama converts and quantizes itself; plan with the GGUF it makes"
        )
    return None


def launch(
    model: Model,
    chosen: Chosen,
    request: Request,
    options: EngineOptions | None = None,
    resources: Resources | None = None,
) -> Launch:
    """The server's command and variables, the Modelfile, and the step that makes the model; raises `CannotRun`."""
    placement, settings, threads = chosen.placement, chosen.settings, chosen.threads
    why = why_not(model, resources) if resources else None
    if why is None and settings.type_v != "f16" and not settings.flash_attention:
        why = f"a {settings.type_v} V cache needs flash attention"
    if why is None and (settings.type_k != settings.type_v or settings.type_k not in _CACHE_TYPES):
        why = f"Ollama has one cache type for K and V, of {', '.join(_CACHE_TYPES)}"
    if why is not None:
        raise CannotRun(f"{why[0].upper()}{why[1:]}.")
    name = model_name(request.alias or model.title or model.name)
    return Launch(
        argv=("ollama", "serve"),
        env=_variables(placement, settings, request, resources),
        binding=binding_of(threads),
        nice=request.nice,
        io_class=request.io_class,
        files={"Modelfile": modelfile(model.path, placement, settings, threads)},
        # Whoever types it has not the variables of the server.
        then=(("env", f"OLLAMA_HOST={request.host}:{request.port}", "ollama", "create", name, "-f", "Modelfile"),),
        checked="nothing: Ollama has no options to check; written for its source of August 2026",
        warnings=tuple(_lost(placement, settings, threads)),
    )


def modelfile(path: str, placement: Placement, settings: Settings, threads: Threads) -> str:
    """The Modelfile; raises `CannotRun` for a path that it cannot hold."""
    parameters = {
        "num_ctx": settings.context // settings.slots,
        "num_gpu": placement.gpu_layers if placement.devices else 0,
        "num_batch": settings.ubatch,
        "num_thread": threads.decode,
    }
    lines = [f"FROM {_quoted(path)}", *(f"PARAMETER {name} {value}" for name, value in parameters.items())]
    if not settings.mapped:
        lines.append("PARAMETER use_mmap false")
    return "\n".join(lines) + "\n"


def _quoted(path: str) -> str:
    # A Modelfile has quotes and no escapes.
    if not path.isprintable() or not path:
        raise CannotRun("A Modelfile cannot hold a path with line breaks or other control characters.")
    if path[0] in ' "' or path[-1] == " ":
        return f'"""{path}"""' if not path.endswith('"') else _refuse(path)
    return path


def _refuse(path: str) -> str:
    raise CannotRun("A Modelfile cannot hold a path that begins and ends with quotes or spaces.")


def model_name(text: str) -> str:
    """A name that Ollama takes: letters, digits, dots, dashes and underscores, at most 80, a letter or digit first."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower().removesuffix(".gguf")).strip("-._")
    return name[:80] or "model"


def _variables(
    placement: Placement, settings: Settings, request: Request, resources: Resources | None
) -> dict[str, str]:
    variables = {
        "OLLAMA_HOST": f"{request.host}:{request.port}",
        "OLLAMA_CONTEXT_LENGTH": str(settings.context // settings.slots),
        "OLLAMA_FLASH_ATTENTION": "1" if settings.flash_attention else "0",
        "OLLAMA_KV_CACHE_TYPE": settings.type_k,
        "OLLAMA_NUM_PARALLEL": str(settings.slots),
        "OLLAMA_MAX_LOADED_MODELS": "1",
        "LLAMA_ARG_FIT": "off",
    }
    if len(placement.devices) > 1:
        variables["OLLAMA_SCHED_SPREAD"] = "1"
    others = resources is not None and len(resources.gpus) > len(placement.devices)
    for kind, variable in _VISIBLE.items():
        numbers = [device.removeprefix(kind) for device in placement.devices if device.startswith(kind)]
        if others and numbers:
            variables[variable] = ",".join(numbers)
    return variables


def _lost(placement: Placement, settings: Settings, threads: Threads) -> list[str]:
    lost = []
    if placement.cpu_expert_layers or placement.overrides:
        lost.append("Ollama has no words for experts on the CPU: they lie where their layers do, and may not fit")
    if len(set(placement.layers_per_device)) > 1:
        lost.append("Ollama divides the layers between the GPUs by itself")
    if settings.slots > 1 and settings.unified_kv:
        lost.append(f"each of {settings.slots} requests has its own share of the context")
    if threads.numa != "none":
        lost.append("Ollama has no --numa")
    if not settings.op_offload or not settings.repack or not settings.kv_offload or not settings.pinned_host:
        lost.append("Ollama leaves offloading of operations and of the cache, and repacking, at llama.cpp's defaults")
    return lost

"""vLLM: models in safetensors on NVIDIA and AMD GPUs. Facts from vLLM 0.33 (vllm/engine/arg_utils.py).

GGUF files need the plugin vllm-gguf-plugin since 0.24, bitsandbytes vllm-bnb-plugin since 0.28.
"""

from ...probe.engine_help import EngineOptions
from ...probe.model.types import Model
from ..plan import Launch
from ..request import Request
from ..resources import Gpu, Resources
from .base import CannotRun, Chosen, binding_of, quoted_path
from .vllm_memory import batched_tokens, memory

NAME = "vllm"
CACHE_BYTES = {"f16": 2, "bf16": 2, "q8_0": 1}
"""Bytes an element; what llama.cpp calls q8_0 is 8-bit floating point here."""
_OLDEST = (7, 5)
_BFLOAT16 = (8, 0)


def why_not(model: Model, resources: Resources) -> str | None:
    """Why vLLM cannot run this model here; None where it can."""
    if model.kind == "gguf":
        return f"vLLM reads GGUF only with a plugin of its own (vllm-gguf-plugin): use {model.name} in safetensors"
    gpus = [gpu for gpu in resources.gpus if gpu.backend in ("CUDA", "ROCm")]
    if not gpus:
        return "vLLM needs an NVIDIA or AMD GPU for this plan; its CPU build is not planned for"
    if all(gpu.compute_capability is not None and gpu.compute_capability < _OLDEST for gpu in gpus):
        return "vLLM needs compute capability 7.5 (Turing) or newer"
    return None


def launch(
    model: Model,
    chosen: Chosen,
    request: Request,
    options: EngineOptions | None = None,
    resources: Resources | None = None,
) -> Launch:
    """`vllm serve` on the GPUs of the placement, which work in parallel; raises `CannotRun`."""
    settings, threads, devices = chosen.settings, chosen.threads, chosen.placement.devices
    gpus = [gpu for gpu in resources.gpus if gpu.name in devices] if resources else []
    why = (why_not(model, resources) if resources else None) or refusal(model, gpus)
    element = CACHE_BYTES.get(settings.type_k)
    if why is None and (element is None or settings.type_k != settings.type_v):
        why = f"vLLM has no {settings.type_k} cache: auto or 8 bits"
    if why is not None or element is None:
        raise CannotRun(f"{str(why)[0].upper()}{str(why)[1:]}.")
    context = settings.context // settings.slots
    budget = memory(
        model.shape,
        model.weights_bytes,
        total_bytes=min(gpu.total_bytes or 0 for gpu in gpus),
        usable_bytes=min(usable_bytes(gpu, request) for gpu in gpus),
        parallel=len(gpus),
        sequences=settings.slots,
        context=context,
        cache_element_bytes=element,
    )
    if not budget.fits:
        raise CannotRun(
            f"The cache needs {budget.cache_bytes >> 20} MiB on each GPU and has {budget.available_bytes >> 20} MiB."
        )
    argv = ["vllm", "serve", quoted_path(model.path), "--max-model-len", str(context)]
    argv += ["--max-num-seqs", str(settings.slots)]
    argv += ["--max-num-batched-tokens", str(batched_tokens(min(gpu.total_bytes or 0 for gpu in gpus)))]
    argv += ["--gpu-memory-utilization", f"{budget.utilization:.2f}"]
    if len(gpus) > 1:
        argv += ["--tensor-parallel-size", str(len(gpus))]
    if element == 1:
        argv += ["--kv-cache-dtype", "fp8"]
    if any((gpu.compute_capability or _BFLOAT16) < _BFLOAT16 for gpu in gpus):
        argv += ["--dtype", "float16"]
    if request.alias:
        argv += ["--served-model-name", request.alias]
    argv += ["--host", request.host, "--port", str(request.port)]
    return Launch(
        argv=tuple(argv),
        env=_variables(gpus, resources),
        binding=binding_of(threads),
        nice=request.nice,
        io_class=request.io_class,
        checked="nothing: vLLM takes longer to tell its options than to plan; written for 0.33",
    )


def refusal(model: Model, gpus: list[Gpu]) -> str | None:
    """Why these GPUs cannot share the model; None where they can."""
    if not gpus or not all(gpu.total_bytes and gpu.free_bytes for gpu in gpus):
        return "vLLM needs GPUs whose memory is known"
    count = len(gpus)
    for layer in model.shape.layers:
        if layer.heads % count:
            return f"{layer.heads} heads cannot be divided between {count} GPUs"
        if layer.kv_heads and layer.kv_heads % count and count % layer.kv_heads:
            return f"{layer.kv_heads} key/value heads cannot be divided between {count} GPUs"
    return None


def usable_bytes(gpu: Gpu, request: Request) -> int:
    """What vLLM can take of a card, once the driver's part of it is there."""
    return max((gpu.free_bytes or 0) - gpu.reserve_bytes - request.keep_free_bytes, 0)


def _variables(gpus: list[Gpu], resources: Resources | None) -> dict[str, str]:
    if resources is None or len(resources.gpus) == len(gpus):
        return {}
    kind = gpus[0].backend
    numbers = ",".join(gpu.name.removeprefix(kind) for gpu in gpus)
    if kind == "ROCm":
        return {"HIP_VISIBLE_DEVICES": numbers}
    # In the order of the bus, as they are numbered here, and not the fastest first.
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": numbers}

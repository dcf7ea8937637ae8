"""llama.cpp's llama-server: what it refuses, and its command. Facts from the source of b11434.

Each option is written in the first of its spellings that the program found takes (probe/engine_help.py), in a list of
arguments, so file names may hold any character.
"""

from ...probe.engine_help import EngineOptions
from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Model
from ..plan import Launch
from ..request import Request
from ..resources import Resources
from ..settings import HOST, Placement, Settings
from .base import CannotRun, Chosen, binding_of, quoted_path
from .options import Arguments

NAME = "llama.cpp"
_UNQUANTIZED = frozenset({"f32", "f16", "bf16"})
_CUDA = ("CUDA", "ROCm")
_MIB = 1 << 20
_FUSED_LAYERS = 40


def why_not(model: Model, resources: Resources) -> str | None:
    """Why llama.cpp cannot run this model; None where it can."""
    if model.kind == "safetensors":
        return f"{model.name} is in safetensors; llama.cpp reads GGUF (convert it with convert_hf_to_gguf.py)"
    return None


def refusal(model: Model, placement: Placement, settings: Settings) -> str | None:
    """Why llama-server would fail, abort or crawl with these settings; None where it runs."""
    shape = model.shape
    quantized = [t for t in (settings.type_k, settings.type_v) if t not in _UNQUANTIZED]
    if not any(layer.has_kv for layer in shape.layers):
        return None
    if settings.type_v not in _UNQUANTIZED and not settings.flash_attention:
        return f"a {settings.type_v} V cache needs flash attention"
    if shape.mla and settings.type_k != settings.type_v:
        return "with multi-head latent attention the K and V cache have one type"
    for length, kind in (
        (shape.key_length, settings.type_k),
        (shape.key_length_swa, settings.type_k),
        (shape.value_length, settings.type_v),
        (shape.value_length_swa, settings.type_v),
    ):
        if settings.flash_attention and length % TYPES_BY_NAME[kind].block:
            return f"heads of {length} are no multiple of {kind}'s blocks of {TYPES_BY_NAME[kind].block}"
    on_cuda = any(device.startswith(_CUDA) for device in placement.devices) and settings.kv_offload
    if on_cuda and settings.flash_attention and settings.type_k != settings.type_v:
        return "CUDA has no quick kernel for K and V caches of different types"
    if on_cuda and settings.flash_attention and "iq4_nl" in quantized:
        return "CUDA has no flash attention for an iq4_nl cache"
    split = settings.slots > 1 and not settings.unified_kv
    if split and len(quantized) == 2 and shape.architecture == "phi3" and len(shape.layers) >= _FUSED_LAYERS:
        # ggml's table of graph nodes is too small for the extra nodes of rotated caches in each stream.
        return f"llama.cpp aborts on {len(shape.layers)} phi3 layers with split slots and quantized K and V caches"
    return None


def launch(
    model: Model,
    chosen: Chosen,
    request: Request,
    options: EngineOptions | None = None,
    resources: Resources | None = None,
) -> Launch:
    """The command of llama-server; raises `CannotRun`."""
    placement, settings, threads = chosen.placement, chosen.settings, chosen.threads
    why = (why_not(model, resources) if resources else None) or refusal(model, placement, settings)
    if why is not None:
        raise CannotRun(f"{why[0].upper()}{why[1:]}.")
    arguments = Arguments(options)
    arguments.argv += options.argv if options else ("llama-server",)
    if not arguments.add(("-m", "--model"), quoted_path(model.files[0].path if model.files else model.path)):
        raise CannotRun(f"{arguments.argv[0]} takes no --model, so it is no llama-server.")
    if request.alias:
        arguments.add(("-a", "--alias"), request.alias)
    _context(arguments, settings)
    _placement(arguments, placement, resources)
    _batch(arguments, settings)
    _threads(arguments, chosen)
    _weights(arguments, settings)
    _server(arguments, model, chosen, request)
    return Launch(
        argv=tuple(arguments.argv),
        env=_variables(placement, resources),
        binding=binding_of(threads),
        nice=request.nice,
        io_class=request.io_class,
        locks_memory=settings.locked,
        checked=_checked(options),
        warnings=tuple(arguments.warnings),
    )


def _checked(options: EngineOptions | None) -> str:
    if options is None:
        return "nothing, for no llama-server was found; written for b11434"
    name = options.path.rpartition("/")[2]
    version = f"b{options.build}" if options.build else options.version
    name = f"{name} {version}" if version else name
    if options.source == "--help":
        return f"{name} --help"
    why = f" ({options.why_not_run})" if options.why_not_run else ""
    if options.source == "strings":
        return f"the option names in {name}; it was not run{why}"
    return f"nothing: {name} tells no options{why}; written for b11434"


def _variables(placement: Placement, resources: Resources | None) -> dict[str, str]:
    """CUDA numbers the fastest card first; we number as the driver's tools do, by the bus."""
    several = resources is None or len(resources.gpus) > 1
    on_cuda = any(device.startswith("CUDA") for device in placement.devices)
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if several and on_cuda else {}


def _context(arguments: Arguments, settings: Settings) -> None:
    # -np changes what -c means, and its default has changed: all three always.
    arguments.add(("-c", "--ctx-size"), str(settings.context))
    arguments.add(("-np", "--parallel"), str(settings.slots))
    if settings.unified_kv and settings.slots > 1:
        arguments.add(("-kvu", "--kv-unified"), lost="each slot has only its share of the context")
    elif arguments.listed("--kv-unified", "-kvu") or arguments.known is None:
        # Older builds have no word for it: there -np alone splits the cache.
        arguments.add(("-no-kvu", "--no-kv-unified"))
    for letter, kind in (("k", settings.type_k), ("v", settings.type_v)):
        if kind != "f16":
            arguments.add((f"-ct{letter}", f"--cache-type-{letter}"), kind, "the cache is f16 and takes more memory")
    _flash_attention(arguments, settings.flash_attention)
    if settings.full_swa:
        arguments.add(("--swa-full",), lost="sliding layers keep their window only")
    if not settings.kv_offload:
        arguments.add(("-nkvo", "--no-kv-offload"), lost="the cache lies on the GPU")


def _flash_attention(arguments: Arguments, wanted: bool) -> None:
    name = arguments.spelling("-fa", "--flash-attn")
    takes_value = arguments.known is None or bool(name and name in arguments.values)
    if takes_value:
        arguments.add(("-fa", "--flash-attn"), "on" if wanted else "off", "it decides by itself")
    elif wanted:
        arguments.add(("-fa", "--flash-attn"), lost="attention needs more memory than planned")


def _placement(arguments: Arguments, placement: Placement, resources: Resources | None) -> None:
    others = resources is None or len(resources.gpus) > len(placement.devices)
    if not placement.devices:
        # With no layers a GPU would still be given the large batches. A build without GPUs warns of -ngl.
        if not arguments.add(("-dev", "--device"), "none") or others:
            arguments.add(("-ngl", "--gpu-layers", "--n-gpu-layers"), "0")
    else:
        if others or len(placement.devices) > 1:
            devices = ",".join(placement.devices)
            arguments.add(("-dev", "--device"), devices, f"see that it uses {devices} only")
        arguments.add(("-ngl", "--gpu-layers", "--n-gpu-layers"), str(placement.gpu_layers))
        if len(placement.devices) > 1:
            arguments.add(("-sm", "--split-mode"), "layer")
            counts = ",".join(map(str, placement.layers_per_device))
            arguments.add(("-ts", "--tensor-split"), counts, "it divides the layers by itself")
    _overrides(arguments, placement)
    if arguments.values.get("--fit") or arguments.known is None or "--fit-target" in arguments.known:
        # Everything is decided; it would only read the model twice. The fork's --fit is a switch, and off.
        arguments.add(("-fit", "--fit"), "off")


def _overrides(arguments: Arguments, placement: Placement) -> None:
    patterns = []
    for override in placement.overrides:
        if "," in override.pattern:
            raise CannotRun(f"llama.cpp takes no comma in the pattern {override.pattern}")
        patterns.append(f"{override.pattern}={'CPU' if override.device == HOST else override.device}")
    experts = placement.cpu_expert_layers
    if experts and not arguments.has("-ncmoe", "--n-cpu-moe"):
        layers = "|".join(map(str, range(experts)))
        patterns.append(rf"blk\.({layers})\.ffn_(up|down|gate|gate_up)_(ch|)exps=CPU")
        experts = 0
    if patterns:
        lost = "the experts lie on the GPU and may not fit"
        arguments.add(("-ot", "--override-tensor"), ",".join(patterns), lost)
    if experts:
        arguments.add(("-ncmoe", "--n-cpu-moe"), str(experts))


def _batch(arguments: Arguments, settings: Settings) -> None:
    arguments.add(("-b", "--batch-size"), str(settings.batch))
    arguments.add(("-ub", "--ubatch-size"), str(settings.ubatch))
    if not settings.op_offload:
        arguments.add(("--no-op-offload", "-nopo"), lost="the GPU needs room for a copy of the largest host tensor")


def _threads(arguments: Arguments, chosen: Chosen) -> None:
    threads = chosen.threads
    arguments.add(("-t", "--threads"), str(threads.decode))
    arguments.add(("-tb", "--threads-batch"), str(threads.batch))
    if threads.numa != "none":
        arguments.add(("--numa",), threads.numa, "threads and memory go to NUMA nodes by chance")


def _weights(arguments: Arguments, settings: Settings) -> None:
    modes = {(True, False): None, (False, False): "none", (True, True): "mmap+mlock", (False, True): "mlock"}
    mode = modes[settings.mapped, settings.locked]
    if arguments.has("-lm", "--load-mode"):
        if mode is not None:
            arguments.add(("-lm", "--load-mode"), mode, "it maps the file")
    else:
        if not settings.mapped:
            arguments.add(("--no-mmap",), lost="it maps the file")
        if settings.locked:
            arguments.add(("--mlock",), lost="weights may be swapped out")
    if not settings.repack:
        arguments.add(("-nr", "--no-repack"), lost="weights are copied into a faster order, which takes memory")
    if not settings.pinned_host:
        arguments.add(("--no-host",), lost="host weights lie in pinned memory and are not repacked")


def _server(arguments: Arguments, model: Model, chosen: Chosen, request: Request) -> None:
    cache = str(chosen.prompt_cache_bytes // _MIB)
    arguments.add(("-cram", "--cache-ram"), cache)  # Builds without it keep no prompts.
    arguments.add(("--host",), request.host)
    arguments.add(("--port",), str(request.port))
    if model.chat_template and arguments.listed("--jinja") and not arguments.listed("--no-jinja"):
        arguments.add(("--jinja",))  # The default where it can be switched off.
    arguments.add(("--metrics",))

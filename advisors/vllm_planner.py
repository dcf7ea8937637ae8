"""A plan for vLLM: on how many GPUs, with which cache and context. Its speeds are estimates, not calibrated."""

from typing import NamedTuple

from ..probe.model.types import Model
from ..probe.snapshot import Snapshot
from .backends import vllm
from .backends.base import CannotRun
from .backends.vllm_memory import GRAPHS_BYTES, VllmMemory, memory
from .describe import describe_machine, summarize
from .memory.table import memory_plan
from .plan import MemoryTerm, Plan, Speed, SpeedPlan, Threads
from .planner import NoPlan
from .request import Request
from .resources import Gpu, Resources
from .settings import HOST, CacheType, Placement, Settings

_PARALLEL = (1, 2, 4, 8)
_STEP = 1024
_BANDWIDTH_SHARE = 0.7
_COMPUTE_SHARE = 0.45
_PARALLEL_SHARE = 0.8
"""What a doubling of the GPUs keeps of its gain."""
_SPREAD = 0.35
_STEP_SECONDS = 0.002
"""What scheduling and sampling take for every token beside the GPU's reading: an assumption."""
_HOST_BYTES = 6 << 30
_THREADS = Threads(
    decode=1,
    batch=1,
    cpus=(),
    memory_nodes=(),
    memory_policy="default",
    numa="none",
    why=("every layer is on a GPU; vLLM starts the threads that it needs",),
)


class _Choice(NamedTuple):
    placement: Placement
    settings: Settings
    threads: Threads
    prompt_cache_bytes: int
    gpus: tuple[Gpu, ...]
    budget: VllmMemory


def make_vllm_plan(model: Model, snapshot: Snapshot | None, resources: Resources, request: Request) -> Plan | NoPlan:
    """The plan on the fewest GPUs that hold the model and the context, or why there is none."""
    why = vllm.why_not(model, resources)
    if why is not None:
        return NoPlan(None, (why,), unsupported=True)
    choice = _choose(model, resources, request)
    if isinstance(choice, str):
        return NoPlan(None, (choice,))
    try:
        launch = vllm.launch(model, choice, request, None, resources)
    except CannotRun as fault:
        return NoPlan(None, (str(fault),))
    given_up = []
    if choice.settings.type_k != "f16":
        given_up.append("the key/value cache has 8 bits: at 16 the context would not fit")
    return Plan(
        machine=describe_machine(resources),
        goal=request.goal,
        backend=vllm.NAME,
        model=summarize(model),
        placement=choice.placement,
        run=choice.settings,
        threads=_THREADS,
        memory=memory_plan(choice.placement, resources, _terms(choice)),
        speed=_speed(model, choice, request),
        launch=launch,
        given_up=tuple(given_up),
        alternatives=(),
    )


def _choose(model: Model, resources: Resources, request: Request) -> _Choice | str:
    closest = "no GPU of this machine can be used by vLLM"
    for count in _PARALLEL:
        gpus = _alike(resources, request, count)
        if len(gpus) < count:
            break
        refused = vllm.refusal(model, list(gpus))
        if refused is not None:
            closest = refused
            continue
        kinds: tuple[CacheType, ...] = tuple(k for k in request.cache_types or ("f16", "q8_0") if k in vllm.CACHE_BYTES)
        for kind in kinds:
            budget = _largest(model, gpus, request, kind)
            if budget is not None:
                context, found = budget
                return _Choice(_placement(model, gpus), _settings(request, context, kind), _THREADS, 0, gpus, found)
        closest = f"it does not fit {count} x {gpus[0].title}, also with an 8-bit cache"
    return closest


def _alike(resources: Resources, request: Request, count: int) -> tuple[Gpu, ...]:
    """So many GPUs of one kind, those with the most free memory first."""
    usable = [gpu for gpu in resources.gpus if gpu.backend in ("CUDA", "ROCm") and gpu.total_bytes and gpu.free_bytes]
    usable = [gpu for gpu in usable if vllm.usable_bytes(gpu, request) > GRAPHS_BYTES]
    kinds = {_kind(gpu) for gpu in usable}
    groups = [[gpu for gpu in usable if _kind(gpu) == kind] for kind in kinds]
    groups = [sorted(group, key=lambda gpu: -(gpu.free_bytes or 0))[:count] for group in groups if len(group) >= count]
    best = max(groups, key=lambda group: (min(gpu.free_bytes or 0 for gpu in group), group[0].name), default=[])
    return tuple(sorted(best, key=lambda gpu: resources.gpus.index(gpu)))


def _kind(gpu: Gpu) -> tuple[object, ...]:
    return gpu.backend, (gpu.total_bytes or 0) >> 30, gpu.compute_capability


def _largest(model: Model, gpus: tuple[Gpu, ...], request: Request, kind: CacheType) -> tuple[int, VllmMemory] | None:
    """The largest context between what is asked and what is wanted that fits, with its budget."""
    trained = model.shape.context_trained
    low, high = request.floor(trained), request.target(trained)

    def budget(context: int) -> VllmMemory:
        return memory(
            model.shape,
            model.weights_bytes,
            total_bytes=min(gpu.total_bytes or 0 for gpu in gpus),
            usable_bytes=min(vllm.usable_bytes(gpu, request) for gpu in gpus),
            parallel=len(gpus),
            sequences=request.users,
            context=context,
            cache_element_bytes=vllm.CACHE_BYTES[kind],
        )

    if not budget(low).fits:
        return None
    if budget(high).fits:
        return high, budget(high)
    while high - low > _STEP:
        middle = (low + high) // 2
        low, high = (middle, high) if budget(middle).fits else (low, middle)
    context = max(low // _STEP * _STEP, request.floor(trained))
    return context, budget(context)


def _placement(model: Model, gpus: tuple[Gpu, ...]) -> Placement:
    layers = len(model.shape.run_layers) + 1
    counts = tuple(layers // len(gpus) + (at < layers % len(gpus)) for at in range(len(gpus)))
    return Placement(devices=tuple(gpu.name for gpu in gpus), gpu_layers=layers, layers_per_device=counts)


def _settings(request: Request, context: int, kind: CacheType) -> Settings:
    users = request.users
    return Settings(context=context * users, slots=users, unified_kv=True, type_k=kind, type_v=kind)


def _terms(choice: _Choice) -> list[MemoryTerm]:
    """Each GPU's part. vLLM takes its whole budget at once; what the sequences do not need is more cache."""
    budget, terms = choice.budget, []
    for gpu in choice.gpus:
        spare = max(budget.available_bytes - budget.cache_bytes, 0)
        rows: tuple[tuple[str, str, int, int], ...] = (
            ("weights", "weights, divided between the GPUs", budget.weights_bytes, budget.weights_bytes // 20),
            ("kv", "key/value cache of all sequences at their full context", budget.cache_bytes, 0),
            ("kv", "more cache: vLLM fills its budget", spare, 0),
            ("compute", "peak of a trial run", budget.activation_bytes, 0),
            ("other", "libraries", budget.library_bytes, 0),
            ("other", "CUDA graphs, outside the budget", GRAPHS_BYTES // 2, GRAPHS_BYTES // 2),
            ("other", "the driver's part", gpu.reserve_bytes, 0),
        )
        # A weight more is a block of cache less, as long as there is spare.
        for part, what, size, margin in rows:
            terms.append(
                MemoryTerm.model_validate(
                    {
                        "place": gpu.name,
                        "part": part,
                        "what": what,
                        "size_bytes": size,
                        "certainty": "estimated" if "graphs" in what else "calibrated",
                        "margin_bytes": 0 if part == "weights" and spare > margin else margin,
                    }
                )
            )
    what = "the server's processes; about, from reports"
    terms.append(MemoryTerm(place=HOST, part="other", what=what, size_bytes=_HOST_BYTES, certainty="estimated"))
    return terms


def _speed(model: Model, choice: _Choice, request: Request) -> SpeedPlan:
    gpus = choice.gpus
    gain = len(gpus) * _PARALLEL_SHARE ** (len(gpus).bit_length() - 1)
    share = model.active_parameters / model.parameters if model.parameters else 1.0
    depth = min(request.depth, choice.settings.context // choice.settings.slots)
    cache = choice.budget.cache_bytes * len(gpus) / choice.settings.context * depth
    read = model.weights_bytes * share + cache
    slowest = min(gpus, key=lambda gpu: gpu.bandwidth_bytes.per_s if gpu.bandwidth_bytes else 0.0)
    bandwidth = slowest.bandwidth_bytes.per_s if slowest.bandwidth_bytes else 0.0
    flops = slowest.flops_fp16.per_s if slowest.flops_fp16 else 0.0
    decode = 1 / (read / (bandwidth * _BANDWIDTH_SHARE * gain) + _STEP_SECONDS) if bandwidth else 0.0
    prefill = flops * _COMPUTE_SHARE * gain / (2 * model.active_parameters) if model.active_parameters else 0.0
    return SpeedPlan(
        decode_tokens_per_s=_interval(decode, f"memory bandwidth of {slowest.name}"),
        prefill_tokens_per_s=_interval(prefill, f"compute of {slowest.name}"),
    )


def _interval(expected: float, bound_by: str) -> Speed:
    basis = "estimated from the cards' rated speeds; not calibrated for vLLM"
    return Speed(
        low=expected * (1 - _SPREAD),
        expected=expected,
        high=expected * (1 + _SPREAD),
        bound_by=bound_by,
        basis=basis,
    )

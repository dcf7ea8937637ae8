"""What a plan gave up against the ideal, and why; and the ways out where nothing fits."""

from ..probe.model.types import Model
from .candidates import Candidate, Evaluator
from .from_disk import from_disk
from .memory.table import shortfall_bytes
from .plan import Alternative
from .quantization import fitting_quantization, fitting_size
from .request import Request
from .search import Outcome, place

_GIB = 1 << 30
_USUAL_BATCH = 512
_STEP = 256
_TRIES = 5


def given_up(candidate: Candidate, model: Model, request: Request) -> tuple[str, ...]:
    """Each compromise in a sentence."""
    told = []
    settings, shape = candidate.settings, model.shape
    mine = settings.context // settings.slots
    trained = shape.context_trained
    if trained and mine < trained and request.context is None:
        told.append(f"context: {mine} tokens of the {trained} that the model was trained for")
    if trained and mine > trained:
        told.append(f"the context of {mine} is longer than the {trained} tokens that the model was trained for")
    if settings.type_k != "f16":
        loss = "within the noise of perplexity" if settings.type_k == "q8_0" else "a small but measurable loss"
        told.append(f"the key/value cache is {settings.type_k} instead of f16: {loss}")
    layers = len(shape.layers) + 1
    if candidate.placement.devices and candidate.layers_on_host:
        told.append(f"{candidate.layers_on_host} of {layers} layers stay in host memory and run on the CPU")
    if candidate.layout.cpu_expert_layers:
        told.append(f"the experts of the first {candidate.layout.cpu_expert_layers} layers stay in host memory")
    if shape.predict_layers:
        told.append("the blocks for multi-token prediction are not used")
    if not candidate.acceptable(request):
        told.append(
            f"{request.min_tokens_per_s:g} tokens/s: no way with this context decodes so fast, this is the fastest; "
            "a smaller context, quantization or model is faster"
        )
    if candidate.memory.fits is False:
        told.append("not everything fits into memory: weights are read from the disk again and again")
    return tuple(told)


def alternatives(outcome: Outcome) -> tuple[Alternative, ...]:
    """Other ways that were looked at, each with what speaks against it."""
    best = outcome.best
    if best is None:
        return ()
    told: dict[str, Alternative] = {}
    for other in outcome.others:
        if other.settings == best.settings and other.placement == best.placement:
            continue
        what = describe(other)
        slower = best.decode / other.decode if other.decode else 0
        if slower > 1.02:
            why = f"{slower:.1f} times slower" if slower >= 1.5 else f"{100 * (slower - 1):.0f} % slower"
        elif other.settings.context < best.settings.context:
            why = f"looked at with less context ({other.settings.context} tokens)"
        elif other.prefill < best.prefill / 1.02:
            why = f"prompts are {100 * (best.prefill / other.prefill - 1):.0f} % slower"
        elif other.settings.type_k != best.settings.type_k:
            gain = f"{100 * (1 / slower - 1):.0f} %" if slower and slower < 0.99 else "no gain"
            why = f"a coarser cache for {gain}"
        else:
            why = "no gain"
        told.setdefault(
            what,
            Alternative(
                what=what, decode_tokens_per_s=round(other.decode, 1), context=other.settings.context, why_not=why
            ),
        )
    told.pop(describe(best), None)
    return tuple(list(told.values())[:4])


def describe(candidate: Candidate) -> str:
    """Placement and cache of a candidate in a few words."""
    devices = candidate.placement.devices
    if not devices:
        where = "CPU only"
    elif candidate.layers_on_host:
        where = f"{candidate.placement.gpu_layers} layers on {' + '.join(devices)}, the rest on the CPU"
    elif candidate.layout.cpu_expert_layers:
        where = f"{' + '.join(devices)}, experts of {candidate.layout.cpu_expert_layers} layers on the CPU"
    else:
        where = f"all on {' + '.join(devices)}"
    batches = f", batches of {candidate.settings.ubatch}" if candidate.settings.ubatch != _USUAL_BATCH else ""
    return f"{where}, {candidate.settings.type_k} cache{batches}"


def ways_out(evaluator: Evaluator, outcome: Outcome) -> tuple[str, ...]:
    """Where nothing fits: what is missing, and the three cheapest ways to make it fit."""
    closest = outcome.closest
    model, request = evaluator.model, evaluator.request
    if closest is None:
        return ("no GPU holds even the output layer, and the CPU was not allowed",)
    places = [(place, shortfall_bytes(place) or 0) for place in (*closest.memory.devices, closest.memory.host)]
    missing = sum(max(short, 0) for _, short in places)
    told = []
    cache = closest.memory.host.kv_bytes + sum(device.kv_bytes for device in closest.memory.devices)
    floor = request.floor(model.shape.context_trained)
    context = _fitting_context(evaluator, closest, int(floor * (1 - missing / cache))) if cache > missing else None
    if context is not None:
        told.append(f"a smaller context: --context {context} instead of {floor} fits")
    elsewhere = next((p for p, s in places if s > 0 and p.capacity_bytes and p.total_bytes <= p.capacity_bytes), None)
    if elsewhere is not None and elsewhere.free_bytes is not None:
        on_host = elsewhere is closest.memory.host
        kept = request.keep_free_host_bytes if on_host else request.keep_free_bytes
        used = (elsewhere.capacity_bytes or 0) - elsewhere.free_bytes - kept
        asked = f" and {kept / _GIB:.1f} GiB are to stay free" if kept else ""
        told.append(
            f"free memory: others hold {used / _GIB:.1f} GiB of {elsewhere.name}{asked}, "
            f"{missing / _GIB:.1f} GiB are missing"
        )
    bytes_for_weights = model.weights_bytes - missing
    smaller = fitting_quantization(model, bytes_for_weights)
    if smaller:
        told.append(f"a smaller quantization of the same model: {smaller}")
    told.append(f"a smaller model: {fitting_size(bytes_for_weights)}")
    slow = None if request.allow_disk else from_disk(evaluator, closest)
    if slow is not None:
        told.append(f"reading weights from the disk for every token (--allow-disk): about {slow.decode:.2g} tokens/s")
    return tuple(told[:3])


def _fitting_context(evaluator: Evaluator, closest: Candidate, guess: int) -> int | None:
    """A context of one user that was found to fit, at most the guess."""
    for _ in range(_TRIES):
        context = guess // _STEP * _STEP
        if context < _STEP:
            return None
        settings = evaluator.settings(context, closest.settings.type_k, closest.layout.gpus, closest.settings.ubatch)
        found = place(evaluator, closest.layout.gpus, settings)
        if found is not None and found.fits:
            return context
        guess = int(guess * 0.9)
    return None

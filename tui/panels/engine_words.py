"""What one server tells of itself, in fields."""

from ...advisors.activity.activity import EngineActivity
from ...advisors.bottleneck.scene import Scene, Served
from ...advisors.bottleneck.weights import read_of
from ...probe.sample.engine import EngineMoment
from ...probe.sample.sample import ServerMoment
from ..cells import shorten
from ..line import Line, Style, span
from ..view import View
from .columns import Field, fields, wrapped
from .common import dimmed, sentences
from .names import activity_of, engine_of, model_of
from .units import bytes_text, count_text, cpu_list, lasting_text, number, percent, seconds_text

_KV_FULL = 0.95
_LOOK_BACK_S = 600
_STYLES: dict[str, Style] = {
    "ready": "plain",
    "loading": "notice",
    "sleeping": "dim",
    "no metrics": "notice",
    "unreachable": "bad",
    "timed out": "bad",
    "denied": "notice",
    "bad answer": "bad",
}


def state_of(view: View, server: ServerMoment) -> tuple[str, Style]:
    """`decoding`, `reading the prompt`, `idle`, or why it is not ready."""
    endpoint = server.endpoint
    if endpoint is None:
        return "not asked yet", "dim"
    if endpoint.state in ("timed out", "unreachable"):
        silent_s = _silent_s(view, server.pid, endpoint)
        told = endpoint.state if silent_s is None else f"no answer for {lasting_text(silent_s)}"
        return told, _STYLES[endpoint.state]
    if endpoint.state != "ready":
        return endpoint.state, _STYLES[endpoint.state]
    states = [slot.state for slot in endpoint.slots]
    if "generating" in states:
        return "answering", "plain"
    if "prompt" in states:
        return "reading the prompt", "plain"
    if endpoint.running:
        return "answering", "plain"
    return ("idle", "dim") if states or endpoint.running is not None else ("ready", "plain")


def is_old(endpoint: EngineMoment | None) -> bool:
    """What it told is not of now: a server too busy to answer keeps its counters."""
    return endpoint is not None and endpoint.state == "timed out"


def _silent_s(view: View, pid: int, endpoint: EngineMoment) -> float | None:
    """Since when it has told nothing; None: it never did, as far as is kept."""
    if is_old(endpoint):
        return view.sample.clock_s - endpoint.clock_s if view.sample is not None else None
    values = view.series.values(f"decode/{pid}", _LOOK_BACK_S, _LOOK_BACK_S)
    return next((float(ago) for ago, value in enumerate(reversed(values)) if value is not None and ago), None)


def decode_of(view: View, server: ServerMoment) -> float | None:
    """Tokens a second answered."""
    engine = engine_of(view, server.pid)
    return engine.decode_tokens_per_s if engine is not None else None


def numbers(view: View, server: ServerMoment, width: int) -> list[Line]:
    """What it says is missing, and two lines of numbers."""
    endpoint, did = server.endpoint, engine_of(view, server.pid)
    if endpoint is None:
        return sentences("it has not been asked yet", width)
    told = [] if endpoint.state == "ready" or not endpoint.detail else sentences(endpoint.detail, width)
    for parts in (_speed(view, server, did), _use(endpoint, did)):
        told += [fields(parts, width)] if parts else []
    return dimmed(told) if is_old(endpoint) else told


def at_length(view: View, server: ServerMoment, width: int) -> list[Line]:
    """Everything about one server but its slots."""
    endpoint, did = server.endpoint, engine_of(view, server.pid)
    told = sentences(endpoint.detail, width, "  ") if endpoint is not None and endpoint.detail else []
    told += wrapped(_speed(view, server, did), width, "  ")
    told += wrapped(_use(endpoint, did), width, "  ") if endpoint is not None else []
    model, cgroup = model_of(view, server.pid), server.cgroup
    size = model.total_bytes if model is not None else server.model_bytes
    token = model.active_bytes_per_token if model is not None else None
    asked: list[tuple[str, object]] = [
        ("version", endpoint.version if endpoint is not None else None),
        ("decode rate from", did.decode_basis if did is not None and did.decode_tokens_per_s is not None else None),
        ("model", server.model),
        ("of", None if size is None else bytes_text(size).strip()),
        ("read for each token", None if token is None else bytes_text(token).strip()),
        ("on drive", model.drive if model is not None else None),
        ("on GPU", None if model is None or model.gpu_share is None else percent(model.gpu_share).strip()),
        ("threads", server.threads),
        ("-t", server.decode_threads),
        ("may use CPUs", None if server.cpus_allowed is None else cpu_list(server.cpus_allowed)),
        ("in", server.container),
        ("control group", cgroup.path if cgroup is not None else None),
    ]
    asked += [(f"on node {one.node}", bytes_text(one.bytes).strip()) for one in server.nodes[:16]]
    parts = [
        Field(label, shorten(span(value).text, width - 24, view.ascii_only))
        for label, value in asked
        if value is not None
    ]
    return told + wrapped(parts, width, "  ")


def _speed(view: View, server: ServerMoment, did: EngineActivity | None) -> list[Field]:
    if did is None:
        return []
    parts: list[Field] = []
    if did.decode_tokens_per_s is not None:
        late = " as requests end" if "ends" in did.decode_basis else ""
        parts.append(Field("decode", f"{number(did.decode_tokens_per_s)} tokens/s{late}", 0, "bold"))
    if did.prompt_tokens_per_s is not None:
        parts.append(Field("prompt", f"{tokens_text(did.prompt_tokens_per_s)} tokens/s", 1))
    if (read := bandwidth(view, server)) is not None:
        parts.append(Field("reads", read, 2))
    if did.first_token_s is not None:
        parts.append(Field("first token", seconds_text(did.first_token_s), 3, width=6))
    if did.between_tokens_s is not None:
        parts.append(Field("between tokens", seconds_text(did.between_tokens_s), 6, width=6))
    return parts


def _use(endpoint: EngineMoment, did: EngineActivity | None) -> list[Field]:
    parts: list[Field] = []
    if endpoint.kv_share is not None:
        of = "" if endpoint.kv_size_tokens is None else f" of {count_text(endpoint.kv_size_tokens)} tokens"
        full: Style = "notice" if endpoint.kv_share >= _KV_FULL else "plain"
        parts.append(Field("KV cache", f"{percent(endpoint.kv_share)}{of}", 0, full))
    if endpoint.running is not None:
        parts.append(Field("running", f"{endpoint.running:.0f}", 1, width=2))
    if endpoint.waiting is not None:
        parts.append(Field("waiting", f"{endpoint.waiting:.0f}", 0, "notice" if endpoint.waiting >= 1 else "plain", 2))
    if did is not None:
        parts += [Field("prompt from cache", percent(did.cached_share), 3)] if did.cached_share is not None else []
        parts += [Field("drafts accepted", percent(did.accepted_share), 4)] if did.accepted_share is not None else []
        if did.preemptions_per_s:
            parts.append(Field("preempted", f"{number(did.preemptions_per_s).strip()}/s", 1, "bad"))
        parts += [Field("in queue", seconds_text(did.queued_s), 5)] if did.queued_s is not None else []
    for model in endpoint.models[:3]:
        on_gpu = model.gpu_bytes / model.total_bytes if model.total_bytes and model.gpu_bytes is not None else None
        where = "" if on_gpu is None else f", {percent(on_gpu).strip()} on GPU"
        parts.append(Field("holds", f"{span(model.name).text} {bytes_text(model.total_bytes).strip()}{where}", 2))
    return parts


def bandwidth(view: View, server: ServerMoment) -> str | None:
    """`41.2 of 46.0 GB/s measured`: what decoding reads, reckoned as the verdict does, against the memory's peak."""
    did, sample = activity_of(view, server.pid), view.sample
    if did is None or did.engine is None or sample is None:
        return None
    if did.engine.read_bytes_per_s is not None:
        return f"{number(did.engine.read_bytes_per_s / 1e9).strip()} GB/s a GPU (the engine's estimate)"
    served = Served(
        moment=server,
        activity=did,
        model=model_of(view, server.pid),
        gpus=tuple(gpu for gpu in sample.gpus if any(user.pid == server.pid for user in gpu.users)),
        phase="decode",
        decode=did.engine.decode_tokens_per_s,
        prompt=did.engine.prompt_tokens_per_s,
        usable_cpus=None,
    )
    scene = Scene(samples=(sample,), now=sample, activity=view.activity, facts=view.facts, servers=(served,))
    read = read_of(scene, served)
    if isinstance(read, str):
        return None
    place = read.slowest
    where = f" ({place.name})" if len(read.places) > 1 else ""
    return (
        f"{number(place.bytes_per_s / 1e9)} of {number(place.peak.per_s / 1e9).strip()} GB/s {place.peak.basis}{where}"
    )


def tokens_text(value: float) -> str:
    """Tokens a second, in four or five cells."""
    return number(value) if value < 9999.5 else count_text(value)

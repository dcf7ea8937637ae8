"""llama-server: /metrics, /slots and /props, of builds from 2024 on.

What its pages say and when they say it: tools/server/README.md and server-context.cpp of llama.cpp. Gauges of tokens/s
start anew with each scrape, whoever scrapes, so only counters are used. `tokens_predicted_total` moves when a request
ends; until then its slot's `n_decoded` tells, and both together make a count that is exact at every moment.
"""

import time
from collections.abc import Sequence
from itertools import islice, zip_longest
from typing import Any
from urllib.parse import quote

from ...loopback import Get, Response
from ...reading import Unreadable
from ..engine import BUSY, EngineMoment, LoadedModel, SlotMoment
from .llama_slots import parse_slots
from .made import failed, moment, parsed, refused, text
from .prometheus import Metrics, parse_metrics

MAX_MODELS = 1024
NO_METRICS = "start it with --metrics"
NO_SLOTS = "start it with --slots"
_PREFIX = "llamacpp:"
_NAMES = (
    "tokens_predicted_total",
    "tokens_predicted_seconds_total",
    "prompt_tokens_total",
    "prompt_tokens_cached_total",
    "prompt_seconds_total",
    "requests_processing",
    "requests_deferred",
    "spec_decode_num_draft_tokens_total",
    "spec_decode_num_accepted_tokens_total",
    "kv_cache_usage_ratio",
    "kv_cache_tokens",
)
_TRIES = 5
_AWAKE_S = 2.5
"""So soon after it worked no server has fallen asleep (--sleep-idle-seconds)."""


def read_llama_cpp(
    get: Get, before: EngineMoment | None = None, shared_context: bool | None = None, query: str = ""
) -> EngineMoment:
    """What the server tells now.

    `before` is what it told last: what does not change is not asked again. `shared_context` says whether slots share
    one context (`shares_context`), which the server does not tell. `query` names a router's model.
    """
    try:
        return _read(get, before, shared_context, query)
    except Unreadable as why:
        if why.reason == "timed out" and _is_alive(get):
            return moment("timed out", BUSY)
        return failed(why)


def _is_alive(get: Get) -> bool:
    """Slots and metrics are told between two batches; this page always."""
    try:
        return get("/health").status == 200
    except Unreadable:
        return False


def shares_context(argv: Sequence[str]) -> bool:
    """Whether all slots share one context (--kv-unified), which is so where their number is left to the server."""
    given: bool | None = None
    slots = False
    for word, following in zip_longest(argv, argv[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if name in ("-kvu", "--kv-unified"):
            given = True
        elif name in ("-no-kvu", "--no-kv-unified"):
            given = False
        elif name in ("-np", "--parallel"):
            slots = not (value if equals else following).startswith("-")
    return given if given is not None else not slots


def _read(get: Get, before: EngineMoment | None, shared: bool | None, query: str) -> EngineMoment:
    known = before if before is not None and before.state in ("ready", "no metrics") else None
    told: dict[str, Any] = {"model": known.model, "version": known.version} if known else {}
    # A server that idles may fall asleep, and to be asked for slots would wake it: /props alone does not.
    if known is None or not known.running or time.monotonic() - known.clock_s > _AWAKE_S:
        properties = get(f"/props{query}")
        if (why := refused(properties)) is not None:
            return why
        fields = _object(properties)
        if fields.get("role") == "router":
            return _router(get, fields)
        told = {"model": _model(fields), "version": text(fields.get("build_info"))}
        if fields.get("is_sleeping") is True:
            kept = {name: getattr(before, name) for name in _COUNTERS} if before is not None else {}
            return moment("sleeping", "sleeps until the next request", **(kept | told))
    return _ready(get, known, shared, query, told)


_COUNTERS = (
    "generated_tokens",
    "generated_when_done",
    "prompt_tokens",
    "cached_tokens",
    "cache_queries",
    "generation_seconds",
    "prompt_seconds",
    "drafted_tokens",
    "accepted_tokens",
)
"""What a server that has fallen asleep would still tell."""


def _ready(get: Get, known: EngineMoment | None, shared: bool | None, query: str, told: dict[str, Any]) -> EngineMoment:
    """Slots between two equal scrapes are of the same moment as these: no request ended in between."""
    last = known.generated_tokens if known else None
    if known is not None and last is not None and known.running == 0 and known.slots:
        # To be asked for slots keeps a server from falling asleep, to be asked for metrics does not.
        metrics = _scrape(get, query)
        if isinstance(metrics, EngineMoment):
            return metrics
        if _is_idle(metrics, known):
            return _assemble(metrics, known.slots, shared, told)
    slots: tuple[SlotMoment, ...] | None = ()
    metrics = Metrics({})
    for _ in range(_TRIES):
        answer = get(f"/slots{query}")
        if (why := refused(answer)) is not None:
            return why
        slots = parse_slots(parsed(answer)) if answer.status == 200 else None
        scraped = _scrape(get, query)
        if isinstance(scraped, EngineMoment):
            return scraped
        metrics = scraped
        generated = _counter(metrics, "tokens_predicted_total")
        if slots is None or generated is None or generated == last:
            break
        last = generated
    return _assemble(metrics, slots, shared, told)


def _scrape(get: Get, query: str) -> Metrics | EngineMoment:
    answer = get(f"/metrics{query}")
    if (why := refused(answer)) is not None:
        return why
    return parse_metrics(answer.body, _PREFIX, _NAMES) if answer.status == 200 else Metrics({})


def _is_idle(metrics: Metrics, known: EngineMoment) -> bool:
    """Whether nothing has happened since it was last seen idle, so that its slots are what they were."""
    return (
        _counter(metrics, "requests_processing") == 0
        and _counter(metrics, "tokens_predicted_total") == known.generated_tokens
        and _counter(metrics, "prompt_tokens_total") == known.prompt_tokens
        and not _counter(metrics, "requests_deferred")
    )


def _assemble(
    metrics: Metrics, slots: tuple[SlotMoment, ...] | None, shared: bool | None, told: dict[str, Any]
) -> EngineMoment:
    if not metrics and slots is None:
        return moment("no metrics", f"{NO_METRICS} (and --slots)", **told)
    busy = [slot for slot in slots or () if slot.state != "idle"]
    prompt, cached = _counter(metrics, "prompt_tokens_total"), _counter(metrics, "prompt_tokens_cached_total")
    running = _counter(metrics, "requests_processing")
    told |= _context(metrics, slots or (), shared)
    return moment(
        "ready" if metrics else "no metrics",
        ("" if metrics else NO_METRICS) if slots is not None else NO_SLOTS,
        generated_tokens=_counter(metrics, "tokens_predicted_total"),
        generated_when_done=True,
        prompt_tokens=prompt,
        cached_tokens=cached,
        cache_queries=prompt + cached if prompt is not None and cached is not None else None,
        generation_seconds=_counter(metrics, "tokens_predicted_seconds_total"),
        prompt_seconds=_counter(metrics, "prompt_seconds_total"),
        # Slots and metrics are of two moments a little apart; the slots are what is shown.
        running=float(len(busy)) if slots is not None else running,
        waiting=_counter(metrics, "requests_deferred"),
        drafted_tokens=_counter(metrics, "spec_decode_num_draft_tokens_total"),
        accepted_tokens=_counter(metrics, "spec_decode_num_accepted_tokens_total"),
        slots=slots or (),
        **told,
    )


def _counter(metrics: Metrics, name: str) -> float | None:
    value = metrics.total([name])
    return value if value is not None and value >= 0 else None


def _context(metrics: Metrics, slots: tuple[SlotMoment, ...], shared: bool | None) -> dict[str, Any]:
    """How full the context is with requests under way; what idle slots keep is given up when it is needed."""
    ratio, tokens = _counter(metrics, "kv_cache_usage_ratio"), _counter(metrics, "kv_cache_tokens")
    sizes = [slot.context_size for slot in slots if slot.context_size]
    used = sum(slot.context_used or 0 for slot in slots if slot.state != "idle")
    size = None
    if sizes and (shared is not None or len(sizes) == 1):
        size = max(sizes) if shared else sum(sizes)
    if ratio is not None:
        return {
            "kv_share": min(ratio, 1.0),
            "kv_tokens": int(tokens) if tokens is not None else None,
            "kv_size_tokens": size,
        }
    return {
        "kv_share": min(used / size, 1.0) if size else None,
        "kv_tokens": used if sizes else None,
        "kv_size_tokens": size,
    }


def _object(answer: Response) -> dict[str, Any]:
    """The fields of /props, none where there is no such page (llama-cpp-python)."""
    if answer.status != 200:
        return {}
    fields = parsed(answer)
    return fields if isinstance(fields, dict) else {}


def _model(fields: dict[str, Any]) -> str | None:
    return text(fields.get("model_path")) or text(fields.get("model_alias"))


def _router(get: Get, fields: dict[str, Any]) -> EngineMoment:
    """A router serves nothing itself: its children are servers of their own. It is not made to load anything."""
    answer = get("/models")
    if (why := refused(answer)) is not None:
        return why
    listed = _object(answer).get("data")
    models = tuple(
        LoadedModel(name=name, total_bytes=None, gpu_bytes=None)
        for one in islice(listed if isinstance(listed, list) else (), MAX_MODELS)
        if isinstance(one, dict) and _is_loaded(one) and (name := text(one.get("id")))
    )
    detail = "a router: its models are told by servers of their own"
    return moment("ready", detail, models=models, version=text(fields.get("build_info")))


def _is_loaded(one: dict[str, Any]) -> bool:
    status = one.get("status")
    return isinstance(status, dict) and status.get("value") in ("loaded", "sleeping")


def router_query(model: str) -> str:
    """What asks a router of one of its models, without making it load that."""
    return f"?model={quote(model, safe='')}&autoload=false"

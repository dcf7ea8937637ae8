"""vLLM: /metrics of V1 and V0 (vllm/v1/metrics/loggers.py, vllm/engine/metrics.py), and /version.

Counters grow with each step. With several engines (data parallel) there is a row for each: they are added up, and of
their caches the fullest is told, for that is where requests wait. Builds with several API servers told a row for each
of these processes (`pid`), all of the same thing.
"""

from ...loopback import Get
from ...reading import Unreadable
from ..engine import EngineMoment
from .made import failed, moment, parsed, text
from .prometheus import Metrics
from .scrape import histogram, scrape, share

NO_METRICS = "start it without --disable-log-stats"
_PREFIX = "vllm[:_]"
_SAME = frozenset({"pid"})
_KV = ("kv_cache_usage_perc", "gpu_cache_usage_perc")
_QUERIES = ("prefix_cache_queries_total", "gpu_prefix_cache_queries_total")
_HITS = ("prefix_cache_hits_total", "gpu_prefix_cache_hits_total")
_BETWEEN = ("inter_token_latency_seconds", "time_per_output_token_seconds")
_QUEUED = ("request_queue_time_seconds", "time_in_queue_requests")
_NAMES = (
    "num_requests_running",
    "num_requests_waiting",
    "num_requests_swapped",
    "num_preemptions_total",
    "prompt_tokens_total",
    "generation_tokens_total",
    "spec_decode_num_draft_tokens_total",
    "spec_decode_num_accepted_tokens_total",
    "estimated_read_bytes_per_gpu_total",
    "cache_config_info",
    "engine_sleep_state",
    *_KV,
    *_QUERIES,
    *_HITS,
    *(part for name in ("time_to_first_token_seconds", *_BETWEEN, *_QUEUED) for part in histogram(name)),
)


def read_vllm(get: Get, before: EngineMoment | None = None) -> EngineMoment:
    """What the server tells now."""
    try:
        metrics = scrape(get, "/metrics", _PREFIX, _NAMES, NO_METRICS)
        if isinstance(metrics, EngineMoment):
            return metrics
        version = before.version if before is not None and before.state == "ready" else _version(get)
    except Unreadable as why:
        return failed(why)
    return told_by(metrics, version)


def told_by(metrics: Metrics, version: str | None) -> EngineMoment:
    """The moment that these series describe."""

    def total(*names: str) -> float | None:
        return metrics.total(names, _SAME)

    # Requests that V0 moved out to the host wait as well.
    waiting, swapped = total("num_requests_waiting"), total("num_requests_swapped")
    asleep = metrics.total(["engine_sleep_state"], _SAME, sleep_state="awake") == 0
    size, used = _size(metrics), share(metrics.largest(_KV, _SAME))
    return moment(
        "sleeping" if asleep else "ready",
        "sleeps until it is woken" if asleep else "",
        generated_tokens=total("generation_tokens_total"),
        prompt_tokens=total("prompt_tokens_total"),
        cached_tokens=total(*_HITS),
        cache_queries=total(*_QUERIES),
        running=total("num_requests_running"),
        waiting=waiting + (swapped or 0) if waiting is not None else None,
        preemptions=total("num_preemptions_total"),
        kv_share=used,
        kv_tokens=round(used * size) if used is not None and size is not None else None,
        kv_size_tokens=size,
        drafted_tokens=total("spec_decode_num_draft_tokens_total"),
        accepted_tokens=total("spec_decode_num_accepted_tokens_total"),
        first_token=metrics.mean(["time_to_first_token_seconds"], _SAME),
        between_tokens=metrics.mean(_BETWEEN, _SAME),
        queued=metrics.mean(_QUEUED, _SAME),
        read_bytes_estimate=metrics.largest(["estimated_read_bytes_per_gpu_total"], _SAME),
        model=metrics.label(["num_requests_running", "generation_tokens_total"], "model_name"),
        version=version,
    )


def _size(metrics: Metrics) -> int | None:
    """Tokens that one engine's cache can hold."""
    for labels, _ in metrics.series("cache_config_info"):
        told = labels.get("kv_cache_size_tokens", "")
        blocks, block = labels.get("num_gpu_blocks", ""), labels.get("block_size", "")
        if _counts(told):
            return int(told)
        if _counts(blocks) and _counts(block):
            return int(blocks) * int(block)
    return None


def _counts(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 16


def _version(get: Get) -> str | None:
    answer = get("/version")
    try:
        fields = parsed(answer) if answer.status == 200 else None
    except Unreadable:
        return None
    return text(fields.get("version")) if isinstance(fields, dict) else None

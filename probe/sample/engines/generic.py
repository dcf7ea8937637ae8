"""Any other server with a Prometheus endpoint: names that several engines use, under whatever prefix.

TensorRT-LLM tells at /prometheus/metrics, LMDeploy and most others at /metrics. Whether its token counter moves with
each step or when a request ends is not known, so it is told as it is.
"""

from ...loopback import Get
from ...reading import Unreadable
from ..engine import EngineMoment
from .made import failed, moment
from .prometheus import Metrics
from .scrape import histogram, scrape, share

NO_METRICS = "it tells nothing at /metrics that is known here"
PATHS = ("/metrics", "/prometheus/metrics")
_PREFIX = r"(?:[a-zA-Z]\w{0,40}?[:_])?"
_GENERATED = ("generation_tokens_total", "generated_tokens_total", "tokens_predicted_total", "output_tokens_total")
_PROMPT = ("prompt_tokens_total", "input_tokens_total")
_RUNNING = ("num_requests_running", "num_running_reqs", "running_requests", "requests_processing")
_WAITING = ("num_requests_waiting", "num_queue_reqs", "waiting_requests", "requests_deferred")
_KV = ("kv_cache_usage_perc", "gpu_cache_usage_perc", "kv_cache_utilization", "kv_cache_usage_ratio", "token_usage")
_FIRST = ("time_to_first_token_seconds",)
_BETWEEN = ("inter_token_latency_seconds", "time_per_output_token_seconds")
_QUEUED = ("request_queue_time_seconds", "queue_time_seconds")
_NAMES = (
    *_GENERATED,
    *_PROMPT,
    *_RUNNING,
    *_WAITING,
    *_KV,
    *(part for name in (*_FIRST, *_BETWEEN, *_QUEUED) for part in histogram(name)),
)


def read_generic(get: Get, before: EngineMoment | None = None) -> EngineMoment:
    """What the server tells now."""
    found: Metrics | EngineMoment | None = None
    try:
        for path in PATHS:
            found = scrape(get, path, _PREFIX, _NAMES, NO_METRICS)
            if isinstance(found, Metrics) or found.state != "no metrics":
                break
    except Unreadable as why:
        return failed(why)
    return told_by(found) if isinstance(found, Metrics) else found or moment("no metrics", NO_METRICS)


def told_by(metrics: Metrics) -> EngineMoment:
    """The moment that these series describe."""
    return moment(
        "ready",
        generated_tokens=metrics.total(_GENERATED),
        prompt_tokens=metrics.total(_PROMPT),
        running=metrics.total(_RUNNING),
        waiting=metrics.total(_WAITING),
        kv_share=share(metrics.largest(_KV)),
        first_token=metrics.mean(_FIRST),
        between_tokens=metrics.mean(_BETWEEN),
        queued=metrics.mean(_QUEUED),
        model=metrics.label((*_RUNNING, *_GENERATED), "model_name"),
    )

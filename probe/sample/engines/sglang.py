"""SGLang: /metrics (python/sglang/srt/metrics/collector.py), with --enable-metrics.

`generation_tokens_total` moves when a request ends, so the rate is the scheduler's own gauge. Ranks of one replica
(tensor and pipeline parallel) tell the same thing, replicas (`dp_rank`) are added up.
"""

from ...loopback import Get
from ..engine import EngineMoment
from .made import moment
from .prometheus import Metrics
from .scrape import histogram, read_metrics, share

NO_METRICS = "start it with --enable-metrics"
_PREFIX = "sglang[:_]"
_SAME = frozenset({"pid", "tp_rank", "pp_rank", "moe_ep_rank"})
_BETWEEN = ("inter_token_latency_seconds", "time_per_output_token_seconds")
_NAMES = (
    "num_running_reqs",
    "num_queue_reqs",
    "num_retracted_requests_total",
    "prompt_tokens_total",
    "generation_tokens_total",
    "cached_tokens_total",
    "token_usage",
    "num_used_tokens",
    "max_total_num_tokens",
    "gen_throughput",
    "estimated_read_bytes_per_gpu_total",
    *(part for name in ("time_to_first_token_seconds", "queue_time_seconds", *_BETWEEN) for part in histogram(name)),
)


def read_sglang(get: Get, before: EngineMoment | None = None) -> EngineMoment:
    """What the server tells now."""
    return read_metrics(get, _PREFIX, _NAMES, NO_METRICS, told_by)


def told_by(metrics: Metrics) -> EngineMoment:
    """The moment that these series describe."""

    def total(name: str) -> float | None:
        return metrics.total([name], _SAME)

    running, rate = total("num_running_reqs"), total("gen_throughput")
    used, size = total("num_used_tokens"), total("max_total_num_tokens")
    return moment(
        "ready",
        generated_tokens=total("generation_tokens_total"),
        generated_when_done=True,
        prompt_tokens=total("prompt_tokens_total"),
        cached_tokens=total("cached_tokens_total"),
        cache_queries=total("prompt_tokens_total") if "cached_tokens_total" in metrics else None,
        running=running,
        waiting=total("num_queue_reqs"),
        preemptions=total("num_retracted_requests_total"),
        kv_share=share(metrics.largest(["token_usage"], _SAME)),
        kv_tokens=int(used) if used is not None else None,
        kv_size_tokens=int(size) if size is not None else None,
        first_token=metrics.mean(["time_to_first_token_seconds"], _SAME),
        between_tokens=metrics.mean(_BETWEEN, _SAME),
        queued=metrics.mean(["queue_time_seconds"], _SAME),
        read_bytes_estimate=metrics.largest(["estimated_read_bytes_per_gpu_total"], _SAME),
        # The gauge keeps its last value when there is nothing to do.
        rate_tokens_per_s=0.0 if rate is not None and running == 0 else rate,
        model=metrics.label(["num_running_reqs", "generation_tokens_total"], "model_name"),
    )

"""Text Generation Inference: /metrics (docs/source/reference/metrics.md), on the port of its API.

It tells tokens when a request ends, as sums of histograms.
"""

from ...loopback import Get
from ..engine import EngineMoment, MeanOf
from .made import moment
from .prometheus import Metrics
from .scrape import histogram, read_metrics

NO_METRICS = "nothing of TGI's is at /metrics on this port"
_PREFIX = "tgi_"
_HISTOGRAMS = (
    "request_generated_tokens",
    "request_input_length",
    "request_queue_duration",
    "request_inference_duration",
    "request_mean_time_per_token_duration",
)
_NAMES = (
    "batch_current_size",
    "queue_size",
    *(part for name in _HISTOGRAMS for part in histogram(name)),
)


def read_tgi(get: Get, before: EngineMoment | None = None) -> EngineMoment:
    """What the server tells now."""
    return read_metrics(get, _PREFIX, _NAMES, NO_METRICS, told_by)


def told_by(metrics: Metrics) -> EngineMoment:
    """The moment that these series describe."""
    generated = metrics.mean(["request_generated_tokens"])
    read = metrics.mean(["request_input_length"])
    computed: MeanOf | None = metrics.mean(["request_inference_duration"])
    return moment(
        "ready",
        generated_tokens=generated.seconds if generated else None,
        generated_when_done=True,
        prompt_tokens=read.seconds if read else None,
        generation_seconds=computed.seconds if computed else None,
        running=metrics.total(["batch_current_size"]),
        waiting=metrics.total(["queue_size"]),
        # A mean of the requests' means: the server tells no other.
        between_tokens=metrics.mean(["request_mean_time_per_token_duration"]),
        queued=metrics.mean(["request_queue_duration"]),
    )

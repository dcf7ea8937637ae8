"""What readers of engines with a Prometheus endpoint share."""

from collections.abc import Callable

from ...loopback import Get
from ...reading import Unreadable
from ..engine import EngineMoment
from .made import failed, moment, refused
from .prometheus import Metrics, parse_metrics


def scrape(get: Get, path: str, prefix: str, names: tuple[str, ...], missing: str) -> Metrics | EngineMoment:
    """The wanted series at `path`, or the moment that says why there are none; `missing` is what to do about it."""
    response = get(path)
    if (why := refused(response)) is not None:
        return why
    metrics = parse_metrics(response.body, prefix, names) if response.status == 200 else None
    return metrics or moment("no metrics", missing)


def read_metrics(
    get: Get, prefix: str, names: tuple[str, ...], missing: str, told_by: Callable[[Metrics], EngineMoment]
) -> EngineMoment:
    """What a server tells now whose /metrics is all there is; `told_by` makes it of the series."""
    try:
        metrics = scrape(get, "/metrics", prefix, names, missing)
    except Unreadable as why:
        return failed(why)
    return metrics if isinstance(metrics, EngineMoment) else told_by(metrics)


def histogram(name: str) -> tuple[str, str]:
    """The two series of a histogram that are looked at."""
    return f"{name}_sum", f"{name}_count"


def share(value: float | None) -> float | None:
    """A share from 0 to 1."""
    return None if value is None else min(max(value, 0.0), 1.0)

"""What `llmtune exporter` does: sample at its own pace, and answer scrapes from the last observation."""

import contextlib
import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import click
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Collects

from .. import __version__
from ..advisors.bottleneck.observer import Observation
from ..probe.live import LiveSource
from ..reports.escape import printable
from ..reports.metric_families import FAMILIES
from ..reports.metrics import Point, points
from . import exit_codes
from .common import InputError, file_error
from .observing import live
from .stopping import Stop, until_stopped

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MAX_CONNECTIONS = 16
PATIENCE_SECONDS = 10.0
"""For a client that says or takes nothing."""
OLD_AFTER_INTERVALS = 3


class Latest(NamedTuple):
    """The last observation."""

    observation: Observation
    lasting: Mapping[tuple[str, str | None], float]
    taken_s: float
    """Monotonic."""


class Metrics(Collects):
    """Makes metrics of the last observation; asks nothing, so a scrape never waits for a GPU or a server."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self.latest: Latest | None = None

    def describe(self) -> Iterable[Metric]:
        """Names are known without an observation."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All families that have a value."""
        latest = self.latest
        yield _family("llmtune_build_info", "gauge", "1; the version.", [Point("", {"version": __version__}, 1.0)])
        if latest is None:
            yield _family("llmtune_up", "gauge", "No sample yet.", [Point("llmtune_up", {}, 0.0)])
            return
        age_s = time.monotonic() - latest.taken_s
        found: dict[str, list[Point]] = {
            "llmtune_up": [Point("llmtune_up", {}, float(age_s <= OLD_AFTER_INTERVALS * self._interval_s + 1))],
            "llmtune_sample_age_seconds": [Point("llmtune_sample_age_seconds", {}, age_s)],
        }
        for point in points(latest.observation, latest.lasting):
            found.setdefault(point.family, []).append(point)
        for family in FAMILIES:
            if family.name in found:
                yield _family(family.name, family.kind, family.help, found[family.name])


def _family(name: str, kind: str, text: str, values: list[Point]) -> Metric:
    labels = list(values[0].labels)
    make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    made = make(name, text, labels=labels)
    seen: set[tuple[str, ...]] = set()
    for point in values:
        shown = tuple(map(_label, point.labels.values()))
        # Long names may differ only in what was cut off; Prometheus refuses all for one series that is told twice.
        if shown not in seen:
            seen.add(shown)
            made.add_metric(shown, point.value)
    return made


def _label(value: str) -> str:
    """Foreign text: bounded, and what is no text replaced; the library escapes quotes and line ends."""
    return value[:200].encode("utf-8", "replace").decode()


class _Handler(WSGIRequestHandler):
    """Silent, and not patient without end."""

    timeout = PATIENCE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # named so by its base
        """Scrapes are no news."""


class _Server(ThreadingMixIn, WSGIServer):
    """A few connections at a time; what comes on top is hung up on."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], family: socket.AddressFamily) -> None:
        self.address_family = family
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """As the base does it, without asking name servers for our own name."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take one, if there is room."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no news either."""


def serve(host: str, port: int, interval_s: float) -> int:
    """Run until the end is asked for."""
    metrics = Metrics(interval_s)
    with until_stopped() as stop, _listening(host, port, metrics) as where:
        shown = f"[{where[0]}]" if ":" in where[0] else where[0]
        click.echo(f"http://{shown}:{where[1]}/metrics", err=True)
        if not _is_loopback(where[0]):
            click.echo(
                f"llmtune: warning: {printable(where[0])} can be reached from other machines, without encryption or "
                "password; whoever reaches it sees which models run here",
                err=True,
            )
        _observe(metrics, interval_s, stop)
    return exit_codes.OK


def _observe(metrics: Metrics, interval_s: float, stop: Stop) -> None:
    since: dict[tuple[str, str | None], float] = {}
    with contextlib.closing(live(LiveSource(), interval_s, stop)) as observations:
        for seen in observations:
            now_s = seen.sample.clock_s
            since = {key: since.get(key, now_s) for one in seen.verdicts for key in [(one.kind, one.subject)]}
            lasting = {key: now_s - began_s for key, began_s in since.items()}
            metrics.latest = Latest(seen, lasting, time.monotonic())


@contextlib.contextmanager
def _listening(host: str, port: int, metrics: Metrics) -> Iterator[tuple[str, int]]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        server = _Server((str(address[0]), int(address[1])), family)
    except (OSError, UnicodeError) as error:
        what = f"cannot listen on {host}:{port}"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise InputError(f"{what}: in use") from None
        raise file_error(what, error) from None
    server.set_app(_application(cast("WSGIApplication", make_wsgi_app(registry))))
    threading.Thread(target=server.serve_forever, name="scrapes", kwargs={"poll_interval": 0.2}, daemon=True).start()
    try:
        yield server.server_name, server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _application(metrics: "WSGIApplication") -> "WSGIApplication":
    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("405 Method Not Allowed", [("Allow", "GET, HEAD")])
            return [b""]
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start)
        found = environ["PATH_INFO"] == "/"
        start("200 OK" if found else "404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"llmtune {__version__}: metrics are at /metrics\n".encode()]

    return answer


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False

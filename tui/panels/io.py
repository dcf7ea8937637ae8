"""Drives: how fast, how long each request takes, how deep the queue is."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...probe.diskstats import Rates
from ...probe.sample.sample import DriveMoment
from ..line import Line, Span, Style, span
from ..view import View
from .columns import Column, Field, fields, table, wrapped
from .common import Chart, chosen, known, note, selected_place, waiting, window, with_charts
from .units import bytes_text, count_text, percent, rate_text, stalled_text

TITLE = "I/O"
SORTS = ("busy", "read", "write", "name")


class _Drive(NamedTuple):
    moment: DriveMoment
    rates: Rates | None
    holds: str
    """The servers whose models lie on it."""


_KEYS: dict[str, Callable[[_Drive], Any]] = {
    "busy": lambda one: (not one.holds, -(one.rates.util_percent if one.rates else 0.0), one.moment.name),
    "read": lambda one: None if one.rates is None else -one.rates.read_bytes_per_s,
    "write": lambda one: None if one.rates is None else -one.rates.write_bytes_per_s,
    "name": lambda one: one.moment.name,
}


def rows(view: View) -> Sequence[str]:
    """Names of the drives."""
    return [one.moment.name for one in _drives(view)]


def lines(view: View, width: int, height: int) -> list[Line]:
    """The table, stalls, charts of the selected drive."""
    return with_charts(view, body, charts(view), width, height)


def charts(view: View) -> list[Chart]:
    """Of the selected drive."""
    drives = _drives(view)
    if not drives:
        return []
    name = drives[selected_place(view, len(drives))].moment.name
    title = span(name).text
    wanted: list[Chart] = [
        (f"{title} read", f"drive/{name}/read", 1e6, rate_text),
        (f"{title} write", f"drive/{name}/write", 1e6, rate_text),
        ("stalled for I/O", "psi/io", 0.1, percent),
    ]
    return known(view, wanted)


def body(view: View, width: int, height: int) -> list[Line]:
    """All but charts."""
    sample = view.sample
    if sample is None:
        return waiting(width)
    drives = _drives(view)
    if not drives:
        filtered = sample.drives and view.choice.filter
        return [note(f"no drive matches the filter: {view.choice.filter}" if filtered else "no drive seen", width)]
    stalls = _stalls(view, width)
    place = selected_place(view, len(drives))
    if view.choice.detail:
        return [*_detail(drives[place], width), *stalls]
    here = window(len(drives), place, max(1, height - 1 - bool(stalls)))
    shown = [drives[row] for row in here]
    made = table(
        _columns(shown),
        width,
        place - here.start if len(drives) > 1 and view.choice.row >= 0 else None,
        view.ascii_only,
    )
    return [*made, *stalls]


def brief(view: View) -> str:
    """In a few words."""
    told = [(one.rates, one.moment.name) for one in _drives(view) if one.rates is not None]
    if not told:
        return ""
    rates, name = max(told, key=lambda one: one[0].util_percent)
    read, wrote = rate_text(rates.read_bytes_per_s).strip(), rate_text(rates.write_bytes_per_s).strip()
    return f"{span(name).text} {rates.util_percent:.0f}% busy, reads {read}, writes {wrote}"


def _drives(view: View) -> list[_Drive]:
    if view.sample is None:
        return []
    rates = view.activity.drives if view.activity is not None else {}
    servers = {one.pid: one.engine for one in view.sample.servers}
    held: dict[str, list[str]] = {}
    for one in view.facts.servers if view.facts is not None else ():
        if one.model is not None and one.model.drive is not None and one.pid in servers:
            held.setdefault(one.model.drive, []).append(f"{servers[one.pid]} {one.pid}")
    all_drives = [
        _Drive(moment, rates.get(moment.name), ", ".join(held.get(moment.name, []))) for moment in view.sample.drives
    ]
    return chosen(view, all_drives, _KEYS, lambda one: one.moment.name, "busy")


def _detail(drive: _Drive, width: int) -> list[Line]:
    moment, rates, holds = drive
    head: Line = (span(moment.name, "bold"),)
    if rates is None:
        return [head, note("  waiting for a second reading: rates are between two", width)]
    busy = _busy(rates)
    parts = [
        Field("read", rate_text(rates.read_bytes_per_s)),
        Field("reads", f"{count_text(rates.reads_per_s)}/s"),
        Field("each takes", "-" if rates.read_await_ms is None else f"{rates.read_await_ms:.2f} ms"),
        Field("written", rate_text(rates.write_bytes_per_s)),
        Field("writes", f"{count_text(rates.writes_per_s)}/s"),
        Field("each takes", "-" if rates.write_await_ms is None else f"{rates.write_await_ms:.2f} ms"),
        Field("busy", f"{busy.text.strip()} of the time", style=busy.style),
        Field("queue", f"{rates.queue_length:.1f} requests"),
        Field("read-ahead", bytes_text(moment.read_ahead_bytes).strip()),
        Field("holds the model of", span(holds or "no server that runs").text),
    ]
    return [head, *wrapped(parts, width, "  ")]


def _columns(drives: Sequence[_Drive]) -> list[Column]:
    def column(title: str, priority: int, tell: Callable[[Rates], Span | str], **more: Any) -> Column:
        made = []
        for one in drives:
            value = "-" if one.rates is None else tell(one.rates)
            made.append((value if isinstance(value, Span) else Span(value),))
        return Column(title, priority, made, **more)

    return [
        Column("drive", 0, [(span(one.moment.name),) for one in drives], right=False, least=7),
        column("read", 0, lambda rates: rate_text(rates.read_bytes_per_s), width=11),
        column("write", 2, lambda rates: rate_text(rates.write_bytes_per_s), width=11),
        column("busy", 1, _busy, width=4),
        column("await r/w", 3, _await, width=12),
        column("queue", 4, lambda rates: f"{rates.queue_length:.1f}", width=5),
        column("reads/s", 6, lambda rates: count_text(rates.reads_per_s), width=7),
        column("writes/s", 7, lambda rates: count_text(rates.writes_per_s), width=8),
        Column("read-ahead", 8, [(Span(bytes_text(one.moment.read_ahead_bytes).strip()),) for one in drives]),
        Column("model of", 5, [(span(one.holds, "dim"),) for one in drives], right=False, least=12),
    ]


def _busy(rates: Rates) -> Span:
    style: Style = "notice" if rates.util_percent >= 90 and rates.read_bytes_per_s >= 1e6 else "plain"
    return Span(f"{rates.util_percent:3.0f}%", style)


def _await(rates: Rates) -> str:
    read, write = (
        "-" if value is None else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
        for value in (rates.read_await_ms, rates.write_await_ms)
    )
    return "-" if read == write == "-" else f"{read}/{write} ms"


def _stalls(view: View, width: int) -> list[Line]:
    stalls = view.activity.stalls if view.activity is not None else None
    if stalls is None or stalls.io_some is None:
        return []
    style: Style = "notice" if stalls.io_some >= 0.1 else "plain"
    return [fields([Field("stalled for I/O", stalled_text(stalls.io_some, stalls.io_full), 0, style)], width)]

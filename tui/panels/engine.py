"""Inference servers: tokens a second, what is cached, queued and drafted, and the slots of the selected one."""

from collections.abc import Callable, Sequence
from typing import Any

from ...probe.sample.sample import ServerMoment
from ..line import Line, Span, span
from ..view import View
from .columns import Column, table
from .common import Chart, chosen, known, note, selected_place, sentences, waiting, window, with_charts
from .engine_words import at_length, decode_of, is_old, numbers, state_of, tokens_text
from .names import engine_of, model_name, servers_of
from .slots import slot_lines
from .units import count_text, percent, seconds_text

TITLE = "Engine"
SORTS = ("use", "tokens", "pid", "engine", "model")

_MAX_SERVERS = 6


def rows(view: View) -> Sequence[str]:
    """Process numbers of the servers."""
    return [str(one.pid) for one in _servers(view)]


def lines(view: View, width: int, height: int) -> list[Line]:
    """The servers, the selected one's numbers and slots, charts."""
    return with_charts(view, body, charts(view), width, height)


def charts(view: View) -> list[Chart]:
    """Of the selected server."""
    servers = _servers(view)
    if not servers:
        return []
    pid = servers[_place(view, servers)].pid
    wanted: list[Chart] = [
        ("decode tokens/s", f"decode/{pid}", 10, tokens_text),
        ("prompt tokens/s", f"prompt/{pid}", 100, tokens_text),
        ("KV cache in use", f"kv/{pid}", -1, percent),
    ]
    return known(view, wanted)


def body(view: View, width: int, height: int) -> list[Line]:
    """All but charts."""
    sample = view.sample
    if sample is None:
        return waiting(width)
    servers = _servers(view)
    if not servers:
        if sample.servers:
            return [note(f"no server matches the filter: {view.choice.filter}", width)]
        return _none(width)
    place = _place(view, servers)
    server = servers[place]
    if view.choice.detail:
        told = [_head(view, server, width), *at_length(view, server, width)]
        return told + slot_lines(view, server, width, height - len(told))
    if len(servers) == 1:
        told = [_head(view, server, width)]
    else:
        here = window(len(servers), place, min(_MAX_SERVERS, max(1, height - 3)))
        told = _table(view, [servers[row] for row in here], width, place - here.start if view.choice.row >= 0 else None)
        told.append(_head(view, server, width))
    told += numbers(view, server, width)
    return told + slot_lines(view, server, width, height - len(told))


def _place(view: View, servers: Sequence[ServerMoment]) -> int:
    """The server shown at length: the selected one or, where none is, the one that the verdict is about."""
    subject = view.verdict.subject if view.choice.row < 0 and view.verdict is not None else None
    return next((n for n, one in enumerate(servers) if str(one.pid) == subject), selected_place(view, len(servers)))


def brief(view: View) -> str:
    """In a few words."""
    rates = [decode_of(view, one) for one in view.sample.servers] if view.sample is not None else []
    known = [rate for rate in rates if rate is not None]
    servers = "no server" if not rates else "1 server" if len(rates) == 1 else f"{len(rates)} servers"
    return f"{servers}, {tokens_text(sum(known)).strip()} tokens/s" if known else servers


def _servers(view: View) -> list[ServerMoment]:
    servers = servers_of(view)
    places = {one.pid: place for place, one in enumerate(servers)}
    keys: dict[str, Callable[[ServerMoment], Any]] = {
        "use": lambda one: places[one.pid],
        "pid": lambda one: one.pid,
        "tokens": lambda one: None if decode_of(view, one) is None else -(decode_of(view, one) or 0.0),
        "engine": lambda one: (one.engine, one.pid),
        "model": lambda one: (one.model or "", one.pid),
    }
    words = lambda one: f"{one.pid} {one.engine} {one.model} {one.container} {one.port}"  # noqa: E731
    return chosen(view, servers, keys, words, "use")


def _none(width: int) -> list[Line]:
    return [
        note("no inference server runs here", width),
        *sentences("looked for: processes of llama-server, vLLM, SGLang, Ollama, TGI and others", width),
        *sentences("start one: llama-server -m MODEL.gguf --metrics, or llmtune launch MODEL", width),
    ]


def _head(view: View, server: ServerMoment, width: int) -> Line:
    """One server: what it is. The number of its process and its port leave first."""
    words, style = state_of(view, server)
    columns = [
        Column("", 1, [(span(server.engine, "bold"),)], right=False),
        Column("", 0, [(Span(model_name(server), "bold"),)], right=False, least=10, keep_end=True),
        Column("", 0, [(Span(words, style),)], right=False),
        Column("", 4, [(Span("" if server.port is None else f"port {server.port}", "dim"),)], right=False),
        Column("", 5, [(Span(f"pid {server.pid}", "dim"),)], right=False),
        Column("", 3, [(span(server.container or "", "dim"),)], right=False, least=8),
    ]
    return table(columns, width, None, view.ascii_only)[1]


def _table(view: View, servers: Sequence[ServerMoment], width: int, selected: int | None) -> list[Line]:
    def column(title: str, priority: int, tell: Callable[[ServerMoment], str | Span], **more: Any) -> Column:
        made = [(value if isinstance(value, Span) else Span(value),) for value in map(tell, servers)]
        return Column(title, priority, made, **more)

    def state(server: ServerMoment) -> Span:
        words, style = state_of(view, server)
        return Span(words, style)

    def ends(server: ServerMoment, name: str) -> str:
        value = None if is_old(server.endpoint) else getattr(server.endpoint, name, None)
        return percent(value) if name == "kv_share" else count_text(value)

    def rate(server: ServerMoment, name: str) -> str:
        engine = engine_of(view, server.pid)
        value = getattr(engine, name) if engine is not None else None
        return (
            "-"
            if value is None
            else seconds_text(value)
            if name.endswith("_s") and "per" not in name
            else tokens_text(value)
        )

    names = 10 if width < 100 else 20
    columns = [
        column("pid", 5, lambda one: str(one.pid)),
        column("engine", 2, lambda one: span(one.engine), right=False),
        column("model", 0, lambda one: Span(model_name(one)), right=False, least=names, keep_end=True),
        column("state", 1, state, right=False),
        column("decode t/s", 0, lambda one: rate(one, "decode_tokens_per_s"), width=10),
        column("prompt t/s", 3, lambda one: rate(one, "prompt_tokens_per_s"), width=10),
        column("first token", 6, lambda one: rate(one, "first_token_s"), width=11),
        column("KV", 4, lambda one: ends(one, "kv_share"), width=4),
        column("running", 7, lambda one: ends(one, "running"), width=7),
        column("waiting", 5, lambda one: ends(one, "waiting"), width=7),
        column("port", 8, lambda one: "-" if one.port is None else str(one.port), width=5),
        column("in", 9, lambda one: span(one.container or "", "dim"), right=False, least=8),
    ]
    return table(columns, width, selected, view.ascii_only)

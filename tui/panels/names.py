"""Servers and models by the names that people know them by."""

import os.path

from ...advisors.activity.activity import EngineActivity, ServerActivity
from ...advisors.bottleneck.facts import ModelFacts
from ...probe.sample.sample import ServerMoment
from ..line import span
from ..view import View

_BUSY_CPUS = 0.5
"""Of a server that tells nothing."""
_RECENT_S = 10
"""Who has answered since then is at work: rows do not jump between two requests."""


def servers_of(view: View) -> list[ServerMoment]:
    """In the order of every panel: the verdict's server, those at work, all others; each by its number."""
    servers = view.sample.servers if view.sample is not None else ()
    if len(servers) < 2:
        return list(servers)
    subject = view.verdict.subject if view.verdict is not None else None

    def rank(one: ServerMoment) -> tuple[int, int]:
        return (0 if str(one.pid) == subject else 1 if _at_work(view, one) else 2), one.pid

    return sorted(servers, key=rank)


def _at_work(view: View, server: ServerMoment) -> bool:
    told = server.endpoint
    # A long prompt moves no counter until it is read.
    if (
        told is not None
        and told.state != "timed out"
        and (told.running or any(one.state != "idle" for one in told.slots))
    ):
        return True
    did = activity_of(view, server.pid)
    now = did.engine if did is not None else None
    if now is not None and (now.decode_tokens_per_s or now.prompt_tokens_per_s):
        return True
    known = False
    for name in ("decode", "prompt"):
        for value in view.series.values(f"{name}/{server.pid}", _RECENT_S, _RECENT_S):
            if value:
                return True
            known = known or value is not None
    return not known and did is not None and did.cpus is not None and did.cpus >= _BUSY_CPUS


def served_by(view: View, pid: int) -> ServerMoment | None:
    """The server with this number."""
    return next((one for one in view.sample.servers if one.pid == pid), None) if view.sample is not None else None


def engine_name(server: ServerMoment) -> str:
    """The engine."""
    return span(server.engine).text


def label_of(view: View, server: ServerMoment) -> str:
    """The engine and, where several servers run, which of them."""
    several = view.sample is not None and len(view.sample.servers) > 1
    return f"{engine_name(server)} {server.pid}" if several else engine_name(server)


def model_name(server: ServerMoment) -> str:
    """The file's or the repository's last part, without its ending."""
    told = server.model or (server.endpoint.model if server.endpoint is not None else None)
    if told is None:
        return "unknown model"
    name = os.path.basename(told.rstrip("/")) or told
    return span(name.removesuffix(".gguf")).text


def activity_of(view: View, pid: int) -> ServerActivity | None:
    """What the server's process did."""
    return view.activity.servers.get(pid) if view.activity is not None else None


def engine_of(view: View, pid: int) -> EngineActivity | None:
    """What the server says that it did."""
    found = activity_of(view, pid)
    return found.engine if found is not None else None


def model_of(view: View, pid: int) -> ModelFacts | None:
    """What is known of its model."""
    known = view.facts.servers if view.facts is not None else ()
    return next((one.model for one in known if one.pid == pid), None)

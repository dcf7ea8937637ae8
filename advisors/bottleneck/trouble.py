"""A server that does not answer, or is stopped: what it told before holds no more."""

from .scene import Scene, Served
from .verdict import Bottleneck
from .words import verdict

SILENT_S = 5.0
"""So long without an answer is more than one late answer."""
_STATES = {
    "T": "the process is stopped (state T)",
    "t": "a debugger holds the process (state t)",
    "D": "the process waits for a drive or the kernel (state D)",
}


def trouble(scene: Scene, server: Served) -> Bottleneck | None:
    """Its process is stopped, or its endpoint was asked and has not answered in time."""
    told, state = server.moment.endpoint, server.moment.state
    if not server.hangs:
        return None
    seconds, cause = _silent_s(scene, server), _STATES.get(state or "", "")
    if seconds >= SILENT_S:
        words = f"does not answer for {seconds:.0f} s"
    else:
        words = "does not answer" if server.stopped else "did not answer in time"
    because = f": {cause}" if cause else ""
    return verdict(
        "engine trouble",
        server.subject,
        f"Engine trouble: {server.name} {words}{because}",
        (f"/proc/{server.moment.pid}/stat", f"state {state or 'not known'}"),
        ("engine", f"{told.state}: {told.detail}" if told else "no answer yet"),
        confidence="high" if server.stopped else "medium",
        badness="bad" if server.stopped or seconds >= SILENT_S else "notice",
        helps=f"kill -CONT {server.moment.pid} lets it go on"
        if state == "T"
        else "end the debugger, or let it go on"
        if state == "t"
        else "read its log; restart it if it stays so",
    )


def _silent_s(scene: Scene, server: Served) -> float:
    """Since the last moment at which it was not so; an endpoint that times out keeps the time of its last answer."""
    since = scene.now.clock_s
    told = server.moment.endpoint
    if told is not None and told.hangs:
        since = min(since, told.clock_s)
    for sample in reversed(scene.samples):
        then = next((one for one in sample.servers if one.pid == server.moment.pid), None)
        if then is None or then.started_ticks != server.moment.started_ticks:
            break
        if not (then.stopped or (then.endpoint is not None and then.endpoint.hangs)):
            break
        since = min(since, sample.clock_s)
    return max(0.0, scene.now.clock_s - since)


SERVER_RULES = (trouble,)

"""A server that does not answer, is stopped or has ended: what it told before holds no more."""

from itertools import islice

from ...probe.sample.sample import ServerMoment
from .scene import Scene, Served, named
from .verdict import Bottleneck
from .words import verdict

SILENT_S = 5.0
"""So long without an answer is more than one late answer."""
ENDED_S = 15.0
"""So long it is told that one has ended; why it did nobody can know."""
ENDED = "ended "
"""Before the number in the subject: that it has ended is another thing than that it hung before."""
MOST_ENDED = 8
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
        if not then.hangs:
            break
        since = min(since, sample.clock_s)
    return max(0.0, scene.now.clock_s - since)


def ended(scene: Scene) -> list[Bottleneck]:
    """Servers of the last seconds that are gone."""
    living = {one.pid for one in scene.now.servers}
    gone: dict[int, tuple[ServerMoment, float]] = {}
    for after, sample in islice(zip(reversed(scene.samples), reversed(scene.samples[:-1]), strict=False), 240):
        # The last moment but one counts, however long ago it was.
        if scene.now.clock_s - after.clock_s > ENDED_S:
            break
        for one in sample.servers:
            if one.pid not in living and one.pid not in gone:
                gone[one.pid] = one, scene.now.clock_s - sample.clock_s
    return [_ended(scene, one, seconds) for one, seconds in islice(gone.values(), MOST_ENDED)]


def _ended(scene: Scene, one: ServerMoment, seconds: float) -> Bottleneck:
    port = one.port
    heir = next((each for each in scene.now.servers if port is not None and each.port == port), None)
    now = f"; process {heir.pid} serves that port now" if heir else ""
    return verdict(
        "engine trouble",
        f"{ENDED}{one.pid}",
        f"Engine trouble: {named(one)} has ended{now}",
        (f"/proc/{one.pid}", f"last seen {seconds:.0f} s ago"),
        confidence="high",
        badness="notice",
        helps="its log tells why; dmesg, where the kernel killed it",
    )


SERVER_RULES = (trouble,)

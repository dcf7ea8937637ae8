"""Advice on inference servers that run: the right to lock their model in memory."""

import re
from collections.abc import Iterator

from ...probe.snapshot import Snapshot
from .advice import Advice, Wanted

_UNIT = re.compile(r"/system\.slice/(?:[^/]+/)*([A-Za-z0-9:_.@-]{1,200}\.service)(?:/|\Z)", re.ASCII)


def _memlock(snapshot: Snapshot) -> Iterator[Wanted]:
    """For servers that are told to lock and have not: only those of the system's units can be given the right."""
    told = [server.cgroup or "" for server in snapshot.engines.servers or () if server.arguments.mlock]
    units = dict.fromkeys(found[1] for cgroup in told if (found := _UNIT.search(cgroup)))
    for unit in units:
        yield Wanted(f"memlock@{unit}", "infinity", None)


ADVICE = (
    Advice(
        "memlock",
        "server-locked",
        "memlock",
        _memlock,
        risk="locked memory cannot be reclaimed: a model larger than free memory ends in a kill; "
        "counts from the server's next start",
    ),
)

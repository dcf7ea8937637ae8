"""What binds now: every rule over the last samples, and the order in which they are told."""

from collections.abc import Callable, Sequence

from ...probe.sample.gpu import GpuMoment
from ...probe.sample.sample import Sample
from . import cpu, disk, engine, gpu, limits, numa, paging, pcie, trouble
from .facts import Facts
from .scene import Scene, Served, make_scene
from .untold import nobody, untold
from .verdict import Bottleneck, Kind

MACHINE_RULES: tuple[Callable[[Scene], Bottleneck | None], ...] = (
    *paging.MACHINE_RULES,
    *cpu.MACHINE_RULES,
    *engine.MACHINE_RULES,
)
GPU_RULES: tuple[Callable[[Scene, GpuMoment], Bottleneck | None], ...] = (*gpu.RULES, *pcie.RULES)
SERVER_RULES: tuple[Callable[[Scene, Served], Bottleneck | None], ...] = (
    *trouble.SERVER_RULES,
    *paging.SERVER_RULES,
    *disk.SERVER_RULES,
    *cpu.SERVER_RULES,
    *numa.SERVER_RULES,
    *engine.SERVER_RULES,
    *limits.SERVER_RULES,
)

ORDER: tuple[Kind, ...] = (
    # Nothing runs at all there.
    "gpu trouble",
    "engine trouble",
    # Causes before what follows from them: who swaps waits for a drive, who waits for a drive stalls on memory, and
    # all of them leave CPUs idle.
    "swapping",
    "disk",
    "memory pressure",
    # A quota stops threads that would otherwise wait for each other; too many threads look like hungry neighbours.
    "cpu quota",
    "oversubscribed",
    "cpu starved",
    "throttled",
    "remote memory",
    "pcie",
    # A queue is long because of all above; by itself it says that more is asked than the server takes.
    "kv cache full",
    "queue full",
    "loading",
    # No faults: the hardware does what it can.
    "memory bandwidth",
    "compute",
    "cannot tell",
    "idle",
)
MOST_SERVERS = 32


def judge(samples: Sequence[Sample], facts: Facts | None) -> tuple[Bottleneck, ...]:
    """What binds, first what binds most; never empty. `samples`: the last minute's, oldest first, one at least."""
    scene = make_scene(samples, facts)
    found = [made for rule in MACHINE_RULES if (made := rule(scene)) is not None]
    found += trouble.ended(scene)
    for card in scene.now.gpus:
        found += [made for card_rule in GPU_RULES if (made := card_rule(scene, card)) is not None]
    for server in scene.servers[:MOST_SERVERS]:
        of_server = [made for server_rule in SERVER_RULES if (made := server_rule(scene, server)) is not None]
        told = server.moment.endpoint
        if server.works and (not of_server or (told is not None and told.state == "no metrics")):
            of_server.append(untold(scene, server))
        found += [_of_which(scene, server, one) for one in of_server]
    return ranked(found) if found else (nobody(scene),)


def _of_which(scene: Scene, server: Served, one: Bottleneck) -> Bottleneck:
    """With the server's name near the beginning where there are several: lines are cut at their end."""
    kind, colon, rest = one.what.partition(": ")
    if len(scene.servers) < 2 or server.name in one.what or not colon:
        return one
    return one.model_copy(update={"what": f"{kind}: {server.name}: {rest}"})


def ranked(verdicts: Sequence[Bottleneck]) -> tuple[Bottleneck, ...]:
    """In the order above, those of one kind by their badness and subject."""
    worst = ("bad", "notice", "good")
    return tuple(sorted(verdicts, key=lambda one: (ORDER.index(one.kind), worst.index(one.badness), one.subject or "")))

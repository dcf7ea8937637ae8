"""Checks of what is installed to run models, and of the models themselves."""

from ...probe.runtimes import SERVERS
from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Effect, Verdict, not_applicable, ok, seen, unknown

GIB = 1 << 30


def _installed(snapshot: Snapshot) -> Verdict:
    runtimes = snapshot.engines.runtimes
    evidence = tuple(seen(r.path, f"{r.name} {r.version}" if r.version else r.name) for r in runtimes[:8])
    engines = list(dict.fromkeys(r.engine for r in runtimes if r.engine in SERVERS))
    if engines:
        return ok(", ".join(engines), *evidence)
    if not snapshot.engines.servers and snapshot.engines.servers is not None and not runtimes:
        return Verdict(
            status="info",
            what="no inference engine was found in PATH, /opt, the home directory or the Python environments seen from here",
            evidence=evidence,
        )
    if snapshot.engines.servers is None:
        return unknown("programs and packages of this machine cannot be seen")
    return ok(", ".join(dict.fromkeys(r.engine for r in runtimes)) or "engines run from elsewhere", *evidence)


def _larger_than_memory(snapshot: Snapshot) -> Verdict:
    models = [model for model in snapshot.models if model.size_bytes is not None]
    if not models:
        return not_applicable("no models were found in the usual directories")
    limit = snapshot.effective.memory_limit_bytes
    if limit is None:
        return unknown("the usable memory could not be read")
    video = sum(gpu.memory.total_bytes or 0 for gpu in snapshot.gpus if gpu.memory.kind != "unified")
    large = [model for model in models if (model.size_bytes or 0) > limit + video]
    if not large:
        return ok(f"all {len(models)} models found are smaller than memory")
    first = max(large, key=lambda model: model.size_bytes or 0)
    return Verdict(
        status="info",
        what=f"{len(large)} of {len(models)} models are larger than memory and VRAM together ({(limit + video) / GIB:.1f} GiB), "
        f"the largest {first.name} with {(first.size_bytes or 0) / GIB:.1f} GiB: they would be read from disk for every token",
        evidence=(seen(first.path, f"{first.size_bytes} bytes"),),
        effect=NOT_KNOWN,
    )


def _server_memory(snapshot: Snapshot) -> Verdict:
    servers = [server for server in snapshot.engines.servers or () if server.model_bytes]
    if not servers:
        return not_applicable("no server whose model file can be seen runs")
    # A server may run outside the cgroup that limits us.
    limit = snapshot.memory.total_bytes
    if limit is None:
        return unknown("the machine's memory could not be read")
    video = sum(gpu.memory.total_bytes or 0 for gpu in snapshot.gpus if gpu.memory.kind != "unified")
    large = [server for server in servers if (server.model_bytes or 0) > limit + video]
    if not large:
        return ok("the models of the running servers fit memory")
    first = large[0]
    return Verdict(
        status="problem",
        what=f"{first.engine} (process {first.pid}) runs a model of {(first.model_bytes or 0) / GIB:.1f} GiB "
        f"with {(limit + video) / GIB:.1f} GiB of memory and VRAM: its weights are read from disk again and again",
        evidence=(seen(f"/proc/{first.pid}/cmdline", first.model),),
        effect=Effect(
            text="every token waits for a drive of a few GB/s instead of memory of tens of GB/s",
            basis="estimated",
            source="bytes of the model over the drive's read rate",
        ),
        fix="a smaller quantization or model",
    )


CHECKS = (
    Check(
        id="engine-installed",
        topic="engines",
        title="Engines",
        why="Tells what there is to run a model with, and where it lies.",
        explanation=(
            "Programs in PATH and the usual places, Python packages by their .dist-info directories. Nothing is run or "
            "imported, so programs do not tell their version."
        ),
        judge=_installed,
    ),
    Check(
        id="model-larger-than-memory",
        topic="engines",
        title="Models on disk",
        why="A model that does not fit memory and VRAM together is read from disk for every token.",
        explanation=(
            "Looks at the sizes of the models in the usual directories, against the memory that may be used here (after "
            "cgroup limits) plus the VRAM of dedicated GPUs. The KV cache comes on top."
        ),
        judge=_larger_than_memory,
    ),
    Check(
        id="server-model-memory",
        topic="engines",
        title="Models being served",
        why="An mmapped model that is larger than memory runs, at the speed of the drive.",
        explanation="The size of the model file of each running server, against the machine's memory and VRAM. Shards are not added up.",
        judge=_server_memory,
    ),
)

"""Metrics of running servers: their processes, and what they tell of themselves."""

from collections import Counter
from collections.abc import Iterator, Mapping

from ..advisors.activity.activity import EngineActivity
from ..advisors.bottleneck.observer import Observation
from ..probe.busy import TICKS_PER_S
from ..probe.sample.engine import EngineMoment
from ..probe.sample.sample import ServerMoment

Triple = tuple[str, Mapping[str, str], float | int | None]


def server_points(observation: Observation) -> Iterator[Triple]:
    """Of each server."""
    activities = observation.activity.servers if observation.activity is not None else {}
    for server in observation.sample.servers:
        own = {"pid": str(server.pid), "engine": server.engine}
        yield from _process(server, own)
        if server.endpoint is not None:
            yield from _endpoint(server.endpoint, own)
        found = activities.get(server.pid)
        if found is not None and found.engine is not None:
            yield from _rates(found.engine, own)


def _process(server: ServerMoment, own: Mapping[str, str]) -> Iterator[Triple]:
    told = server.endpoint.model if server.endpoint is not None else None
    about = {"model": server.model or told or "", "port": str(server.port or ""), "container": server.container or ""}
    yield "llmtune_server_info", {**own, **about}, 1
    for mode, ticks in (("user", server.user_ticks), ("system", server.system_ticks)):
        spent = None if ticks is None else ticks / TICKS_PER_S
        yield "llmtune_server_cpu_seconds_total", {**own, "mode": mode}, spent
    waited = None if server.run_delay_us is None else server.run_delay_us / 1e6
    yield "llmtune_server_cpu_wait_seconds_total", own, waited
    yield "llmtune_server_threads", own, server.threads
    for kind, held in (
        ("anonymous", server.anon_bytes),
        ("file", server.file_bytes),
        ("swapped", server.swapped_bytes),
        ("locked", server.locked_bytes),
        ("model_file", server.model_bytes),
    ):
        yield "llmtune_server_memory_bytes", {**own, "kind": kind}, held
    for part in server.nodes:
        yield "llmtune_server_numa_bytes", {**own, "node": str(part.node)}, part.bytes
    yield "llmtune_server_major_page_faults_total", own, server.major_faults
    yield "llmtune_server_read_bytes_total", own, server.read_bytes
    group = server.cgroup
    if group is not None:
        throttled = None if group.throttled_us is None else group.throttled_us / 1e6
        yield "llmtune_server_cgroup_throttled_seconds_total", own, throttled
        yield "llmtune_server_cgroup_memory_bytes", {**own, "kind": "used"}, group.memory_bytes
        yield "llmtune_server_cgroup_memory_bytes", {**own, "kind": "limit"}, group.memory_limit_bytes
        yield "llmtune_server_cgroup_oom_kills_total", own, group.oom_kills


def _endpoint(told: EngineMoment, own: Mapping[str, str]) -> Iterator[Triple]:
    yield "llmtune_engine_up", {**own, "state": told.state}, told.state == "ready"
    yield "llmtune_engine_generated_tokens_total", own, told.generated_tokens
    yield "llmtune_engine_prompt_tokens_total", own, told.prompt_tokens
    yield "llmtune_engine_cached_prompt_tokens_total", own, told.cached_tokens
    yield "llmtune_engine_requests", {**own, "state": "running"}, told.running
    yield "llmtune_engine_requests", {**own, "state": "waiting"}, told.waiting
    if told.slots:
        counts = Counter(slot.state for slot in told.slots)
        for state in ("idle", "prompt", "generating"):
            yield "llmtune_engine_slots", {**own, "state": state}, counts[state]
    yield "llmtune_engine_kv_cache_usage_ratio", own, told.kv_share
    yield "llmtune_engine_preemptions_total", own, told.preemptions
    yield "llmtune_engine_drafted_tokens_total", own, told.drafted_tokens
    yield "llmtune_engine_accepted_tokens_total", own, told.accepted_tokens
    for model in told.models:
        yield "llmtune_engine_model_bytes", {**own, "model": model.name, "kind": "total"}, model.total_bytes
        yield "llmtune_engine_model_bytes", {**own, "model": model.name, "kind": "gpu"}, model.gpu_bytes


def _rates(engine: EngineActivity, own: Mapping[str, str]) -> Iterator[Triple]:
    yield "llmtune_engine_decode_tokens_per_second", {**own, "basis": engine.decode_basis}, engine.decode_tokens_per_s
    yield "llmtune_engine_prompt_tokens_per_second", own, engine.prompt_tokens_per_s
    yield "llmtune_engine_time_to_first_token_seconds", own, engine.first_token_s

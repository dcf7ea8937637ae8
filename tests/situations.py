"""Made-up moments of many machines: what the monitor's panels, verdicts and layouts are looked at with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from llmtune.advisors.activity.activity import (
    Activity,
    CpuActivity,
    EngineActivity,
    MemoryActivity,
    ServerActivity,
    SlotActivity,
    StallShares,
)
from llmtune.advisors.bottleneck.facts import Facts, ModelFacts, NodeFacts, Rate
from llmtune.advisors.bottleneck.verdict import Badness, Bottleneck, Confidence, Kind
from llmtune.advisors.finding import Evidence
from llmtune.probe.diskstats import Counters, Rates
from llmtune.probe.reading import Reading
from llmtune.probe.sample.engine import EngineMoment, SlotMoment
from llmtune.probe.sample.gpu import GpuMoment
from llmtune.probe.sample.sample import (
    CgroupMoment,
    CpuMoment,
    CpuTicks,
    DriveMoment,
    MemoryMoment,
    PressureMoment,
    Sample,
    ServerMoment,
)
from llmtune.tui.view import Choice, Event, View

GIB = 1 << 30
NOW_S = 1_790_000_000.0
"""A moment of the wall clock."""
CLOCK_S = 5000.0


T = TypeVar("T", bound=Reading)


def blank(kind: type[T], **known: Any) -> T:
    """A reading that says nothing but what is given."""
    unknown: dict[str, Any] = dict.fromkeys(name for name, one in kind.model_fields.items() if one.is_required())
    empty: dict[str, Any] = {
        name: () for name in ("slots", "models", "users", "nodes", "gpus", "servers", "drives") if name in unknown
    }
    return kind(**{**unknown, **empty, **known})


class Waves:
    """Series that rise and fall around a value; two points in the middle are not known."""

    def __init__(self, middles: dict[str, float]) -> None:
        self._middles = middles

    def names(self) -> Sequence[str]:
        """Every series."""
        return list(self._middles)

    def values(self, name: str, points: int, window_s: float) -> Sequence[float | None]:
        """A wave whose end is the middle value."""
        middle = self._middles.get(name, 0.0)
        made: list[float | None] = [
            middle * (1 - 0.25 * (1 - math.cos((points - 1 - point) / 9))) for point in range(points)
        ]
        if points > 8:
            made[points // 2] = made[points // 2 + 1] = None
        return made


def rate(bytes_per_s: float, source: str = "llmtune doctor --measure") -> Rate:
    """A measured peak."""
    return Rate(per_s=bytes_per_s, basis="measured", source=source)


def verdict(
    kind: Kind, what: str, badness: Badness = "notice", confidence: Confidence = "high", **more: Any
) -> Bottleneck:
    """What binds."""
    proofs = tuple(Evidence(source=source, raw=raw) for source, raw in more.pop("proofs", ()))
    more = {"subject": None, "helps": None, **more}
    return Bottleneck(kind=kind, what=what, badness=badness, confidence=confidence, evidence=proofs, **more)


def cpu(count: int, mhz: int | None = 3400) -> CpuMoment:
    """Processors whose counters say nothing by themselves."""
    ticks = tuple(CpuTicks(number, 1000, 1000, 0, 0) for number in range(count))
    return CpuMoment(
        ticks=ticks,
        frequencies_khz={} if mhz is None else {0: mhz * 1000, count - 1: (mhz - 150) * 1000},
        running_tasks=9,
        blocked_tasks=0,
    )


def busy(shares: Sequence[float], iowait: float = 0.0, steal: float = 0.0) -> CpuActivity:
    """Processors by their share of busy time."""
    return CpuActivity(busy_share=dict(enumerate(shares)), busy_cpus=sum(shares), iowait_cpus=iowait, steal_cpus=steal)


def memory(
    total_gib: float, available_gib: float, cached_gib: float, swap_gib: float = 0, swapped_gib: float = 0
) -> MemoryMoment:
    """The machine's memory."""
    return blank(
        MemoryMoment,
        total_bytes=int(total_gib * GIB),
        available_bytes=int(available_gib * GIB),
        free_bytes=int(max(available_gib - cached_gib, 0.4) * GIB),
        cached_bytes=int(cached_gib * GIB),
        dirty_bytes=3 << 20,
        swap_total_bytes=int(swap_gib * GIB),
        swap_free_bytes=int((swap_gib - swapped_gib) * GIB),
        hugepages_total_bytes=0,
        hugepages_free_bytes=0,
    )


def drive(name: str, read_ahead_kib: int = 128) -> DriveMoment:
    """A drive without its counters."""
    return DriveMoment(name=name, counters=Counters(0, 0, 0, 0, 0, 0, 0, 0, 0), read_ahead_bytes=read_ahead_kib << 10)


def rates(
    read_mb: float = 0.0, write_mb: float = 0.0, util: float = 0.0, await_ms: float | None = None, queue: float = 0.0
) -> Rates:
    """What a drive did."""
    return Rates(
        seconds=1.0,
        reads_per_s=read_mb * 8,
        writes_per_s=write_mb * 4,
        read_bytes_per_s=read_mb * 1e6,
        write_bytes_per_s=write_mb * 1e6,
        read_await_ms=await_ms,
        write_await_ms=0.41 if write_mb else None,
        queue_length=queue,
        util_percent=util,
    )


def gpu(index: int = 0, name: str = "NVIDIA H100 80GB HBM3", **known: Any) -> GpuMoment:
    """A GPU that answers and works."""
    usual: dict[str, Any] = {
        "clock_s": CLOCK_S,
        "vendor": "nvidia",
        "uuid": f"GPU-0b1e{index:04x}",
        "pci_address": f"0000:{index + 1:02x}:00.0",
        "numa_node": 0,
        "asleep": False,
        "utilization_percent": 98,
        "memory_busy_percent": 61,
        "dram_percent": 71.5,
        "memory_kind": "dedicated",
        "used_bytes": int(71.2 * GIB),
        "total_bytes": int(79.6 * GIB),
        "temperature_c": 64,
        "slowdown_temperature_c": 87,
        "power_mw": 612_000,
        "power_limit_mw": 700_000,
        "core_mhz": 1980,
        "core_max_mhz": 1980,
        "memory_mhz": 2619,
        "memory_max_mhz": 2619,
        "throttle_reasons": (),
        "throttle_harmful": (),
        "pcie_rx_bytes_per_s": 1_240_000_000,
        "pcie_tx_bytes_per_s": 310_000_000,
        "link_generation_now": 5,
        "link_generation_max": 5,
        "link_width_now": 16,
        "link_width_max": 16,
    }
    return blank(GpuMoment, **{**usual, "index": index, "name": name, **known})


def slot(
    number: int, state: str = "generating", used: int = 3120, size: int = 8192, decoded: int | None = 214
) -> SlotMoment:
    """A slot of llama-server."""
    idle = state == "idle"
    return blank(
        SlotMoment,
        slot=number,
        state=state,
        task=None if idle else 900 + number,
        prompt_tokens=None if idle else 2906,
        prompt_done=None if idle else 2906 if state == "generating" else 1024,
        decoded=None if idle else decoded,
        context_used=0 if idle else used,
        context_size=size,
    )


def endpoint(**known: Any) -> EngineMoment:
    """A server that answers."""
    usual = {
        "clock_s": CLOCK_S,
        "state": "ready",
        "detail": "",
        "generated_when_done": True,
        "running": 1.0,
        "waiting": 0.0,
    }
    return blank(EngineMoment, **{**usual, **known})


def engine(
    decode: float | None, prompt: float | None = 0.0, slots: Sequence[SlotActivity] = (), **known: Any
) -> EngineActivity:
    """What a server did."""
    usual: dict[str, Any] = dict.fromkeys(
        (
            "first_token_s",
            "between_tokens_s",
            "queued_s",
            "cached_share",
            "accepted_share",
            "preemptions_per_s",
            "read_bytes_per_s",
        )
    )
    usual["decode_basis"] = "slots"
    return EngineActivity(
        decode_tokens_per_s=decode, prompt_tokens_per_s=prompt, slots=tuple(slots), **{**usual, **known}
    )


def server(pid: int = 4711, engine: str = "llama-server", **known: Any) -> ServerMoment:
    """A server's process."""
    usual = {
        "model": "/srv/models/Qwen3-8B-Q4_K_M.gguf",
        "model_bytes": int(4.68 * GIB),
        "port": 8080,
        "threads": 19,
        "decode_threads": 8,
        "cpus_allowed": tuple(range(8)),
        "anon_bytes": int(1.21 * GIB),
        "file_bytes": int(4.68 * GIB),
        "swapped_bytes": 0,
        "locked_bytes": 0,
    }
    return blank(ServerMoment, **{**usual, "pid": pid, "engine": engine, **known})


def stalls(cpu: float | None = 0.01, memory: float | None = 0.0, io: float | None = 0.0) -> StallShares:
    """Shares of the time."""

    def part(value: float | None, of: float) -> float | None:
        return None if value is None else value * of

    return StallShares(
        cpu_some=cpu, memory_some=memory, memory_full=part(memory, 0.8), io_some=io, io_full=part(io, 0.7)
    )


def did(pid: int, cpus: float | None, told: EngineActivity | None = None, **known: Any) -> ServerActivity:
    """What a server's process did."""
    usual: dict[str, Any] = {
        "waiting_cpus": 0.02,
        "major_faults_per_s": 0.0,
        "read_bytes_per_s": 0.0,
        "throttled_share": None,
        "throttled_cpus": None,
        "refault_bytes_per_s": None,
        "stalls": stalls(None, None, None),
    }
    return ServerActivity(pid=pid, cpus=cpus, engine=told, **{**usual, **known})


def cgroup(**known: Any) -> CgroupMoment:
    """A control group."""
    return blank(CgroupMoment, path="/system.slice/llama.service", pressure=blank(PressureMoment), **known)


def facts(cpus: float = 8, nodes: Sequence[NodeFacts] = (), bandwidth: float | None = 46e9, **known: Any) -> Facts:
    """One machine."""
    peak = None if bandwidth is None else rate(bandwidth)
    usual = {"machine": "kontor", "effective_cpus": cpus, "cores": int(cpus) // 2, "cpu_list": tuple(range(int(cpus)))}
    return blank(Facts, **{**usual, "nodes": tuple(nodes), "memory_bandwidth": peak, **known})


def model_facts(total_gib: float = 4.68, gpu_share: float | None = 0.0, **known: Any) -> ModelFacts:
    """A model on nvme0n1."""
    usual = {
        "path": "/srv/models/Qwen3-8B-Q4_K_M.gguf",
        "active_bytes_per_token": total_gib * GIB * 0.97,
        "cache_bytes_per_token": 147456.0,
    }
    return ModelFacts(
        **{
            **usual,
            "total_bytes": int(total_gib * GIB),
            "mapped": True,
            "gpu_share": gpu_share,
            "drive": "nvme0n1",
            **known,
        }
    )


QUIET = MemoryActivity(
    major_faults_per_s=0.0, swap_in_bytes_per_s=0.0, swap_out_bytes_per_s=0.0, refault_bytes_per_s=0.0
)


@dataclass
class Scene:
    """The parts of one view."""

    sample: dict[str, Any] = field(default_factory=dict)
    activity: dict[str, Any] = field(default_factory=dict)
    facts: Facts | None = None
    verdict: Bottleneck | None = None
    others: tuple[Bottleneck, ...] = ()
    series: dict[str, float] = field(default_factory=dict)
    lasts_s: float = 194.0
    choice: Choice = field(default_factory=Choice)
    past: tuple[Event, ...] = ()

    def view(self, **more: Any) -> View:
        """As panels take it."""
        moment: dict[str, Any] = {
            "cpu": cpu(8),
            "memory": memory(62.7, 54.1, 6.2),
            "pressure": blank(PressureMoment),
            "drives": (drive("nvme0n1"),),
            "nodes": (),
            "gpus": (),
            "servers": (),
        }
        between: dict[str, Any] = {
            "cpu": busy([0.02] * 8),
            "memory": QUIET,
            "stalls": stalls(),
            "drives": {"nvme0n1": rates(0.0, 0.11, 0.3)},
            "servers": {},
            "nvlink_bytes_per_s": {},
        }
        events: list[Event] = [Event(NOW_S - self.lasts_s, None, self.verdict)] if self.verdict else []
        events += [Event(NOW_S - self.lasts_s / 2, None, one) for one in self.others]
        events += self.past
        return View(
            sample=Sample(clock_s=CLOCK_S, time_s=NOW_S, **{**moment, **self.sample}),
            activity=Activity(seconds=1.0, **{**between, **self.activity}),
            facts=self.facts if self.facts is not None else facts(),
            verdict=self.verdict,
            others=self.others,
            events=events,
            series=Waves({"cpu/busy": 2.0, "psi/cpu": 0.02, "faults": 0.0, "cached": 6.2 * GIB, **self.series}),
            window_s=60.0,
            choice=more.pop("choice", self.choice),
            ascii_only=more.pop("ascii_only", False),
        )

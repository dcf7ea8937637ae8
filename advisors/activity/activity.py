"""`Activity`: what happened between two samples."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...probe.diskstats import Rates


@dataclass(frozen=True, slots=True)
class CpuActivity:
    """The processors; CPUs' worth of time."""

    busy_share: Mapping[int, float]
    """CPU -> 0 to 1."""
    busy_cpus: float
    iowait_cpus: float
    steal_cpus: float


@dataclass(frozen=True, slots=True)
class MemoryActivity:
    """The machine's memory."""

    major_faults_per_s: float | None
    swap_in_bytes_per_s: float | None
    swap_out_bytes_per_s: float | None
    refault_bytes_per_s: float | None


@dataclass(frozen=True, slots=True)
class StallShares:
    """Shares of the time, 0 to 1, in which some or all tasks waited; None where the kernel has no PSI."""

    cpu_some: float | None
    memory_some: float | None
    memory_full: float | None
    io_some: float | None
    io_full: float | None


@dataclass(frozen=True, slots=True)
class SlotActivity:
    """One slot."""

    slot: int
    decode_tokens_per_s: float | None
    prompt_tokens_per_s: float | None


@dataclass(frozen=True, slots=True)
class EngineActivity:
    """What a server did."""

    decode_tokens_per_s: float | None
    """None where it cannot be told, 0 where nothing was answered."""
    prompt_tokens_per_s: float | None
    decode_basis: str
    """`slots`, `counter`, `gauge` or `counter, moves when a request ends`."""
    first_token_s: float | None
    """Mean of the requests that got theirs in between."""
    between_tokens_s: float | None
    queued_s: float | None
    cached_share: float | None
    accepted_share: float | None
    """Of the drafted tokens (speculative decoding)."""
    preemptions_per_s: float | None
    read_bytes_per_s: float | None
    slots: tuple[SlotActivity, ...]
    prompt_tokens_read: float | None = None
    """In between. The speed is the mean since the server told of any, which may be long before."""


@dataclass(frozen=True, slots=True)
class ServerActivity:
    """One server's process."""

    pid: int
    cpus: float | None
    """CPUs' worth of time it used."""
    waiting_cpus: float | None
    """CPUs' worth of time that its threads were ready and waited."""
    major_faults_per_s: float | None
    read_bytes_per_s: float | None
    throttled_share: float | None
    """Share of its quota periods that were cut short."""
    throttled_cpus: float | None
    refault_bytes_per_s: float | None
    stalls: StallShares
    """Of its control group."""
    engine: EngineActivity | None


@dataclass(frozen=True, slots=True)
class Activity:
    """All rates between two samples."""

    seconds: float
    cpu: CpuActivity | None
    memory: MemoryActivity
    stalls: StallShares
    drives: Mapping[str, Rates]
    servers: Mapping[int, ServerActivity]
    nvlink_bytes_per_s: Mapping[int, tuple[float, float]]
    """GPU index -> in, out."""

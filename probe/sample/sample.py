"""`Sample`: the live counters of one moment.

Counters count since boot or since the process began; what they mean for speed is told by two of them
(`advisors/activity`). Each part that is read in a thread of its own has its own clock.
"""

from typing import Literal, NamedTuple

from ..diskstats import Counters
from ..reading import Gap, Reading
from .engine import EngineMoment
from .gpu import GpuMoment


class CpuTicks(NamedTuple):
    """One CPU's time since boot, in hundredths of a second (USER_HZ)."""

    cpu: int
    busy: int
    """Neither idle nor waiting for a disk; what the hypervisor took is not in it."""
    idle: int
    """With the time in which only a disk was waited for."""
    iowait: int
    steal: int


class CpuMoment(Reading):
    """The processors."""

    ticks: tuple[CpuTicks, ...]
    """Online CPUs, in order."""
    frequencies_khz: dict[int, int]
    """Of some CPUs, spread over the machine: to ask all of a large one wakes them."""
    running_tasks: int | None
    """Tasks that run or wait for a CPU."""
    blocked_tasks: int | None
    """Tasks that wait for a disk."""


class MemoryMoment(Reading):
    """The machine's memory."""

    total_bytes: int | None
    available_bytes: int | None
    free_bytes: int | None
    cached_bytes: int | None
    """Page cache, where mapped models lie."""
    dirty_bytes: int | None
    swap_total_bytes: int | None
    swap_free_bytes: int | None
    hugepages_total_bytes: int | None
    """Reserved pools of all sizes."""
    hugepages_free_bytes: int | None
    major_faults: int | None
    """Since boot, of all processes."""
    swapped_in_bytes: int | None
    swapped_out_bytes: int | None
    refaulted_file_bytes: int | None
    """File pages read again soon after they were dropped (workingset_refault_file): a model that thrashes."""


class StallTotals(NamedTuple):
    """Microseconds since boot in which tasks waited (PSI)."""

    some_us: int
    full_us: int | None


class PressureMoment(Reading):
    """Pressure stall information; None where the kernel has none."""

    cpu: StallTotals | None
    memory: StallTotals | None
    io: StallTotals | None


class DriveMoment(Reading):
    """One whole drive."""

    name: str
    counters: Counters
    read_ahead_bytes: int | None


class NodeMoment(Reading):
    """One NUMA node."""

    node: int
    total_bytes: int | None
    free_bytes: int | None
    file_bytes: int | None
    """Page cache on it."""
    local_pages: int | None
    """Pages given to tasks of this node since boot (numastat local_node)."""
    foreign_pages: int | None
    """Pages given to tasks of other nodes since boot (numastat other_node)."""


class CgroupMoment(Reading):
    """The control group of a server, limits of its ancestors included."""

    path: str
    quota_cpus: float | None
    periods: int | None
    throttled_periods: int | None
    throttled_us: int | None
    memory_bytes: int | None
    memory_limit_bytes: int | None
    oom_kills: int | None
    refaulted_file_bytes: int | None
    pressure: PressureMoment


class NodeBytes(NamedTuple):
    """How much of a process lies on one NUMA node."""

    node: int
    bytes: int


class ServerMoment(Reading):
    """One running inference server."""

    pid: int
    started_ticks: int | None
    """When it began, after boot: tells a new process with an old number apart."""
    engine: str
    model: str | None
    model_bytes: int | None
    port: int | None
    container: str | None
    """Docker's, Podman's or Kubernetes' short id or the systemd unit."""
    threads: int | None
    decode_threads: int | None
    """As its arguments say (`-t`)."""
    cpus_allowed: tuple[int, ...] | None
    user_ticks: int | None
    system_ticks: int | None
    run_delay_us: int | None
    """Time its threads were ready to run and waited for a CPU (schedstat), of the busiest threads."""
    major_faults: int | None
    anon_bytes: int | None
    file_bytes: int | None
    """Mapped files that are in memory: the model, if it is mapped."""
    swapped_bytes: int | None
    locked_bytes: int | None
    read_bytes: int | None
    """From drives, since it began; None where that is not ours to see."""
    nodes: tuple[NodeBytes, ...]
    """Where its pages lie; read rarely, for it costs much."""
    nodes_clock_s: float | None
    cgroup: CgroupMoment | None
    endpoint: EngineMoment | None
    """What it tells of itself; None where it was not asked yet."""
    state: str | None = None
    """Of its process, a letter of /proc/PID/stat; None in older records."""

    @property
    def stopped(self) -> bool:
        """By a signal or a debugger: nothing of it runs until somebody lets it go on."""
        return self.state in ("T", "t")

    @property
    def hangs(self) -> bool:
        """Whether it does not answer, or cannot."""
        return self.stopped or (self.endpoint is not None and self.endpoint.hangs)


class Sample(Reading):
    """Everything at one moment."""

    clock_s: float
    """Monotonic seconds."""
    time_s: float
    """Seconds since 1970."""
    cpu: CpuMoment | None
    memory: MemoryMoment | None
    pressure: PressureMoment
    drives: tuple[DriveMoment, ...]
    nodes: tuple[NodeMoment, ...]
    """Empty on machines with one node that do not tell."""
    gpus: tuple[GpuMoment, ...]
    servers: tuple[ServerMoment, ...]
    gaps: tuple[Gap, ...] = ()
    """What could not be read this time."""


Part = Literal["cpu", "memory", "pressure", "drives", "nodes", "gpus", "servers"]

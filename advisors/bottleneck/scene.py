"""`Scene`: what the rules look at: the last samples, what happened in the last seconds, and one view a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ...probe.sample.engine import EngineMoment
from ...probe.sample.gpu import GpuMoment
from ...probe.sample.sample import Sample, ServerMoment
from ..activity.activity import Activity, EngineActivity, ServerActivity
from ..activity.between import activity
from ..activity.engine import engine_activity
from .facts import Facts, GpuFacts, ModelFacts

SPAN_S = 5.0
"""Rates are taken over so many seconds: shorter ones jump with single requests, longer ones answer late."""
WORKING_CPUS = 0.1
"""A server that waits for requests and is asked for its metrics uses less."""
WORKING_GPU_PERCENT = 10
PROMPT_RATIO = 20.0
"""With so many more of them prompts take most of the time: a token that is read costs a tenth to a hundredth of one
that is answered (llama-bench pp512 against tg128 of one model on one machine)."""

Phase = Literal["loading", "idle", "prompt", "decode", "unknown"]
"""`decode`: answers; `prompt`: reads prompts, mostly; `unknown`: it works or not, and does not tell."""


@dataclass(frozen=True, slots=True)
class Served:
    """One server now, over the last seconds, and its model."""

    moment: ServerMoment
    activity: ServerActivity | None
    model: ModelFacts | None
    gpus: tuple[GpuMoment, ...]
    """Those that it uses."""
    phase: Phase
    decode: float | None
    """Answered tokens a second, of all requests."""
    prompt: float | None
    usable_cpus: float | None
    """After affinity and quota."""

    @property
    def name(self) -> str:
        """As it is told to people."""
        return named(self.moment)

    @property
    def subject(self) -> str:
        """As verdicts are compared."""
        return str(self.moment.pid)

    @property
    def cpus(self) -> float:
        """CPUs' worth of time that it uses; 0 where that is not known."""
        return (self.activity.cpus if self.activity else None) or 0.0

    @property
    def waiting_cpus(self) -> float:
        """Threads that were ready and waited, on average; 0 where that is not known."""
        return (self.activity.waiting_cpus if self.activity else None) or 0.0

    @property
    def engine(self) -> EngineActivity | None:
        """What it did, by its own words."""
        return self.activity.engine if self.activity else None

    @property
    def stopped(self) -> bool:
        """Whether its process is stopped."""
        return self.moment.stopped

    @property
    def hangs(self) -> bool:
        """Whether it does not answer, or cannot."""
        return self.moment.hangs

    @property
    def works(self) -> bool:
        """Whether it has something to do; by its use of CPUs and GPUs where it does not tell."""
        if self.stopped:
            return False
        if self.phase in ("prompt", "decode", "loading"):
            return True
        return self.phase == "unknown" and self.looks_busy

    @property
    def has_nothing_to_do(self) -> bool:
        """By its own words at this moment; its rates are of the last seconds."""
        told = self.moment.endpoint
        if told is None or told.state != "ready" or told.running is None or told.running or told.waiting:
            return False
        return all(slot.state == "idle" for slot in told.slots)

    @property
    def looks_busy(self) -> bool:
        """By CPUs and GPUs alone."""
        return self.cpus + self.waiting_cpus >= WORKING_CPUS or any(
            (gpu.utilization_percent or 0) >= WORKING_GPU_PERCENT for gpu in self.gpus
        )


def named(one: ServerMoment) -> str:
    """A server as it is told to people."""
    port = f", port {one.port}" if one.port else ""
    return f"{one.engine} (process {one.pid}{port})"


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is judged."""

    samples: Sequence[Sample]
    now: Sample
    activity: Activity | None
    """Of the last seconds; None with a single sample."""
    facts: Facts | None
    servers: tuple[Served, ...]

    @property
    def working(self) -> tuple[Served, ...]:
        """The servers that have something to do."""
        return tuple(server for server in self.servers if server.works)

    def gpu_facts(self, gpu: GpuMoment) -> GpuFacts | None:
        """What is known of a GPU."""
        known = self.facts.gpus if self.facts else ()
        by_address = next((one for one in known if one.pci_address and one.pci_address == gpu.pci_address), None)
        return by_address or next((one for one in known if one.index == gpu.index and one.pci_address is None), None)

    def memory_limit(self, server: Served) -> int | None:
        """What a server may have of memory: its group's limit, or the machine's."""
        group = server.moment.cgroup.memory_limit_bytes if server.moment.cgroup else None
        total = self.now.memory.total_bytes if self.now.memory else None
        return min((size for size in (group, total) if size), default=None)


def make_scene(samples: Sequence[Sample], facts: Facts | None) -> Scene:
    """Look at the last of some samples, the oldest first."""
    samples = tuple(samples)
    now = samples[-1]
    recent = _recent(samples)
    done = activity(recent[0], now) if len(recent) > 1 else None
    servers = tuple(_served(one, recent, done, facts) for one in now.servers)
    return Scene(samples=samples, now=now, activity=done, facts=facts, servers=servers)


def _recent(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those of the last seconds, two at least where there are two."""
    end = samples[-1].clock_s
    start = len(samples) - 1
    while start > 0 and (start == len(samples) - 1 or end - samples[start].clock_s < SPAN_S):
        start -= 1
    return samples[start:]


def _served(one: ServerMoment, recent: Sequence[Sample], done: Activity | None, facts: Facts | None) -> Served:
    moments = _endpoints(one, recent)
    decode, prompt = (None, None) if one.hangs else _rates(moments)
    model = next((each.model for each in facts.servers if each.pid == one.pid), None) if facts else None
    return Served(
        moment=one,
        activity=done.servers.get(one.pid) if done else None,
        model=model,
        gpus=_gpus_of(one, recent[-1], model),
        phase="unknown" if one.hangs else _phase(one.endpoint, decode, prompt),
        decode=decode,
        prompt=prompt,
        usable_cpus=_usable(one, facts),
    )


def _endpoints(one: ServerMoment, recent: Sequence[Sample]) -> list[EngineMoment]:
    """What the same process told in the last seconds, each answer once."""
    found: list[EngineMoment] = []
    for sample in recent:
        for server in sample.servers:
            told = server.endpoint
            same = server.pid == one.pid and server.started_ticks == one.started_ticks
            if same and told is not None and (not found or found[-1].clock_s < told.clock_s):
                found.append(told)
    return found


def _rates(moments: Sequence[EngineMoment]) -> tuple[float | None, float | None]:
    """Answered and read tokens a second. From answer to answer: a slot that began anew in between is not lost."""
    sums = {"decode": (0.0, 0.0), "prompt": (0.0, 0.0)}
    for before, after in pairwise(moments):
        between, seconds = engine_activity(before, after), after.clock_s - before.clock_s
        for name, rate in (("decode", between.decode_tokens_per_s), ("prompt", between.prompt_tokens_per_s)):
            if rate is not None:
                tokens, over = sums[name]
                sums[name] = tokens + rate * seconds, over + seconds
    decode, prompt = (tokens / over if over > 0 else None for tokens, over in sums.values())
    return decode, prompt


def _phase(told: EngineMoment | None, decode: float | None, prompt: float | None) -> Phase:
    if told is None:
        return "unknown"
    if told.state == "loading":
        return "loading"
    if told.state == "sleeping":
        return "idle"
    states = [slot.state for slot in told.slots]
    if decode and not (prompt and prompt > PROMPT_RATIO * decode):
        return "decode"
    if prompt or "prompt" in states:
        return "prompt"
    if "generating" in states:
        return "decode"
    if told.running:
        return "unknown"
    return "idle" if told.state == "ready" and (states or told.running == 0) else "unknown"


def _gpus_of(one: ServerMoment, now: Sample, model: ModelFacts | None) -> tuple[GpuMoment, ...]:
    """By the driver's list of processes; in a container that shows other numbers, by the container."""
    if model is not None and model.gpu_share == 0.0:
        return ()
    by_pid = tuple(gpu for gpu in now.gpus if any(user.pid == one.pid for user in gpu.users))
    if by_pid or one.container is None:
        return by_pid
    return tuple(gpu for gpu in now.gpus if any(user.container == one.container for user in gpu.users))


def _usable(one: ServerMoment, facts: Facts | None) -> float | None:
    allowed = float(len(one.cpus_allowed)) if one.cpus_allowed else None
    if allowed is None:
        allowed = facts.effective_cpus if facts else None
    quota = one.cgroup.quota_cpus if one.cgroup else None
    return min((amount for amount in (allowed, quota) if amount is not None), default=None)

"""`EngineMoment`: what an inference server tells of itself at one moment, whichever engine it is."""

from typing import Literal

from ..reading import Reading

EndpointState = Literal[
    "ready", "loading", "sleeping", "no metrics", "unreachable", "timed out", "denied", "bad answer"
]
BUSY = "it works on one batch for longer than that and tells nothing meanwhile"
"""The detail of a server that timed out and is alive (llama-server's /health answers)."""
SlotState = Literal["idle", "prompt", "generating"]


class SlotMoment(Reading):
    """One slot of llama-server, or one running request where an engine tells of each."""

    slot: int
    task: int | None
    """Which request it works on: counters of one task only grow."""
    state: SlotState
    prompt_tokens: int | None
    """Of the request, all."""
    prompt_done: int | None
    decoded: int | None
    """Answered so far in this task."""
    context_used: int | None
    context_size: int | None
    moved_s: float | None = None
    """While it reads a prompt: the clock when `prompt_done` was first told to be what it is."""


class LoadedModel(Reading):
    """A model that a server holds (Ollama, routers)."""

    name: str
    total_bytes: int | None
    gpu_bytes: int | None


class MeanOf(Reading):
    """A histogram's sum and count since the server began: two of them tell the mean in between."""

    seconds: float
    count: float


class EngineMoment(Reading):
    """Counters since the server began, and gauges. None is what this engine does not tell."""

    clock_s: float
    state: EndpointState
    detail: str
    """Why it is not ready, what is missing and what to do, in a few words."""
    generated_tokens: float | None
    generated_when_done: bool
    """`generated_tokens` moves only when a request ends (llama-server): slots tell the live rate."""
    prompt_tokens: float | None
    cached_tokens: float | None
    """Prompt tokens that were not computed again. Same unit as `cache_queries`."""
    cache_queries: float | None
    """Prompt tokens that were looked up (vLLM), or all of them."""
    generation_seconds: float | None
    prompt_seconds: float | None
    running: float | None
    """Requests under way."""
    waiting: float | None
    """Requests in the queue."""
    preemptions: float | None
    kv_share: float | None
    """0 to 1."""
    kv_tokens: int | None
    kv_size_tokens: int | None
    drafted_tokens: float | None
    accepted_tokens: float | None
    first_token: MeanOf | None
    """Time to the first token."""
    between_tokens: MeanOf | None
    queued: MeanOf | None
    """Time in the queue."""
    slots: tuple[SlotMoment, ...]
    models: tuple[LoadedModel, ...]
    version: str | None
    model: str | None = None
    """The model's name or path, as the server tells it."""
    read_bytes_estimate: float | None = None
    """Bytes a GPU is estimated to have read (vLLM, --enable-mfu-metrics)."""
    rate_tokens_per_s: float | None = None
    """A gauge of the engine's own where there is no counter (SGLang's gen_throughput)."""

    @property
    def hangs(self) -> bool:
        """It was asked and did not answer, and nothing says that it is alive."""
        return self.state == "timed out" and self.detail != BUSY

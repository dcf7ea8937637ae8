"""What the user asks of a plan."""

from typing import Literal

from ..probe.reading import Reading
from .plan import Goal
from .settings import CacheType

DEFAULT_FLOOR = 8192
"""Tokens of context below which a plan is not called one, unless the model or the user says less: a few pages of
text and an answer, and twice what llama.cpp's `--fit` may shrink to."""
DEFAULT_TARGET = 32768
"""Tokens beyond which more context is no longer bought with speed, unless it is the goal."""


class Request(Reading):
    """The goal and its limits."""

    goal: Goal = "latency"
    context: int | None = None
    """Exactly so many tokens a user; None: as the goal and memory allow."""
    min_context: int | None = None
    users: int = 1
    """Sequences at once."""
    min_tokens_per_s: float | None = None
    """Of each user's decode."""
    keep_free_bytes: int = 0
    """To leave free on each GPU."""
    keep_free_host_bytes: int = 0
    cache_types: tuple[CacheType, ...] | None = None
    """Allowed types of the key/value cache; None: f16 and q8_0, and q4_0 where context is the goal."""
    depth: int = 2048
    """Tokens in the context at which speeds are told."""
    allow_disk: bool = False
    """Weights may be read from the disk again and again."""
    gpus: bool = True
    """False: leave the GPUs alone."""
    nice: int | None = None
    io_class: Literal["idle", "best-effort"] | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    alias: str | None = None
    """What clients call the model; None: the engine's own choice."""

    def floor(self, trained: int | None) -> int:
        """The least context of one user that is acceptable."""
        if self.context is not None:
            return self.context
        if self.min_context is not None:
            return self.min_context
        return min(DEFAULT_FLOOR, trained or DEFAULT_FLOOR)

    def target(self, trained: int | None) -> int:
        """The context of one user beyond which nothing is gained."""
        if self.context is not None:
            return self.context
        wanted = trained or DEFAULT_TARGET
        if self.goal != "context":
            wanted = min(wanted, DEFAULT_TARGET)
        return max(wanted, self.floor(trained))

"""`Bottleneck`: the one line that the monitor always shows."""

from typing import Literal

from ...probe.reading import Reading
from ..finding import Evidence

Kind = Literal[
    "memory bandwidth",
    "compute",
    "pcie",
    "disk",
    "cpu starved",
    "cpu quota",
    "oversubscribed",
    "throttled",
    "memory pressure",
    "swapping",
    "queue full",
    "kv cache full",
    "remote memory",
    "gpu trouble",
    "engine trouble",
    "loading",
    "idle",
    "cannot tell",
]
Confidence = Literal["high", "medium", "low"]
"""high: the limit itself was measured; medium: it follows from what was; low: one sign of several."""
Badness = Literal["good", "notice", "bad"]


class Bottleneck(Reading):
    """What binds now. Compared by kind and subject; the numbers in it move."""

    kind: Kind
    subject: str | None
    """What it is about: a server's pid, `gpu0`, a drive; None for the whole machine."""
    what: str
    """One sentence with the numbers, such as `Memory-bandwidth bound (CPU): 41 of 46 GB/s measured`."""
    confidence: Confidence
    badness: Badness
    evidence: tuple[Evidence, ...]
    helps: str | None
    """What would help, in one sentence; None where nothing needs help."""
    check_id: str | None = None
    """For `llmtune explain`."""
    setting: str | None = None
    """A key for `llmtune apply --only`, where one would help."""

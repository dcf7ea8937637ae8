"""What would make a plan faster, most first."""

from collections.abc import Sequence

from ...probe.model.ggml_types import TYPES_BY_NAME
from ..plan import Threads
from ..resources import Processor, Resources
from ..settings import Placement, Settings
from ..threads import BUSY_ROUNDING
from .roofline import Step

LEAST = 0.05
"""Gains below this are not told."""


def moves(
    steps: Sequence[Step], placement: Placement, resources: Resources, threads: Threads, settings: Settings
) -> tuple[str, ...]:
    """Sentences with the gain of each."""
    total = sum(step.seconds for step in steps)
    found: list[tuple[float, str]] = []

    def add(saved: float, words: str) -> None:
        gain = total / max(total - saved, total * 0.05) - 1
        if gain >= LEAST:
            found.append((gain, f"{words}: {gain:+.0%}"))

    by_limit: dict[str, float] = {}
    for step in steps:
        by_limit[step.limit] = by_limit.get(step.limit, 0.0) + step.seconds
    cache = sum(step.seconds for step in steps if step.part == "cache")
    if settings.type_k == "f16" and not placement.devices:
        saved = 1 - TYPES_BY_NAME["q8_0"].bits / TYPES_BY_NAME["f16"].bits
        add(cache * saved, "a q8_0 cache at this depth")
    add(by_limit.get("disk", 0.0), "memory enough for all weights")
    host = by_limit.get("memory bandwidth of the host", 0.0)
    if placement.devices:
        add(host * 0.9, "GPU memory enough for all layers")
    elif host:
        add(host / 2, "twice the memory bandwidth (more channels or nodes)")
    add(by_limit.get("threads that wait for a busy CPU", 0.0), "no more threads than free CPUs")
    computing = by_limit.get("compute of the CPU", 0.0)
    processor = resources.processor
    if computing and threads.batch < processor.cores:
        add(computing * (1 - threads.batch / processor.cores), _more_cpus(processor))
    for limit, seconds in by_limit.items():
        if limit.startswith("PCIe to"):
            add(seconds / 2, "a ubatch of twice the size, or twice the lanes")
        elif limit.startswith("starting kernels"):
            add(seconds, f"no cost of {limit} (speculative decoding spreads it over several tokens)")
        elif limit.startswith("memory bandwidth of") and limit != "memory bandwidth of the host":
            add(seconds / 2, f"twice the {limit}, or weights of half the size")
    return tuple(words for _, words in sorted(found, reverse=True))[:4]


def _more_cpus(processor: Processor) -> str:
    """What keeps the plan from a thread on every core."""
    if processor.cpus < processor.cores:
        return f"a CPU quota of {processor.cores} instead of {processor.cpus:g}"
    if processor.busy_cpus >= BUSY_ROUNDING:
        return f"a machine without the neighbours that use {processor.busy_cpus:.1f} CPUs now"
    return f"{processor.cores} threads"

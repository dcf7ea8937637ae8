"""`Facts`: what does not change from moment to moment, and the samples are judged against."""

from typing import Literal

from ...probe.reading import Reading

RateBasis = Literal["measured", "rated", "assumed"]


class Rate(Reading):
    """A peak and where it is from."""

    per_s: float
    """Bytes, or operations, a second."""
    basis: RateBasis
    source: str


class NodeFacts(Reading):
    """One NUMA node."""

    node: int
    cpus: tuple[int, ...]


class GpuFacts(Reading):
    """One GPU, by its place in the vendor's order and its address."""

    index: int
    pci_address: str | None
    name: str | None
    memory_bandwidth: Rate | None
    compute_flops: Rate | None
    """Dense FP16 operations a second."""
    link_bytes: Rate | None
    """PCIe, one direction, at the best that card and slot agree on."""


class ModelFacts(Reading):
    """The model of one server."""

    path: str
    total_bytes: int
    active_bytes_per_token: float | None
    """Weights that one token reads: of a mixture, the active experts'."""
    cache_bytes_per_token: float | None
    """Keys and values that each token of context adds, and each new token reads."""
    mapped: bool | None
    """Loaded through mmap."""
    gpu_share: float | None
    """Of the weights, by `-ngl` and the like; None where that cannot be told."""
    drive: str | None
    """The drive that it lies on."""
    flops_per_token: float | None = None
    """Multiplications and additions of one token, without attention."""


class ServerFacts(Reading):
    """One server."""

    pid: int
    model: ModelFacts | None


class Facts(Reading):
    """One machine."""

    machine: str
    effective_cpus: float | None
    cores: int | None
    cpu_list: tuple[int, ...]
    nodes: tuple[NodeFacts, ...]
    memory_bandwidth: Rate | None
    """Of the whole host."""
    memory_limit_bytes: int | None
    gpus: tuple[GpuFacts, ...]
    servers: tuple[ServerFacts, ...]
    compute_flops: Rate | None = None
    """Of the usable cores together."""

"""`GpuMoment`: one GPU at one moment, whoever made it."""

from ..gpu.types import MemoryKind, Vendor
from ..reading import Reading


class GpuUser(Reading):
    """A process that uses a GPU."""

    pid: int
    name: str | None
    used_bytes: int | None
    container: str | None
    """Docker's, Podman's or Kubernetes' short id or the systemd unit."""


class GpuMoment(Reading):
    """One GPU. What it does not say is None; why nothing is known says `trouble`."""

    clock_s: float
    """When it was read: a slow GPU does not hold up the others."""
    index: int
    vendor: Vendor
    name: str | None
    uuid: str | None
    pci_address: str | None
    numa_node: int | None
    trouble: str | None
    """`lost: ...`, `does not answer since ... s`; None while it answers."""
    asleep: bool
    """Suspended by the kernel: it is not asked anything, for that would wake it."""
    utilization_percent: int | None
    """Share of time in which any kernel ran."""
    memory_busy_percent: int | None
    """Share of time in which memory was read or written; not a share of its bandwidth."""
    dram_percent: float | None
    """Share of the memory's bandwidth in use (GPM, Hopper and newer)."""
    memory_kind: MemoryKind | None
    used_bytes: int | None
    total_bytes: int | None
    temperature_c: int | None
    slowdown_temperature_c: int | None
    fan_percent: int | None
    power_mw: int | None
    power_limit_mw: int | None
    core_mhz: int | None
    core_max_mhz: int | None
    memory_mhz: int | None
    memory_max_mhz: int | None
    throttle_reasons: tuple[str, ...] | None
    """In words; empty: runs freely; None: not known."""
    throttle_harmful: tuple[str, ...] | None
    """Those of them that cost speed under load."""
    pcie_rx_bytes_per_s: int | None
    """Into the GPU."""
    pcie_tx_bytes_per_s: int | None
    link_generation_now: int | None
    link_generation_max: int | None
    link_width_now: int | None
    link_width_max: int | None
    nvlink_rx_bytes: int | None
    """All links together since the driver was loaded."""
    nvlink_tx_bytes: int | None
    users: tuple[GpuUser, ...]

    @property
    def key(self) -> str:
        """Tells it from all others: each vendor counts from 0, and many laptops have an NVIDIA and an Intel GPU."""
        return str(self.index) if self.vendor == "nvidia" else f"{self.vendor}{self.index}"

"""What the watch knows of a GPU without asking it, and whether the kernel lets it sleep."""

from ..gpu.pci import PCI_DEVICES, DisplayDevice
from ..gpu.types import PcieLink, Vendor
from ..host import Host
from .gpu import GpuMoment


def unread(clock_s: float, index: int, vendor: Vendor, device: DisplayDevice | None) -> GpuMoment:
    """A GPU of which only the bus tells."""
    link = device.link if device else PcieLink(generation_now=None, generation_max=None, width_now=None, width_max=None)
    return GpuMoment(
        clock_s=clock_s,
        index=index,
        vendor=vendor,
        name=None,
        uuid=None,
        pci_address=device.pci_address if device else None,
        numa_node=device.numa_node if device else None,
        trouble=None,
        asleep=False,
        utilization_percent=None,
        memory_busy_percent=None,
        dram_percent=None,
        memory_kind=None,
        used_bytes=None,
        total_bytes=None,
        temperature_c=None,
        slowdown_temperature_c=None,
        fan_percent=None,
        power_mw=None,
        power_limit_mw=None,
        core_mhz=None,
        core_max_mhz=None,
        memory_mhz=None,
        memory_max_mhz=None,
        throttle_reasons=None,
        throttle_harmful=None,
        pcie_rx_bytes_per_s=None,
        pcie_tx_bytes_per_s=None,
        link_generation_now=None,
        link_generation_max=link.generation_max,
        link_width_now=None,
        link_width_max=link.width_max,
        nvlink_rx_bytes=None,
        nvlink_tx_bytes=None,
        users=(),
    )


KNOWN = (
    "index",
    "vendor",
    "name",
    "uuid",
    "pci_address",
    "numa_node",
    "memory_kind",
    "total_bytes",
    "slowdown_temperature_c",
    "power_limit_mw",
    "core_max_mhz",
    "memory_max_mhz",
    "link_generation_max",
    "link_width_max",
)
"""What stays true of a GPU that does not answer."""


def without_readings(moment: GpuMoment, clock_s: float, trouble: str | None = None, asleep: bool = False) -> GpuMoment:
    """The same GPU with nothing read: no old reading is shown as if it were of now."""
    blank = unread(clock_s, moment.index, moment.vendor, None)
    kept = {name: getattr(moment, name) for name in KNOWN}
    return blank.model_copy(update={**kept, "trouble": trouble, "asleep": asleep})


def is_asleep(host: Host, device: DisplayDevice | None) -> bool:
    """Whether the kernel has suspended it; to read this file wakes nothing."""
    if device is None:
        return False
    status = host.text(f"{PCI_DEVICES}/{device.pci_address}/power/runtime_status", optional=True)
    return status in ("suspended", "suspending")


def has_slept(host: Host, device: DisplayDevice | None) -> bool:
    """Whether it slept since boot: then steady questions would keep it awake."""
    if device is None:
        return False
    path = f"{PCI_DEVICES}/{device.pci_address}/power/runtime_suspended_time"
    return bool(host.integer(path, 0, optional=True))

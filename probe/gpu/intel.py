"""Intel's GPUs, from the kernel alone.

Reads below /sys/bus/pci/devices/<address>: lmem_total_bytes and lmem_avail_bytes (i915), drm/card*/gt*/gt_*freq_mhz
and tile*/gt*/freq*/*_freq (Documentation/ABI/testing/sysfs-driver-intel-xe-*), tile*/physical_vram_size_bytes,
hwmon/hwmon* (sysfs-driver-intel-i915-hwmon), resource (the BARs). Nothing is read of a sleeping GPU.
"""

from ..host import Host
from ..reading import Malformed
from .bare import gpu_from_bus, hwmon, pci_name
from .pci import INTEL, PCI_DEVICES, DisplayDevice
from .types import Gpu, GpuClocks, GpuMemory

MAX_GPUS = 64
DISCRETE_RANGES = ((0x4905, 0x4909), (0x5690, 0x56C2), (0xE202, 0xE2FF), (0x0BD0, 0x0BEF))
"""DG1 and SG1, Alchemist and Flex, Battlemage, Ponte Vecchio (include/drm/intel/pciids.h)."""


def read_intel(host: Host, devices: tuple[DisplayDevice, ...]) -> tuple[Gpu, ...]:
    """Intel's display devices in the order of the bus."""
    ours = [device for device in devices if device.vendor_id == INTEL and device.console is None][:MAX_GPUS]
    return tuple(_gpu(host, index, device) for index, device in enumerate(ours))


def is_discrete(device: DisplayDevice) -> bool | None:
    """Whether the device is a card of its own."""
    if device.device_id is None:
        return None
    return any(low <= device.device_id <= high for low, high in DISCRETE_RANGES)


def _gpu(host: Host, index: int, device: DisplayDevice) -> Gpu:
    path = f"{PCI_DEVICES}/{device.pci_address}"
    discrete = is_discrete(device)
    gpu = gpu_from_bus(index, "intel", device)
    told: dict[str, object] = {
        "name": pci_name(host, device),
        "integrated": None if discrete is None else not discrete,
        "memory": gpu.memory.model_copy(update={"kind": "unified" if discrete is False else None}),
    }
    if device.driver not in ("i915", "xe") or device.runtime_status == "suspended":
        return gpu.model_copy(update=told)
    if discrete:
        told["memory"] = _memory(host, path)
    told["clocks"] = _clocks(host, path)
    power, temperature, critical = hwmon(host, path, ("pkg", "package", ""))
    told |= {"power": power, "temperature_c": temperature, "slowdown_temperature_c": critical}
    return gpu.model_copy(update=told)


def _memory(host: Host, path: str) -> GpuMemory:
    total = host.integer(f"{path}/lmem_total_bytes", 1, 1 << 50, optional=True)
    free = host.integer(f"{path}/lmem_avail_bytes", 0, 1 << 50, optional=True)
    if total is None:
        tiles = list(host.numbered(path, "tile").values())[:16]
        sizes = [host.parsed(f"{tile}/physical_vram_size_bytes", _size, optional=True) for tile in tiles]
        total = sum(size for size in sizes if size is not None) or None
    return GpuMemory(
        kind="dedicated",
        total_bytes=total,
        used_bytes=None if total is None or free is None else max(0, total - free),
        free_bytes=free,
        visible_bytes=host.parsed(f"{path}/resource", parse_bar_bytes, optional=True),
    )


def _size(text: str) -> int:
    try:
        value = int(text.strip()[:30], 0)
    except ValueError:
        raise Malformed(f"not a size: {text[:40]!r}") from None
    if not 0 <= value <= 1 << 50:
        raise Malformed(f"not a size: {text[:40]!r}")
    return value


def parse_bar_bytes(text: str) -> int:
    """The size of BAR 2, through which the CPU reaches the card's memory: the third line of `start end flags`."""
    lines = text.splitlines()
    try:
        start, end, _ = (int(word, 16) for word in lines[2].split())
    except (ValueError, IndexError):
        raise Malformed("no third BAR") from None
    if not 0 <= start <= end < 1 << 64:
        raise Malformed("no third BAR")
    return end - start + 1 if end else 0


def _clocks(host: Host, path: str) -> GpuClocks:
    now = highest = None
    tiles = host.numbered(path, "tile")
    if tiles:  # xe
        folder = f"{path}/tile0/gt0/freq0"
        now = host.integer(f"{folder}/act_freq", 0, 20_000, optional=True)
        highest = host.integer(f"{folder}/rp0_freq", 1, 20_000, optional=True)
    else:
        cards = [name for name in host.names(f"{path}/drm") if name.startswith("card")]
        if cards:
            folder = f"{path}/drm/{cards[0]}"
            now = host.integer(f"{folder}/gt_act_freq_mhz", 0, 20_000, optional=True)
            highest = host.integer(f"{folder}/gt_RP0_freq_mhz", 1, 20_000, optional=True)
    # 0 stands for a GPU that rests.
    return GpuClocks(core_mhz=now or None, core_max_mhz=highest, memory_mhz=None, memory_max_mhz=None)

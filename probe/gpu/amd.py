"""AMD's GPUs, from the kernel alone.

Reads below /sys/bus/pci/devices/<address>: mem_info_*, gpu_busy_percent, pp_dpm_sclk, pp_dpm_mclk, unique_id,
product_name, serial_number, ip_discovery/die/0/GC/0, hwmon/hwmon*/{power1_*,temp*} (Documentation/gpu/amdgpu), the
topology of `kfd.py`, /opt/rocm/.info/version and /sys/module/amdgpu/version. Of a sleeping GPU only the sizes are
read, which the driver knows without waking it.
"""

import re

from ..host import Host
from ..reading import Malformed
from .bare import gpu_from_bus, hwmon, pci_name
from .kfd import KfdGpu, kfd_pairs, read_kfd
from .pci import AMD, PCI_DEVICES, DisplayDevice
from .types import Gpu, GpuClocks, GpuMemory, GpuPair, GpuStack, blank_gpu

MAX_GPUS = 64
APU_TARGETS = frozenset(
    f"gfx{number}"
    for number in ("902", "909", "90c", "1013", "1033", "1035", "1036", "1103", "1150", "1151", "1152", "1153")
)
"""GPUs that exist only as a part of a processor (LLVM, User Guide for AMDGPU Backend, column `APU`)."""
MI300A = 0x74A0
GFX_OF_IP = {
    "9.0.1": "gfx900",
    "9.1.0": "gfx902",
    "9.3.0": "gfx90c",
    "9.4.0": "gfx906",
    "9.4.1": "gfx908",
    "9.4.2": "gfx90a",
    "9.4.3": "gfx942",
    "9.5.0": "gfx950",
    "10.1.10": "gfx1010",
    "10.3.0": "gfx1030",
    "10.3.1": "gfx1033",
    "10.3.2": "gfx1031",
    "10.3.3": "gfx1035",
    "10.3.4": "gfx1032",
    "10.3.5": "gfx1034",
    "10.3.6": "gfx1036",
    "11.0.0": "gfx1100",
    "11.0.1": "gfx1103",
    "11.0.2": "gfx1102",
    "11.0.3": "gfx1101",
    "11.0.4": "gfx1103",
    "11.5.0": "gfx1150",
    "11.5.1": "gfx1151",
    "11.5.2": "gfx1152",
    "11.5.3": "gfx1153",
    "12.0.0": "gfx1200",
    "12.0.1": "gfx1201",
}
"""The graphics core's version -> compiler target (amdkfd/kfd_device.c)."""
_DPM = re.compile(r"(?:[0-9]{1,2}|S): ([0-9]{1,5})Mhz( \*)?", re.ASCII | re.IGNORECASE)


def read_amd(host: Host, devices: tuple[DisplayDevice, ...]) -> tuple[tuple[Gpu, ...], tuple[GpuPair, ...]]:
    """The GPUs of the compute topology in its order, then those that only the bus shows."""
    on_bus = {d.pci_address: d for d in devices if d.vendor_id == AMD and d.console is None}
    if not on_bus and host.live:
        return (), ()
    topology = read_kfd(host)[:MAX_GPUS]
    gpus: list[Gpu] = []
    addresses = [gpu.pci_address for gpu in topology]
    for compute in topology:
        device = on_bus.get(compute.pci_address or "")
        whole = addresses.count(compute.pci_address) == 1
        gpus.append(_gpu(host, len(gpus), compute, device, whole))
    for address, device in on_bus.items():
        if address not in addresses:
            gpus.append(_gpu(host, len(gpus), None, device, True))
    return tuple(gpus[:MAX_GPUS]), kfd_pairs(topology, {gpu.node: n for n, gpu in enumerate(topology)})


def amd_stack(host: Host) -> GpuStack:
    """ROCm's version and the module's, which only AMD's own packages of it tell."""
    nodes = ["/dev/kfd"] if host.exists("/dev/kfd") else []
    nodes += [f"/dev/dri/{name}" for name in host.names("/dev/dri")[:MAX_GPUS] if name.startswith("renderD")]
    return GpuStack(
        vendor="amd",
        driver_version=(host.text("/opt/rocm/.info/version", optional=True) or "")[:40] or None,
        module_version=(host.text("/sys/module/amdgpu/version", optional=True) or "")[:40] or None,
        cuda_version=None,
        library_error=None,
        device_nodes=tuple(nodes),
        missing_device_nodes=(),  # `setup.py` tells, with who may open them.
    )


def _gpu(host: Host, index: int, compute: KfdGpu | None, device: DisplayDevice | None, whole: bool) -> Gpu:
    gpu = gpu_from_bus(index, "amd", device) if device else blank_gpu(index, "amd")
    told: dict[str, object] = {}
    if compute:
        told |= {"pci_address": compute.pci_address, "architecture": compute.gfx, "uuid": compute.unique_id}
        told["driver"] = gpu.driver or "amdgpu"
        told["clocks"] = gpu.clocks.model_copy(update={"core_max_mhz": compute.max_mhz})
        # A partition of a card, or no bus to look at: then the topology's own figure.
        told["memory"] = gpu.memory.model_copy(update={"total_bytes": compute.memory_bytes})
    if device and gpu.driver in ("amdgpu", None):
        told |= _from_driver(host, device, whole, compute)
    gfx = told.get("architecture")
    told["name"] = told.get("name") or (pci_name(host, device) if device else None) or (compute and compute.name)
    integrated = is_apu(compute, gfx if isinstance(gfx, str) else None, device)
    memory = told.get("memory", gpu.memory)
    if integrated is not None and isinstance(memory, GpuMemory):
        told["memory"] = memory.model_copy(update={"kind": "unified" if integrated else "dedicated"})
    return gpu.model_copy(update=told | {"integrated": integrated})


def is_apu(compute: KfdGpu | None, gfx: str | None, device: DisplayDevice | None) -> bool | None:
    """Whether the GPU is part of a processor; None where nothing tells."""
    if (compute and compute.with_cpu) or gfx in APU_TARGETS or (device and device.device_id == MI300A):
        return True
    return False if gfx else None


def _from_driver(host: Host, device: DisplayDevice, whole: bool, compute: KfdGpu | None) -> dict[str, object]:
    path = f"{PCI_DEVICES}/{device.pci_address}"
    told: dict[str, object] = {}
    total = _bytes(host, f"{path}/mem_info_vram_total")
    used = _bytes(host, f"{path}/mem_info_vram_used")
    if total is not None and whole:
        told["memory"] = GpuMemory(
            kind=None,
            total_bytes=total,
            used_bytes=used,
            free_bytes=None if used is None else max(0, total - used),
            gtt_total_bytes=_bytes(host, f"{path}/mem_info_gtt_total"),
            gtt_used_bytes=_bytes(host, f"{path}/mem_info_gtt_used"),
            visible_bytes=_bytes(host, f"{path}/mem_info_vis_vram_total"),
        )
    if compute is None or compute.gfx is None:
        told["architecture"] = _gfx_of_ip(host, path)
    if device.runtime_status == "suspended":
        return told
    core, core_max = _clocks(host, f"{path}/pp_dpm_sclk")
    memory, memory_max = _clocks(host, f"{path}/pp_dpm_mclk")
    told["clocks"] = GpuClocks(core_mhz=core, core_max_mhz=core_max, memory_mhz=memory, memory_max_mhz=memory_max)
    told["utilization_percent"] = host.integer(f"{path}/gpu_busy_percent", 0, 100, optional=True)
    name = host.text(f"{path}/product_name", optional=True)
    if name and name.isprintable():
        told["name"] = name[:200]
    serial = host.text(f"{path}/serial_number", optional=True)
    if serial and serial.isprintable():
        told["serial"] = serial[:80]
    power, temperature, critical = hwmon(host, path, ("junction", "edge"))
    return told | {"power": power, "temperature_c": temperature, "slowdown_temperature_c": critical}


def _bytes(host: Host, path: str) -> int | None:
    return host.integer(path, 0, 1 << 50, optional=True)


def _gfx_of_ip(host: Host, path: str) -> str | None:
    core = f"{path}/ip_discovery/die/0/GC/0"
    if not host.exists(core):
        return None
    parts = [host.integer(f"{core}/{part}", 0, 255, optional=True) for part in ("major", "minor", "revision")]
    return GFX_OF_IP.get(".".join(map(str, parts)))


def _clocks(host: Host, path: str) -> tuple[int | None, int | None]:
    return host.parsed(path, parse_dpm, optional=True) or (None, None)


def parse_dpm(text: str) -> tuple[int | None, int]:
    """The marked and the highest of `0: 500Mhz *` lines; a line `S:` is a sleep state."""
    levels = [match for match in map(_DPM.fullmatch, map(str.strip, text.splitlines()[:64])) if match]
    if not levels:
        raise Malformed(f"no clock levels: {text[:40]!r}")
    now = next((int(match[1]) for match in levels if match[2]), None)
    return now, max(int(match[1]) for match in levels)

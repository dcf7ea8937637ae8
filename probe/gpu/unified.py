"""Machines whose GPU works in the same memory as the CPU.

Reads /proc/device-tree/model, /etc/nv_tegra_release, /sys/class/dmi/id/{product_name,product_family,board_vendor},
/sys/devices/soc*/soc_id; the rest follows from the GPUs that were found.
"""

from ..host import Host
from ..reading import Reading
from .types import Gpu

DMI = "/sys/class/dmi/id"
NVIDIA_SOCS = {"jep106:0426:8901": "NVIDIA GB10"}
STRIX_HALO = "gfx1151"
_NVIDIA_NAMES = (("GB10", "NVIDIA GB10"), ("Orin", "NVIDIA Jetson Orin"), ("Thor", "NVIDIA Jetson Thor"))
_COHERENT_NAMES = ("GH200", "GB200", "GB300")


class UnifiedMemory(Reading):
    """What kind of machine shares memory between CPU and GPU."""

    kind: str
    """NVIDIA GB10, NVIDIA Jetson ..., NVIDIA Grace, AMD Strix Halo, AMD APU, AMD MI300A, Intel integrated graphics."""
    own_gpu_memory: bool
    """Grace Hopper and Grace Blackwell: the GPU has memory of its own too, and reaches the CPU's over NVLink-C2C."""
    source: str
    """What told."""


def read_unified(host: Host, gpus: tuple[Gpu, ...]) -> UnifiedMemory | None:
    """The kind of machine; None where every GPU has memory of its own, or there is no GPU."""
    return _nvidia(host, gpus) or _others(gpus)


def _nvidia(host: Host, gpus: tuple[Gpu, ...]) -> UnifiedMemory | None:
    for gpu in gpus:
        if gpu.vendor == "nvidia" and gpu.name:
            for word, kind in _NVIDIA_NAMES:
                if word in gpu.name:
                    return UnifiedMemory(kind=kind, own_gpu_memory=False, source=f"GPU {gpu.index}: {gpu.name}")
            if any(word in gpu.name for word in _COHERENT_NAMES):
                return UnifiedMemory(kind="NVIDIA Grace", own_gpu_memory=True, source=f"GPU {gpu.index}: {gpu.name}")
    model = host.text("/proc/device-tree/model", optional=True) or ""
    if "jetson" in model.lower():
        return UnifiedMemory(kind=printable(model), own_gpu_memory=False, source="/proc/device-tree/model")
    if host.exists("/etc/nv_tegra_release"):
        return UnifiedMemory(kind="NVIDIA Jetson", own_gpu_memory=False, source="/etc/nv_tegra_release")
    for path in list(host.numbered("/sys/devices", "soc").values())[:16]:
        soc = NVIDIA_SOCS.get(host.text(f"{path}/soc_id", optional=True) or "")
        if soc:
            return UnifiedMemory(kind=soc, own_gpu_memory=False, source=f"{path}/soc_id")
    product = host.text(f"{DMI}/product_name", optional=True) or ""
    if "dgx_spark" in product.lower().replace(" ", "_"):
        return UnifiedMemory(kind="NVIDIA GB10", own_gpu_memory=False, source=f"{DMI}/product_name")
    return None


def _others(gpus: tuple[Gpu, ...]) -> UnifiedMemory | None:
    for gpu in gpus:
        if gpu.vendor == "amd" and gpu.integrated:
            kind = {STRIX_HALO: "AMD Strix Halo", "gfx942": "AMD MI300A"}.get(gpu.architecture or "", "AMD APU")
            source = f"GPU {gpu.index}: {gpu.architecture or gpu.name or gpu.pci_address}"
            return UnifiedMemory(kind=kind, own_gpu_memory=False, source=source)
    for gpu in gpus:
        if gpu.vendor == "intel" and gpu.integrated:
            source = f"GPU {gpu.index}: {gpu.pci_address}"
            return UnifiedMemory(kind="Intel integrated graphics", own_gpu_memory=False, source=source)
    return None


def printable(text: str) -> str:
    """Text from firmware without control characters."""
    return "".join(letter for letter in text if letter.isprintable())[:80]

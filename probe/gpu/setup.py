"""What stands between GPUs and the programs that would use them: modules, device nodes, IOMMU.

Reads /sys/module/*, /dev/{kfd,nvidia*,dri/*}, /sys/bus/pci/devices/*/drm, /proc/driver/nvidia/gpus/*/information,
/etc/group, /opt/rocm/lib/rocblas/library, /sys/kernel/iommu_groups/*/type
(Documentation/ABI/testing/sysfs-kernel-iommu_groups).
"""

import re

from ..host import Host
from ..parse import parse_int, parse_key_values
from ..reading import Malformed, Reading
from .pci import PCI_DEVICES, DisplayDevice
from .types import Gpu
from .unified import UnifiedMemory, read_unified

MODULES = ("nvidia", "nouveau", "nova_core", "amdgpu", "radeon", "i915", "xe", "vfio_pci")
RENDERING = ("amdgpu", "i915", "xe")
MAX_NODES = 256
ROCBLAS_DIRS = (
    "/opt/rocm/lib/rocblas/library",
    "/usr/lib64/rocblas/library",
    "/usr/lib/x86_64-linux-gnu/rocblas/library",
    "/usr/lib/rocblas/library",
)
_TARGET = re.compile(r"gfx[0-9a-f]{3,5}", re.ASCII)


class DeviceNode(Reading):
    """A /dev file through which programs reach a GPU."""

    path: str
    pci_address: str | None
    """The GPU it belongs to; None for a node that all GPUs of a driver share."""
    driver: str
    there: bool
    openable: bool | None
    """Whether this process may open it; None where that cannot be told."""
    group: str | None
    """The group that owns it."""


class GpuSetup(Reading):
    """The set-up of all GPUs."""

    nodes: tuple[DeviceNode, ...] | None
    """The nodes that the bound drivers should have; None where /dev itself is not to be seen."""
    modules: tuple[str, ...]
    """Which of the GPU drivers' modules are loaded."""
    iommu_type: str | None
    """DMA or DMA-FQ (translated), identity (passed through), of the GPUs' groups; none: no IOMMU."""
    unified: UnifiedMemory | None
    rocblas_targets: tuple[str, ...] | None
    """The targets for which the installed rocBLAS has kernels; None where none is found, or no AMD GPU asks for it."""


def probe_gpu_setup(host: Host, devices: tuple[DisplayDevice, ...], gpus: tuple[Gpu, ...]) -> GpuSetup:
    """Look at modules, nodes and IOMMU of the GPUs; without a GPU there is little to look at."""
    ours = tuple(device for device in devices if device.console is None)
    # Without validation, which costs more to build than the reading itself.
    return GpuSetup.model_construct(
        nodes=_nodes(host, ours) if host.exists("/dev/null") else None,
        modules=tuple(name for name in MODULES if host.exists(f"/sys/module/{name}")) if ours else (),
        iommu_type=_iommu_type(host, ours),
        unified=read_unified(host, gpus),
        rocblas_targets=_rocblas_targets(host) if any(gpu.vendor == "amd" for gpu in gpus) else None,
    )


def _rocblas_targets(host: Host) -> tuple[str, ...] | None:
    for folder in ROCBLAS_DIRS:
        names = host.names(folder)
        if names:
            return tuple(sorted({match for name in names for match in _TARGET.findall(name)}))[:200]
    return None


def _nodes(host: Host, devices: tuple[DisplayDevice, ...]) -> tuple[DeviceNode, ...]:
    wanted: list[tuple[str, str | None, str]] = []
    for device in devices:
        if device.driver in RENDERING:
            names = host.names(f"{PCI_DEVICES}/{device.pci_address}/drm")
            wanted += [
                (f"/dev/dri/{name}", device.pci_address, device.driver) for name in names if name.startswith("renderD")
            ]
        elif device.driver == "nvidia":
            minor = host.parsed(
                f"/proc/driver/nvidia/gpus/{device.pci_address}/information", parse_minor, optional=True
            )
            if minor is not None:
                wanted.append((f"/dev/nvidia{minor}", device.pci_address, "nvidia"))
    if any(device.driver == "amdgpu" for device in devices) and host.exists("/sys/class/kfd/kfd"):
        wanted.append(("/dev/kfd", None, "amdgpu"))
    if any(device.driver == "nvidia" for device in devices):
        wanted.append(("/dev/nvidiactl", None, "nvidia"))
        wanted.append(("/dev/nvidia-uvm", None, "nvidia"))
    groups = _groups(host) if wanted else {}
    return tuple(_node(host, groups, *node) for node in wanted[:MAX_NODES])


def _node(host: Host, groups: dict[int, str], path: str, address: str | None, driver: str) -> DeviceNode:
    status = host.stat(path)
    gid = status.get("gid") if status else None
    return DeviceNode(
        path=path,
        pci_address=address,
        driver=driver,
        there=status is not None,
        openable=host.may_open(path) if status else None,
        group=groups.get(gid) if isinstance(gid, int) else None,
    )


def _groups(host: Host) -> dict[int, str]:
    found = {}
    for line in (host.text("/etc/group", optional=True) or "").splitlines():
        name, _, rest = line.partition(":")
        gid = rest.split(":")[1] if rest.count(":") else ""
        if gid.isascii() and gid.isdigit() and name.isprintable():
            found[int(gid[:10])] = name[:40]
    return found


def parse_minor(text: str) -> int:
    """`Device Minor: 0` of the NVIDIA driver's information file."""
    minor = parse_key_values(text).get("Device Minor")
    if minor is None:
        raise Malformed("it tells no device minor")
    return parse_int(minor, 0, 255)


def _iommu_type(host: Host, devices: tuple[DisplayDevice, ...]) -> str | None:
    for device in devices:
        if device.iommu_group is not None:
            told = host.text(f"/sys/kernel/iommu_groups/{device.iommu_group}/type", optional=True)
            if told:
                return told[:20]
    if any(device.iommu_group is not None for device in devices):
        return None
    return "none" if devices and host.exists("/sys/kernel/iommu_groups") else None

"""All GPUs of a machine: each vendor's library first, and what sysfs tells where a library is silent."""

from ..host import Host
from ..reading import Unreadable
from .pci import AMD, INTEL, NVIDIA, DisplayDevice, address_key, read_display_devices
from .types import Gpu, GpuClocks, GpuMemory, GpuPair, GpuPower, GpuStack, GpuSystem, PcieLink, Vendor

MAX_GPUS = 64
VENDORS: dict[int, Vendor] = {NVIDIA: "nvidia", AMD: "amd", INTEL: "intel"}
NVIDIA_SIGNS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu")
NVML_NAME = "libnvidia-ml.so.1"
LIBRARY_DIRS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/aarch64-linux-gnu/nvidia",
    "/usr/lib/wsl/lib",
    "/run/opengl-driver/lib",
    "/usr/local/nvidia/lib64",
)


def probe_gpus(host: Host, devices: tuple[DisplayDevice, ...] | None = None) -> GpuSystem:
    """Ask each vendor that this machine shows a sign of, and join the answers."""
    if devices is None:
        devices = read_display_devices(host)
    gpus: list[Gpu] = []
    pairs: list[GpuPair] = []
    stacks: list[GpuStack] = []
    if has_nvidia(host, devices):
        from .nvidia import read_nvidia

        told, told_pairs, stack = read_nvidia(host)
        gpus += join(told, devices, NVIDIA)
        pairs += told_pairs
        stacks += [stack] if stack else []
    else:
        gpus += join((), devices, NVIDIA)
    gpus += join((), devices, AMD)
    gpus += join((), devices, INTEL)
    # Without validation: building the validator of all these types would cost more than everything above.
    return GpuSystem.model_construct(gpus=tuple(gpus), pairs=tuple(pairs), stacks=tuple(stacks))


def has_nvidia(host: Host, devices: tuple[DisplayDevice, ...]) -> bool:
    """Whether anything of NVIDIA's is here, so that its library is worth asking."""
    if any(device.vendor_id == NVIDIA for device in devices) or any(host.exists(sign) for sign in NVIDIA_SIGNS):
        return True
    if not host.live and _holds_answers(host):
        return True
    listed = _environment(host, "LD_LIBRARY_PATH").split(":")[:50]
    wanted = [folder for folder in (*listed, *LIBRARY_DIRS) if folder.startswith("/")]
    return any(host.exists(f"{folder}/{NVML_NAME}") for folder in wanted)


def _holds_answers(host: Host) -> bool:
    """Whether a recording or a tree holds what NVML or nvidia-smi answered."""
    from .smi_source import NVIDIA_SMI

    for question in (("nvml", "nvmlDeviceGetCount"), ("command", *NVIDIA_SMI)):
        try:
            host.ask(*question)
        except Unreadable:
            continue
        return True
    return False


def _environment(host: Host, name: str) -> str:
    try:
        answer = host.ask("environment", name)
    except Unreadable:
        return ""
    return answer if isinstance(answer, str) else ""


def join(told: tuple[Gpu, ...], devices: tuple[DisplayDevice, ...], vendor: int) -> list[Gpu]:
    """The GPUs that `told` does, with the bus' facts filled in, then those that only the bus shows."""
    found = {key(gpu.pci_address): gpu for gpu in told if gpu.pci_address}
    on_bus = {
        key(device.pci_address): device for device in devices if device.vendor_id == vendor and device.console is None
    }
    joined = [_filled(gpu, on_bus.get(key(gpu.pci_address or ""))) for gpu in told]
    rest = [device for place, device in on_bus.items() if place not in found]
    if told and not found:  # Told without addresses: the same GPUs, not more of them.
        rest = []
    start = max((gpu.index for gpu in told), default=-1) + 1
    joined += [gpu_from_bus(start + n, VENDORS[vendor], device) for n, device in enumerate(rest)]
    return joined[:MAX_GPUS]


def key(address: str) -> str:
    """An address in one spelling: NVML writes 00000000:01:00.0, sysfs 0000:01:00.0."""
    try:
        return "{:x}:{:x}:{:x}.{:x}".format(*address_key(address))
    except ValueError:
        return address


def _filled(gpu: Gpu, device: DisplayDevice | None) -> Gpu:
    if device is None:
        return gpu
    return gpu.model_copy(
        update={
            "pci_address": device.pci_address,
            "driver": gpu.driver or device.driver,
            "numa_node": device.numa_node if gpu.numa_node is None else gpu.numa_node,
            "local_cpus": gpu.local_cpus or device.local_cpus,
        }
    )


def gpu_from_bus(index: int, vendor: Vendor, device: DisplayDevice) -> Gpu:
    """A GPU of which only the PCI bus tells."""
    return blank_gpu(index, vendor).model_copy(
        update={
            "pci_address": device.pci_address,
            "driver": device.driver,
            "numa_node": device.numa_node,
            "local_cpus": device.local_cpus,
            "link": device.link,
        }
    )


def blank_gpu(index: int, vendor: Vendor) -> Gpu:
    """A GPU of which nothing is known yet."""
    return Gpu(
        index=index,
        vendor=vendor,
        name=None,
        pci_address=None,
        uuid=None,
        serial=None,
        driver=None,
        numa_node=None,
        local_cpus=None,
        architecture=None,
        compute_capability=None,
        integrated=None,
        memory=GpuMemory(kind=None, total_bytes=None, used_bytes=None, free_bytes=None),
        link=PcieLink(generation_now=None, generation_max=None, width_now=None, width_max=None),
        power=GpuPower(draw_mw=None, limit_mw=None, default_limit_mw=None, min_limit_mw=None, max_limit_mw=None),
        clocks=GpuClocks(core_mhz=None, core_max_mhz=None, memory_mhz=None, memory_max_mhz=None),
        temperature_c=None,
        slowdown_temperature_c=None,
        throttle_reasons=None,
        throttle_harmful=None,
        utilization_percent=None,
        ecc_enabled=None,
        ecc_uncorrected_errors=None,
        retired_pages_pending=None,
        mig_enabled=None,
        mig_instances=(),
        persistence_mode=None,
        display_active=None,
        processes=(),
        lost=None,
    )

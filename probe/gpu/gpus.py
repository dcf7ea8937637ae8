"""All GPUs of a machine: each vendor's library first, and what sysfs tells where a library is silent."""

from ..host import Host
from ..reading import Unreadable
from .bare import gpu_from_bus, pci_name
from .kfd import KFD_NODES
from .pci import AMD, INTEL, NVIDIA, DisplayDevice, address_key, read_display_devices
from .types import Gpu, GpuPair, GpuStack, GpuSystem
from .unified import read_unified

MAX_GPUS = 64
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
    if nvidia_sleeps(devices):  # NVML would wake it.
        gpus += join(host, (), devices)
    elif has_nvidia(host, devices):
        from .nvidia import read_nvidia

        told, told_pairs, stack = read_nvidia(host)
        gpus += shared(host, join(host, told, devices))
        pairs += told_pairs
        stacks += [stack] if stack else []
    if any(device.vendor_id == AMD for device in devices) or host.exists(KFD_NODES):
        from .amd import amd_stack, read_amd

        told, told_pairs = read_amd(host, devices)
        stacks += [amd_stack(host)] if any(gpu.driver == "amdgpu" for gpu in told) else []
        gpus += told
        pairs += told_pairs
    if not host.live and not any(gpu.vendor == "amd" for gpu in gpus):
        from .smi_source import read_rocm_smi

        told, told_pairs, stack = read_rocm_smi(host)
        gpus += told
        pairs += told_pairs
        stacks += [stack] if stack else []
    if any(device.vendor_id == INTEL for device in devices):
        from .intel import read_intel

        gpus += read_intel(host, devices)
    # Without validation: building the validator of all these types would cost more than everything above.
    return GpuSystem.model_construct(gpus=tuple(gpus), pairs=tuple(pairs), stacks=tuple(stacks))


def nvidia_sleeps(devices: tuple[DisplayDevice, ...]) -> bool:
    """Whether every NVIDIA GPU on the bus is asleep, as they are in laptops."""
    ours = [device for device in devices if device.vendor_id == NVIDIA]
    return bool(ours) and all(device.runtime_status == "suspended" for device in ours)


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


def join(host: Host, told: tuple[Gpu, ...], devices: tuple[DisplayDevice, ...]) -> list[Gpu]:
    """NVIDIA's GPUs as its library tells them, with the bus' facts filled in, then those that only the bus shows."""
    found = {key(gpu.pci_address) for gpu in told if gpu.pci_address}
    on_bus = {key(device.pci_address): device for device in devices if device.vendor_id == NVIDIA}
    joined = [_filled(gpu, on_bus.get(key(gpu.pci_address or ""))) for gpu in told]
    if told and not found:  # Told without addresses: the same GPUs, not more of them.
        return joined
    start = max((gpu.index for gpu in told), default=-1) + 1
    rest = [device for place, device in on_bus.items() if place not in found]
    for number, device in enumerate(rest[:MAX_GPUS]):
        gpu = gpu_from_bus(start + number, "nvidia", device)
        joined.append(gpu.model_copy(update={"name": pci_name(host, device)}))
    return joined


def shared(host: Host, gpus: list[Gpu]) -> list[Gpu]:
    """NVIDIA's GPUs, marked where they work in the machine's own memory; NVML tells no size of it."""
    unified = read_unified(host, tuple(gpus)) if any(gpu.memory.total_bytes is None for gpu in gpus) else None
    if unified is None or unified.own_gpu_memory:
        return gpus
    return [
        gpu.model_copy(update={"integrated": True, "memory": gpu.memory.model_copy(update={"kind": "unified"})})
        if gpu.memory.total_bytes is None and gpu.lost is None
        else gpu
        for gpu in gpus
    ]


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

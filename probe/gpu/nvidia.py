"""NVIDIA's GPUs, through NVML.

Files read beside NVML: /proc/driver/nvidia (version, gpus), /sys/module/nvidia/version, /sys/bus/pci/devices/*/
{numa_node,local_cpulist}, /proc/PID/comm. The calls are described in the NVML API reference (docs.nvidia.com).
"""

import re

from ..host import Host
from ..reading import Malformed, Unreadable
from .nvidia_device import LOST_GPU, read_device
from .nvidia_links import read_pairs
from .nvml_ask import Asker
from .types import Gpu, GpuPair, GpuStack

MAX_GPUS = 64
VERSION_FILE = "/proc/driver/nvidia/version"
_MODULE_VERSION = re.compile(r"Kernel Module(?:\s+for\s+\S+)?\s+([0-9]+(?:\.[0-9]+){1,3})", re.ASCII)
# What NVML says of a card that is there and does not work: external power missing, lost, needs a reset, unknown error.
_LOST = re.compile(r"\(NVML error (8|11|14|15|16|17|999)\)", re.ASCII)

# Any error of NVML itself, other than that its library is not there.
_NVML_ANSWERED = re.compile(r"\(NVML error (?!12\))[0-9]+\)", re.ASCII)

Answer = tuple[tuple[Gpu, ...], tuple[GpuPair, ...], GpuStack | None]


def read_nvidia(host: Host) -> Answer:
    """The GPUs, how they are connected, and the driver; all empty where there is no NVIDIA software."""
    module = read_module_version(host)
    nvml = Asker(host)
    try:
        count = host.nvml("nvmlDeviceGetCount")
    except Unreadable as why:
        return _told_by_smi(host, module, why) or ((), (), _stack_without_nvml(host, module, why))
    count = count if type(count) is int and 0 <= count <= MAX_GPUS else 0
    driver_version = nvml.text("nvmlSystemGetDriverVersion")
    cuda_version = parse_cuda_version(nvml.integer("nvmlSystemGetCudaDriverVersion_v2"))
    gpus = _gpus(host, nvml, count)
    pairs = () if nvml.hung else read_pairs(nvml, gpus)
    nodes, missing = _device_nodes(host, module, count)
    stack = GpuStack(
        vendor="nvidia",
        driver_version=driver_version,
        module_version=module,
        cuda_version=cuda_version,
        library_error=nvml.hung,
        device_nodes=nodes,
        missing_device_nodes=missing,
    )
    return gpus, pairs, stack


def _gpus(host: Host, nvml: Asker, count: int) -> tuple[Gpu, ...]:
    gpus = []
    for index in range(count):
        try:
            host.nvml("nvmlDeviceGetPciInfo", index)
        except Unreadable as why:
            if _LOST.search(why.detail):
                gpus.append(LOST_GPU.model_copy(update={"index": index, "lost": why.detail}))
                continue
            host.note_gap(f"NVML GPU {index}", why)
            if why.reason == "timed out":
                nvml.hung = nvml.hung or f"nvmlDeviceGetPciInfo({index}): {why.detail}"
                break
            if why.reason == "denied":
                continue
        gpus.append(read_device(host, nvml, index))
        if nvml.hung:
            break
    return _with_addresses_of_lost(host, gpus)


def _with_addresses_of_lost(host: Host, gpus: list[Gpu]) -> tuple[Gpu, ...]:
    """A lost GPU tells no address; the driver's list of GPUs does, for those that no other GPU has."""
    lost = [gpu for gpu in gpus if gpu.pci_address is None and gpu.lost]
    if not lost:
        return tuple(gpus)
    known = {gpu.pci_address for gpu in gpus}
    left = [name for name in host.names("/proc/driver/nvidia/gpus") if name not in known]
    # NVML counts in the order of the bus, as the names sort.
    addresses = dict(zip((gpu.index for gpu in lost), sorted(left), strict=True)) if len(left) == len(lost) else {}
    return tuple(gpu.model_copy(update={"pci_address": addresses.get(gpu.index, gpu.pci_address)}) for gpu in gpus)


def _told_by_smi(host: Host, module: str | None, why: Unreadable) -> Answer | None:
    """What nvidia-smi prints, where NVML cannot be asked at all; where NVML is broken nvidia-smi is too."""
    if why.reason not in ("missing", "not asked") or _NVML_ANSWERED.search(why.detail):
        return None
    # A parser of XML is large, and seldom needed.
    from .smi_source import read_nvidia_smi

    gpus, stack = read_nvidia_smi(host)
    if stack is None:
        return None
    nodes, missing = _device_nodes(host, module, len(gpus))
    update = {"module_version": module, "device_nodes": nodes, "missing_device_nodes": missing}
    return gpus, (), stack.model_copy(update=update)


def _stack_without_nvml(host: Host, module: str | None, why: Unreadable) -> GpuStack | None:
    """Without a module and without a library there is no stack; else the error is worth telling."""
    absent = "NVML error 12)" in why.detail or why.reason == "not asked"
    if module is None and absent:
        return None
    if why.reason != "not asked":
        host.note_gap("NVML", why)
    nodes, missing = _device_nodes(host, module, 0)
    return GpuStack(
        vendor="nvidia",
        driver_version=None,
        module_version=module,
        cuda_version=None,
        library_error=None if why.reason == "not asked" else why.detail or why.reason,
        device_nodes=nodes,
        missing_device_nodes=missing,
    )


def _device_nodes(host: Host, module: str | None, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The /dev nodes that are there, and those that CUDA needs and this process cannot see."""
    there = tuple(f"/dev/{name}" for name in host.names("/dev") if name.startswith("nvidia"))[:200]
    if module is None or not host.live:  # A recording or a tree may leave /dev out.
        return there, ()
    wanted = ["/dev/nvidiactl", "/dev/nvidia-uvm"] + ([] if count else ["/dev/nvidia0"])
    return there, tuple(node for node in wanted if node not in there)


def read_module_version(host: Host) -> str | None:
    """The version of the loaded kernel module."""
    return host.parsed(VERSION_FILE, parse_module_version, optional=True) or (
        host.text("/sys/module/nvidia/version", optional=True) or None
    )


def parse_module_version(text: str) -> str:
    """`NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build` -> `580.95.05`."""
    match = _MODULE_VERSION.search(text[:2000])
    if not match:
        raise Malformed("it names no kernel module's version")
    return match[1]


def parse_cuda_version(number: int | None) -> str | None:
    """12040 -> `12.4`."""
    return f"{number // 1000}.{number % 1000 // 10}" if number and 1000 <= number < 1_000_000 else None

"""What is known about a GPU, whoever made it."""

from typing import Literal

from ..reading import Reading

Vendor = Literal["nvidia", "amd", "intel"]
MemoryKind = Literal["dedicated", "unified"]


class GpuMemory(Reading):
    """Memory that kernels on the GPU can use."""

    kind: MemoryKind | None
    """`unified`: the GPU shares the machine's RAM (Grace, GB10, Jetson, Strix Halo and other APUs)."""
    total_bytes: int | None
    used_bytes: int | None
    free_bytes: int | None
    reserved_bytes: int | None = None
    """What the driver keeps for itself (NVML's v2 figures)."""
    gtt_total_bytes: int | None = None
    """System memory that an AMD GPU may map."""
    gtt_used_bytes: int | None = None
    visible_bytes: int | None = None
    """How much of it the CPU can address: BAR1 on NVIDIA, visible VRAM on AMD; less than all without resizable BAR."""


class PcieLink(Reading):
    """The link of a device to its slot. `now` falls while a device idles; that is no fault."""

    generation_now: int | None
    generation_max: int | None
    """The best that device, slot and firmware agree on, where known; else the device's."""
    width_now: int | None
    width_max: int | None


class GpuPower(Reading):
    """Power in milliwatts."""

    draw_mw: int | None
    limit_mw: int | None
    """The limit in force."""
    default_limit_mw: int | None
    min_limit_mw: int | None
    max_limit_mw: int | None


class GpuClocks(Reading):
    """Clocks in MHz."""

    core_mhz: int | None
    core_max_mhz: int | None
    memory_mhz: int | None
    memory_max_mhz: int | None


class GpuProcess(Reading):
    """A process that holds GPU memory."""

    pid: int
    name: str | None
    used_bytes: int | None


class MigInstance(Reading):
    """A MIG slice of an NVIDIA GPU."""

    name: str | None
    uuid: str | None
    memory: GpuMemory


class Gpu(Reading):
    """One GPU."""

    index: int
    """Its place in the vendor's own order (CUDA_DEVICE_ORDER=PCI_BUS_ID for NVIDIA)."""
    vendor: Vendor
    name: str | None
    pci_address: str | None
    """Such as 0000:01:00.0."""
    uuid: str | None
    serial: str | None
    driver: str | None
    """The kernel module bound to it: nvidia, nouveau, amdgpu, i915, xe, vfio-pci ...; None where there is none."""
    numa_node: int | None
    local_cpus: tuple[int, ...] | None
    architecture: str | None
    """`Hopper`, `gfx1100`, `Battlemage` ..."""
    compute_capability: str | None
    """NVIDIA only, such as `8.9`."""
    integrated: bool | None
    memory: GpuMemory
    link: PcieLink
    power: GpuPower
    clocks: GpuClocks
    temperature_c: int | None
    slowdown_temperature_c: int | None
    throttle_reasons: tuple[str, ...] | None
    """In words; empty: runs freely; None: not known."""
    throttle_harmful: tuple[str, ...] | None
    """Those of them that cost speed under load (heat, power brake, power cap), not idleness or a user's setting."""
    utilization_percent: int | None
    ecc_enabled: bool | None
    ecc_uncorrected_errors: int | None
    retired_pages_pending: bool | None
    mig_enabled: bool | None
    mig_instances: tuple[MigInstance, ...]
    persistence_mode: bool | None
    display_active: bool | None
    processes: tuple[GpuProcess, ...]
    lost: str | None
    """Why it does not answer (NVML's words), when it is on the bus but lost."""


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


class GpuPair(Reading):
    """How two GPUs are connected."""

    first: int
    second: int
    kind: str
    """`NVLink x4`, `XGMI`, or the PCIe way: `same switch`, `same root`, `same NUMA node`, `across NUMA nodes` ..."""
    nvlinks: int
    peer_access: bool | None


class GpuStack(Reading):
    """The software beneath the GPUs of one vendor, and what is wrong with it."""

    vendor: Vendor
    driver_version: str | None
    """The user-space driver library's (NVML)."""
    module_version: str | None
    """The loaded kernel module's."""
    cuda_version: str | None
    """The newest CUDA the driver supports, such as `12.4`."""
    library_error: str | None
    """Why the vendor's management library could not be used, in words."""
    device_nodes: tuple[str, ...]
    """/dev nodes that are there."""
    missing_device_nodes: tuple[str, ...]
    """/dev nodes that the loaded driver should have and this process cannot see."""


class GpuSystem(Reading):
    """All GPUs of a machine."""

    gpus: tuple[Gpu, ...]
    pairs: tuple[GpuPair, ...]
    stacks: tuple[GpuStack, ...]

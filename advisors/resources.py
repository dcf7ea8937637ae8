"""What a plan may use: the memories and processors of a machine, with how fast each is and how that is known."""

from typing import Literal

from ..probe.reading import Reading

Basis = Literal["measured", "rated", "assumed"]


class Rate(Reading):
    """A speed of hardware and how it is known."""

    per_s: float
    basis: Basis
    source: str


class Gpu(Reading):
    """One device that runs layers."""

    name: str
    """As the engine calls it: CUDA0, ROCm1, Vulkan0 ..."""
    title: str
    backend: Literal["CUDA", "ROCm", "Vulkan", "SYCL", "Metal"]
    unified: bool
    """Its memory is the host's."""
    total_bytes: int | None
    free_bytes: int | None
    """Free now: other processes and the driver are already taken off."""
    reserve_bytes: int
    """What the driver takes for a process that uses the device (context, kernels), before the first buffer."""
    bandwidth_bytes: Rate | None
    flops_fp16: Rate | None
    """Dense, with matrix units."""
    link_bytes: Rate | None
    """From host memory: PCIe as it runs now."""
    numa_node: int | None
    compute_capability: tuple[int, int] | None = None
    generation: str | None = None
    """As `data/gpus.csv` calls it: ada, rdna3 ..."""
    power_share: float = 1.0
    """The power limit in force, as a part of the default."""


class Processor(Reading):
    """The CPUs a new process may use."""

    cpus: float
    """CPUs' worth of time (affinity and quota)."""
    cpu_list: tuple[int, ...]
    cores: int
    bandwidth_bytes: Rate | None
    """Of all usable memory channels together."""
    flops: Rate | None
    features: frozenset[str]
    """What decides kernels and repacking: avx2, avx512f, avx512_vnni, amx_int8, neon, dotprod, i8mm, sve."""
    busy_cpus: float
    """CPUs' worth of time that others use now."""
    core_bytes: float | None = None
    """What one core can read a second."""
    fabric_bytes: float | None = None
    """What all cores together can, where the way to them is narrower than the memory."""
    virtual: bool = False
    """CPUs of a guest, which may be threads of one core."""
    core_flops: float | None = None
    """32-bit operations of one core a second, at its clock when all work."""

    @property
    def left_cpus(self) -> float:
        """CPUs that others leave now, whatever a quota allows of them."""
        return max(0.0, len(self.cpu_list) - self.busy_cpus)


class Resources(Reading):
    """The machine as a plan sees it."""

    title: str
    gpus: tuple[Gpu, ...]
    processor: Processor
    host_total_bytes: int | None
    host_free_bytes: int | None
    """What a new process can have without swapping, within its cgroup."""
    disk_bytes: Rate | None
    """Sequential reads of the device that holds the model."""
    numa_nodes: tuple[int, ...]
    engines: tuple[str, ...] = ()


def leaving_free(resources: Resources, device_bytes: int, host_bytes: int) -> Resources:
    """The same machine with so much less to take, on each GPU and of the host."""
    if not device_bytes and not host_bytes:
        return resources
    gpus = tuple(
        gpu.model_copy(update={"free_bytes": None if gpu.free_bytes is None else max(gpu.free_bytes - device_bytes, 0)})
        for gpu in resources.gpus
    )
    free = resources.host_free_bytes
    return resources.model_copy(
        update={"gpus": gpus, "host_free_bytes": None if free is None else max(free - host_bytes, 0)}
    )

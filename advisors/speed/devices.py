"""The GPUs of a snapshot as llama.cpp will call them, with their speeds by their vendors' data sheets.

llama.cpp takes the devices in the order of the runtime: CUDA's is fastest first unless CUDA_DEVICE_ORDER says otherwise
(CUDA C++ Programming Guide, "CUDA Environment Variables"; the guess is made here by 32-bit arithmetic, equal cards in
bus order), ROCm's and Vulkan's is the driver's. An NVIDIA GPU that is split (MIG) shows each process one instance.
"""

from collections.abc import Sequence
from typing import Literal

from ...probe.builds import Build
from ...probe.gpu.types import Gpu as ProbedGpu
from ...probe.gpu.types import GpuMemory, GpuPower, PcieLink
from ...probe.snapshot import Snapshot
from ..resources import Gpu, Rate
from .gpu_table import Spec, find_gpu

Backend = Literal["CUDA", "ROCm", "Vulkan", "SYCL", "Metal"]

LANE_BYTES = {1: 250e6, 2: 500e6, 3: 984.6e6, 4: 1969e6, 5: 3938e6, 6: 7563e6}
"""A lane's bytes a second by generation, after line coding (PCI Express Base Specification 6.0, table of rates)."""
RESERVE_BYTES = {"CUDA": 420 << 20, "ROCm": 400 << 20, "Vulkan": 150 << 20, "SYCL": 300 << 20, "Metal": 100 << 20}
"""What a process' context takes before the first buffer: estimated from reports of 250 to 550 MiB for CUDA (more on
larger GPUs), 300 to 500 for ROCm and 50 to 200 for Vulkan; not measured here."""
_UNUSABLE = ("vfio-pci", "nouveau", "pci-stub")
_GENERATIONS = (
    ("gfx90a", "cdna2"), ("gfx94", "cdna3"), ("gfx95", "cdna4"), ("gfx908", "cdna"), ("gfx90", "vega"),
    ("gfx101", "rdna"), ("gfx103", "rdna2"), ("gfx115", "rdna3.5"), ("gfx11", "rdna3"), ("gfx12", "rdna4"),
)  # fmt: skip


def read_devices(snapshot: Snapshot) -> tuple[Gpu, ...]:
    """All GPUs that an engine can use, in its order."""
    found: dict[Backend, list[tuple[float, ProbedGpu, Spec | None]]] = {}
    for probed in snapshot.gpus:
        if probed.lost or probed.driver in _UNUSABLE or (probed.driver is None and probed.vendor != "nvidia"):
            continue
        spec = _spec(probed)
        speed = spec.fp32_tflops if spec else 0.0
        found.setdefault(backend_of(probed, snapshot.builds), []).append((speed, probed, spec))
    devices: list[Gpu] = []
    for backend, members in found.items():
        if backend == "CUDA":
            members = sorted(members, key=lambda member: -member[0])
        devices += [
            _device(snapshot, probed, spec, backend, number) for number, (_, probed, spec) in enumerate(members)
        ]
    return tuple(devices)


def backend_of(gpu: ProbedGpu, builds: Sequence[Build]) -> Backend:
    """What drives a GPU: its vendor's own, unless the builds that were found offer only another."""
    own: Backend = {"nvidia": "CUDA", "amd": "ROCm", "intel": "SYCL"}[gpu.vendor]  # type: ignore[assignment]
    offered = {name for build in builds for name in build.gpu_backends}
    wanted = {"CUDA": "cuda", "ROCm": "hip", "SYCL": "sycl"}[own]
    if wanted in offered:
        return own
    return "Vulkan" if "vulkan" in offered or gpu.vendor == "intel" else own


def _spec(gpu: ProbedGpu) -> Spec | None:
    memory = gpu.memory.total_bytes if gpu.memory.kind != "unified" else None
    return find_gpu(gpu.name, memory) if gpu.name else None


def _device(snapshot: Snapshot, probed: ProbedGpu, spec: Spec | None, backend: Backend, number: int) -> Gpu:
    unified = probed.memory.kind == "unified"
    instance = _instance(probed)
    total, free = _memory(snapshot, instance, unified)
    share = 1.0
    if instance is not probed.memory and instance.total_bytes and probed.memory.total_bytes:
        share = min(1.0, instance.total_bytes / probed.memory.total_bytes)
    capability = (probed.compute_capability or "").split(".")
    return Gpu(
        name=f"{backend}{number}",
        title=(probed.name or "") if spec is None else spec.name,
        backend=backend,
        unified=unified,
        total_bytes=total,
        free_bytes=free,
        reserve_bytes=RESERVE_BYTES[backend],
        bandwidth_bytes=rated_bandwidth(spec, share),
        flops_fp16=rated_flops(spec, share),
        link_bytes=None if unified else link_rate(probed.link, spec),
        numa_node=probed.numa_node,
        compute_capability=(int(capability[0]), int(capability[1]))
        if len(capability) == 2 and all(part.isdigit() for part in capability)
        else None,
        generation=spec.generation if spec else _generation(probed.architecture),
        power_share=_power_share(probed.power),
    )


def _power_share(power: GpuPower) -> float:
    limit, default = power.limit_mw, power.default_limit_mw
    return min(1.0, limit / default) if limit and default else 1.0


def _instance(gpu: ProbedGpu) -> GpuMemory:
    return gpu.mig_instances[0].memory if gpu.mig_enabled and gpu.mig_instances else gpu.memory


def _memory(snapshot: Snapshot, memory: GpuMemory, unified: bool) -> tuple[int | None, int | None]:
    """Total and free bytes. A unified GPU has the host's: what the firmware set aside and what it may map."""
    if not unified:
        return memory.total_bytes, memory.free_bytes
    host_total, host_free = snapshot.effective.memory_limit_bytes, snapshot.effective.memory_bytes
    if memory.gtt_total_bytes is None:
        return memory.total_bytes or host_total, host_free if memory.free_bytes is None else memory.free_bytes
    total = memory.gtt_total_bytes + (memory.total_bytes or 0)
    free = memory.gtt_total_bytes - (memory.gtt_used_bytes or 0)
    free = min(free, host_free) if host_free is not None else free
    return total, free + (memory.free_bytes or 0)


def rated_bandwidth(spec: Spec | None, share: float = 1.0) -> Rate | None:
    """Of a GPU's memory; an instance of a split GPU has its share of memory's channels."""
    return Rate(per_s=spec.bandwidth_gb_s * 1e9 * share, basis="rated", source=spec.source) if spec else None


def rated_flops(spec: Spec | None, share: float = 1.0) -> Rate | None:
    """16-bit matrix arithmetic as the engine uses it: with 16-bit sums, which GeForce cards do twice as fast."""
    if spec is None:
        return None
    rate = max(spec.fp16_tflops, (spec.int8_tops or 0.0) / 2)
    return Rate(per_s=rate * 1e12 * share, basis="rated", source=spec.source)


def link_rate(link: PcieLink | None, spec: Spec | None) -> Rate | None:
    """PCIe as it can run: an idle link slows down, so its best generation counts; its width does not change."""
    generation = link.generation_max or link.generation_now if link else None
    width = link.width_now or link.width_max if link else None
    basis: Literal["rated", "assumed"] = "rated"
    if generation is None and spec is not None:
        generation, basis = spec.pcie_generation, "assumed"
    if width is None and spec is not None:
        width, basis = spec.pcie_lanes, "assumed"
    if generation not in LANE_BYTES or not width:
        return None
    return Rate(per_s=LANE_BYTES[generation] * width, basis=basis, source=f"PCIe {generation} x{width}")


def _generation(architecture: str | None) -> str | None:
    """AMD's compiler target -> its generation; NVML's architectures are called as in the table."""
    if not architecture:
        return None
    for prefix, name in _GENERATIONS:
        if architecture.startswith(prefix):
            return name
    return architecture.lower()

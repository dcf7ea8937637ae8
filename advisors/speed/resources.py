"""The machine as a plan sees it, from a snapshot."""

from ...probe.gpu.types import Gpu as ProbedGpu
from ...probe.snapshot import Snapshot
from ..resources import Gpu, Processor, Resources

_FEATURES = {
    "AVX2": "avx2",
    "AVX-512 F": "avx512f",
    "AVX-512 VNNI": "avx512_vnni",
    "AVX-VNNI": "avx_vnni",
    "AVX-512 BF16": "avx512_bf16",
    "AMX INT8": "amx_int8",
    "NEON": "neon",
    "dotprod": "dotprod",
    "I8MM": "i8mm",
    "SVE": "sve",
}
"""As `probe/isa.py` calls them -> as `Processor.features` does."""
_BACKENDS = {"nvidia": "CUDA", "amd": "ROCm", "intel": "Vulkan"}


def resources(snapshot: Snapshot) -> Resources:
    """GPUs, processor, memory and disk with their speeds and how those are known."""
    effective = snapshot.effective
    counts: dict[str, int] = {}
    gpus = []
    for probed in snapshot.gpus:
        if probed.lost or (probed.driver in ("vfio-pci", None) and probed.vendor != "nvidia"):
            continue
        backend = _BACKENDS[probed.vendor]
        number = counts.get(backend, 0)
        counts[backend] = number + 1
        gpus.append(_gpu(probed, backend, number))
    return Resources(
        title=snapshot.machine,
        gpus=tuple(gpus),
        processor=Processor(
            cpus=effective.cpus or float(len(effective.cpu_list)) or 1.0,
            cpu_list=effective.cpu_list,
            cores=effective.cores or len(effective.cpu_list) or 1,
            bandwidth_bytes=None,
            flops=None,
            features=frozenset(_FEATURES[name] for name in snapshot.cpu.instruction_sets or () if name in _FEATURES),
            busy_cpus=snapshot.load.busy_cpus or 0.0,
        ),
        host_total_bytes=effective.memory_limit_bytes,
        host_free_bytes=effective.memory_bytes,
        disk_bytes=None,
        numa_nodes=tuple(node.id for node in snapshot.numa.nodes),
    )


def _gpu(probed: ProbedGpu, backend: str, number: int) -> Gpu:
    capability = (probed.compute_capability or "").split(".")
    return Gpu(
        name=f"{backend}{number}",
        title=probed.name or probed.architecture or probed.vendor,
        backend=backend,  # type: ignore[arg-type]
        unified=probed.memory.kind == "unified",
        total_bytes=probed.memory.total_bytes,
        free_bytes=probed.memory.free_bytes,
        reserve_bytes=400 << 20,
        bandwidth_bytes=None,
        flops_fp16=None,
        link_bytes=None,
        numa_node=probed.numa_node,
        compute_capability=(int(capability[0]), int(capability[1])) if len(capability) == 2 else None,
    )

"""A machine that is only thought of: `--gpu "2x RTX 3090" --ram 64`."""

import re
from collections.abc import Sequence

from ..resources import Gpu, Processor, Rate, Resources
from .devices import RESERVE_BYTES, Backend, link_rate, rated_bandwidth, rated_flops
from .gpu_table import Spec, named_gpu

ASSUMED_CPUS = 8
DESKTOP_BANDWIDTH, DESKTOP_CORE_BYTES, DESKTOP_CORE_FLOPS = 89.6e9, 35e9, 140e9
"""Two channels of DDR5-5600, and cores of 256-bit vectors at 4.4 GHz."""
DRIVER_SHARE = 0.03
"""Of a GPU's memory, the driver and its firmware keep some: 24576 MiB become 24080 or so."""
MOST_GPUS = 64


class UnknownGpu(LookupError):
    """No product has that name; the words tell which come near."""


def hypothetical(gpu_names: Sequence[str], ram_gib: float, cpus: int | None) -> Resources:
    """The resources of a machine with these GPUs, so much memory and so many cores."""
    specs = [spec for names in gpu_names for name in names.split(",") for spec in _several(name)]
    if len(specs) > MOST_GPUS:
        raise UnknownGpu(f"{len(specs)} GPUs are more than the {MOST_GPUS} that are planned for")
    specs.sort(key=lambda spec: -spec.fp32_tflops)
    counts: dict[Backend, int] = {}
    gpus = []
    for spec in specs:
        backend = _backend(spec)
        number = counts.get(backend, 0)
        counts[backend] = number + 1
        gpus.append(_gpu(spec, backend, number, ram_gib))
    cores = cpus or ASSUMED_CPUS
    ram = int(ram_gib * (1 << 30))
    source = "two channels of DDR5-5600, as desktops have"
    parts = [f"{count}x {name}" for name, count in _counted([spec.name for spec in specs])]
    return Resources(
        title=", ".join([*parts, f"{ram_gib:g} GiB of memory"]),
        gpus=tuple(gpus),
        processor=Processor(
            cpus=float(cores),
            cpu_list=tuple(range(cores)),
            cores=cores,
            bandwidth_bytes=Rate(per_s=DESKTOP_BANDWIDTH, basis="assumed", source=source),
            flops=Rate(per_s=cores * DESKTOP_CORE_FLOPS, basis="assumed", source="cores with AVX2 at 4.4 GHz"),
            features=frozenset({"avx2"}),
            busy_cpus=0.0,
            core_bytes=DESKTOP_CORE_BYTES,
            core_flops=DESKTOP_CORE_FLOPS,
        ),
        host_total_bytes=ram,
        host_free_bytes=int(ram * 0.92),
        disk_bytes=Rate(per_s=5e9, basis="assumed", source="an NVMe drive on PCIe 4"),
        numa_nodes=(),
    )


def _several(text: str) -> list[Spec]:
    """`2x RTX 3090` -> twice that product."""
    match = re.fullmatch(r"\s*(\d{1,3})\s*[x*]\s*(.+)", text) or re.fullmatch(r"(.+?)\s+[x*]\s*(\d{1,3})\s*", text)
    count, name = 1, text
    if match:
        first, second = match.groups()
        count, name = (int(first), second) if first.isdigit() else (int(second), first)
    if not 1 <= count <= MOST_GPUS:
        raise UnknownGpu(f"{count} GPUs: from 1 to {MOST_GPUS} can be planned for")
    try:
        return [named_gpu(name.strip())] * count
    except LookupError as error:
        raise UnknownGpu(str(error)) from None


def _counted(names: Sequence[str]) -> list[tuple[str, int]]:
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def _backend(spec: Spec) -> Backend:
    if "NVIDIA" in spec.source:
        return "CUDA"
    return "ROCm" if spec.source.startswith("AMD") else "SYCL"


def _gpu(spec: Spec, backend: Backend, number: int, ram_gib: float) -> Gpu:
    unified = spec.pcie_lanes is None
    total = int((min(spec.memory_gib, ram_gib) if unified else spec.memory_gib) * (1 << 30))
    return Gpu(
        name=f"{backend}{number}",
        title=spec.name,
        backend=backend,
        unified=unified,
        total_bytes=total,
        free_bytes=int(total * (1 - DRIVER_SHARE)) if not unified else int(total * 0.92),
        reserve_bytes=RESERVE_BYTES[backend],
        bandwidth_bytes=rated_bandwidth(spec),
        flops_fp16=rated_flops(spec),
        link_bytes=None if unified else link_rate(None, spec),
        numa_node=None,
        generation=spec.generation,
    )

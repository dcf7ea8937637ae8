"""Resources for plans: machines that need not exist."""

from pathlib import Path

from trees import tree_host

from llmtune.advisors.resources import Gpu, Processor, Rate, Resources
from llmtune.probe.snapshot import Snapshot, take_snapshot

GIB = 1 << 30
CPU = "/sys/devices/system/cpu"


def gpu(
    name: str = "CUDA0",
    *,
    total_gib: float = 24,
    free_gib: float | None = None,
    bandwidth_gb: float = 936,
    tflops: float = 71,
    unified: bool = False,
) -> Gpu:
    """A card; by default all but the driver's share is free."""
    return Gpu(
        name=name,
        title=f"Card {name}",
        backend="CUDA",
        unified=unified,
        total_bytes=int(total_gib * GIB),
        free_bytes=int((total_gib - 0.5 if free_gib is None else free_gib) * GIB),
        reserve_bytes=400 << 20,
        bandwidth_bytes=Rate(per_s=bandwidth_gb * 1e9, basis="rated", source="test"),
        flops_fp16=Rate(per_s=tflops * 1e12, basis="rated", source="test"),
        link_bytes=Rate(per_s=25e9, basis="rated", source="test"),
        numa_node=None,
        compute_capability=(8, 6),
    )


def machine(
    *gpus: Gpu,
    ram_gib: float = 64,
    free_gib: float | None = None,
    cpus: int = 8,
    busy: float = 0.0,
    bandwidth_gb: float = 60,
) -> Resources:
    """A machine with these cards."""
    return Resources(
        title="a made machine",
        gpus=gpus,
        processor=Processor(
            cpus=float(cpus),
            cpu_list=tuple(range(cpus)),
            cores=cpus,
            bandwidth_bytes=Rate(per_s=bandwidth_gb * 1e9, basis="rated", source="test"),
            flops=Rate(per_s=1e12, basis="assumed", source="test"),
            features=frozenset({"avx2", "fma"}),
            busy_cpus=busy,
        ),
        host_total_bytes=int(ram_gib * GIB),
        host_free_bytes=int((ram_gib if free_gib is None else free_gib) * GIB),
        disk_bytes=Rate(per_s=3e9, basis="rated", source="test"),
        numa_nodes=(0,),
    )


def snapshot(root: Path, cpus: int = 8) -> Snapshot:
    """The snapshot that goes with `machine`: so many plain cores."""
    files = {f"{CPU}/online": f"0-{cpus - 1}", f"{CPU}/present": f"0-{cpus - 1}"}
    for cpu in range(cpus):
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = str(cpu)
    return take_snapshot(tree_host(root, files), disk_interval_s=0)

"""What the exporter tells Prometheus: an observation as families of metrics, without any library.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only counts up. What this
machine does not say is left out; nothing is ever 0 because it is not known.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ..advisors.bottleneck.observer import Observation
from ..probe.diskstats import SECTOR_BYTES
from ..probe.sample.gpu import GpuMoment
from ..probe.sample.sample import DriveMoment, MemoryMoment, NodeMoment, PressureMoment, Sample
from .metrics_servers import server_points

Value = float | int | None


class Point(NamedTuple):
    """One value."""

    family: str
    labels: Mapping[str, str]
    value: float


def points(observation: Observation, lasting: Mapping[tuple[str, str | None], float]) -> Iterator[Point]:
    """Every value that is known; `lasting` tells for how many seconds each verdict holds."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for family, labels, value in _all(observation, lasting):
        # Prometheus refuses a whole answer for one series that is told twice (a process listed twice on a GPU).
        key = (family, tuple(labels.values()))
        if value is not None and key not in seen:
            seen.add(key)
            yield Point(family, labels, float(value))


def _all(
    observation: Observation, lasting: Mapping[tuple[str, str | None], float]
) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    sample = observation.sample
    for rank, one in enumerate(observation.verdicts):
        labels = {"kind": one.kind, "subject": one.subject or ""}
        yield "llmtune_bottleneck", labels | {"confidence": one.confidence, "badness": one.badness}, 1
        yield "llmtune_bottleneck_rank", labels, rank
        yield "llmtune_bottleneck_seconds", labels, lasting.get((one.kind, one.subject))
    yield from _cpu(sample)
    if sample.memory is not None:
        yield from _memory(sample.memory)
    yield from _pressure(sample.pressure)
    for drive in sample.drives:
        yield from _drive(drive)
    for node in sample.nodes:
        yield from _node(node)
    for gpu in sample.gpus:
        yield from _gpu(gpu)
    yield from server_points(observation)


def _cpu(sample: Sample) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    if sample.cpu is None:
        return
    ticks = sample.cpu.ticks
    modes = {
        "busy": sum(cpu.busy for cpu in ticks),
        "idle": sum(cpu.idle - cpu.iowait for cpu in ticks),
        "iowait": sum(cpu.iowait for cpu in ticks),
        "steal": sum(cpu.steal for cpu in ticks),
    }
    for mode, hundredths in modes.items():
        yield "llmtune_cpu_seconds_total", {"mode": mode}, hundredths / 100
    yield "llmtune_cpu_online", {}, len(ticks)
    for cpu, khz in sample.cpu.frequencies_khz.items():
        yield "llmtune_cpu_frequency_hertz", {"cpu": str(cpu)}, khz * 1000
    yield "llmtune_tasks", {"state": "running"}, sample.cpu.running_tasks
    yield "llmtune_tasks", {"state": "blocked"}, sample.cpu.blocked_tasks


def _memory(memory: MemoryMoment) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    kinds = {
        "total": memory.total_bytes,
        "available": memory.available_bytes,
        "free": memory.free_bytes,
        "cached": memory.cached_bytes,
        "dirty": memory.dirty_bytes,
        "hugepages_total": memory.hugepages_total_bytes,
        "hugepages_free": memory.hugepages_free_bytes,
    }
    yield from _by("llmtune_memory_bytes", "kind", kinds)
    yield from _by("llmtune_swap_bytes", "kind", {"total": memory.swap_total_bytes, "free": memory.swap_free_bytes})
    yield "llmtune_major_page_faults_total", {}, memory.major_faults
    moved = {"in": memory.swapped_in_bytes, "out": memory.swapped_out_bytes}
    yield from _by("llmtune_swapped_bytes_total", "direction", moved)
    yield "llmtune_refaulted_file_bytes_total", {}, memory.refaulted_file_bytes


def _pressure(pressure: PressureMoment) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    for resource, totals in (("cpu", pressure.cpu), ("memory", pressure.memory), ("io", pressure.io)):
        if totals is not None:
            name = "llmtune_pressure_stalled_seconds_total"
            yield name, {"resource": resource, "share": "some"}, totals.some_us / 1e6
            yield (
                name,
                {"resource": resource, "share": "full"},
                None if totals.full_us is None else totals.full_us / 1e6,
            )


def _drive(drive: DriveMoment) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    own, counted = {"drive": drive.name}, drive.counters
    for direction, operations, sectors, spent_ms in (
        ("read", counted.reads, counted.sectors_read, counted.read_ms),
        ("write", counted.writes, counted.sectors_written, counted.write_ms),
    ):
        labels = own | {"direction": direction}
        yield "llmtune_drive_bytes_total", labels, sectors * SECTOR_BYTES
        yield "llmtune_drive_operations_total", labels, operations
        yield "llmtune_drive_operation_seconds_total", labels, spent_ms / 1000
    yield "llmtune_drive_busy_seconds_total", own, counted.busy_ms / 1000
    yield "llmtune_drive_read_ahead_bytes", own, drive.read_ahead_bytes


def _node(node: NodeMoment) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    own = {"node": str(node.node)}
    kinds = {"total": node.total_bytes, "free": node.free_bytes, "file": node.file_bytes}
    yield from _by("llmtune_numa_node_memory_bytes", "kind", kinds, own)
    pages = {"local": node.local_pages, "foreign": node.foreign_pages}
    yield from _by("llmtune_numa_node_pages_total", "for", pages, own)


def _gpu(gpu: GpuMoment) -> Iterator[tuple[str, Mapping[str, str], Value]]:
    # A name that stays: the index alone may mean another GPU after a boot, and differs by vendor.
    own = {"gpu": str(gpu.index), "vendor": gpu.vendor}
    about = {"name": gpu.name or "", "uuid": gpu.uuid or "", "pci_address": gpu.pci_address or ""}
    yield "llmtune_gpu_info", own | about, 1
    yield "llmtune_gpu_up", own, gpu.trouble is None
    yield "llmtune_gpu_asleep", own, gpu.asleep
    yield "llmtune_gpu_utilization_ratio", own, _share(gpu.utilization_percent)
    yield "llmtune_gpu_memory_busy_ratio", own, _share(gpu.memory_busy_percent)
    yield "llmtune_gpu_memory_bandwidth_ratio", own, _share(gpu.dram_percent)
    yield from _by("llmtune_gpu_memory_bytes", "kind", {"used": gpu.used_bytes, "total": gpu.total_bytes}, own)
    yield "llmtune_gpu_temperature_celsius", own, gpu.temperature_c
    yield "llmtune_gpu_power_watts", own, None if gpu.power_mw is None else gpu.power_mw / 1000
    yield "llmtune_gpu_power_limit_watts", own, None if gpu.power_limit_mw is None else gpu.power_limit_mw / 1000
    for domain, now, most in (
        ("core", gpu.core_mhz, gpu.core_max_mhz),
        ("memory", gpu.memory_mhz, gpu.memory_max_mhz),
    ):
        clocks = {"now": _hertz(now), "max": _hertz(most)}
        yield from _by("llmtune_gpu_clock_hertz", "value", clocks, own | {"domain": domain})
    for reason in gpu.throttle_reasons or ():
        harmful = "yes" if reason in (gpu.throttle_harmful or ()) else "no"
        yield "llmtune_gpu_throttled", own | {"reason": reason, "harmful": harmful}, 1
    traffic = {"rx": gpu.pcie_rx_bytes_per_s, "tx": gpu.pcie_tx_bytes_per_s}
    yield from _by("llmtune_gpu_pcie_bytes_per_second", "direction", traffic, own)
    generations = {"now": gpu.link_generation_now, "max": gpu.link_generation_max}
    yield from _by("llmtune_gpu_pcie_link_generation", "value", generations, own)
    widths = {"now": gpu.link_width_now, "max": gpu.link_width_max}
    yield from _by("llmtune_gpu_pcie_link_width", "value", widths, own)
    links = {"rx": gpu.nvlink_rx_bytes, "tx": gpu.nvlink_tx_bytes}
    yield from _by("llmtune_gpu_nvlink_bytes_total", "direction", links, own)
    for user in gpu.users:
        who = {"pid": str(user.pid), "process": user.name or "", "container": user.container or ""}
        yield "llmtune_gpu_process_memory_bytes", own | who, user.used_bytes


def _by(
    family: str, label: str, values: Mapping[str, Value], own: Mapping[str, str] | None = None
) -> Iterable[tuple[str, Mapping[str, str], Value]]:
    return [(family, {**(own or {}), label: name}, value) for name, value in values.items()]


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _hertz(mhz: int | None) -> int | None:
    return None if mhz is None else mhz * 1_000_000

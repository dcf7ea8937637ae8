"""One NVIDIA GPU through NVML, in some thirty calls."""

import re
from collections.abc import Mapping

from ..host import Host, Json
from .nvml_ask import Asker, as_flag, whole
from .nvml_words import ARCHITECTURES, harmful_words, throttle_words
from .types import Gpu, GpuClocks, GpuMemory, GpuPower, GpuProcess, MigInstance, PcieLink, blank_gpu

MAX_MIG_DEVICES = 16
MAX_PROCESSES = 1000
MEMORY_V2 = 0x02000028  # nvmlMemory_v2: the structure's size and version
CLOCK_SM, CLOCK_MEMORY = 1, 2
SENSOR_GPU = 0
THRESHOLD_SLOWDOWN = 1
ECC_UNCORRECTED, ECC_SINCE_BOOT = 1, 0
_BUS_ID = re.compile(r"([0-9A-Fa-f]{4,8}):([0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])", re.ASCII)

LOST_GPU = blank_gpu(0, "nvidia").model_copy(update={"driver": "nvidia"})


def read_device(host: Host, nvml: Asker, index: int) -> Gpu:
    """Everything about one GPU that answers."""
    nvml.lost = None
    address = bus_address(nvml.members("nvmlDeviceGetPciInfo", index).get("busId"))
    place = f"/sys/bus/pci/devices/{address}"
    node = host.integer(f"{place}/numa_node", -1, 65_535, optional=True) if address else None
    reasons = nvml.integer("nvmlDeviceGetCurrentClocksEventReasons", index)
    if reasons is None:  # before driver 535
        reasons = nvml.integer("nvmlDeviceGetCurrentClocksThrottleReasons", index)
    temperature = nvml.integer("nvmlDeviceGetTemperature", index, SENSOR_GPU)
    temperature = temperature if temperature is not None and temperature < 300 else None
    mig = nvml.numbers("nvmlDeviceGetMigMode", index)
    mig_enabled = as_flag(mig[0]) if mig else None
    ecc = nvml.numbers("nvmlDeviceGetEccMode", index)
    ecc_enabled = as_flag(ecc[0]) if ecc else None
    capability = nvml.numbers("nvmlDeviceGetCudaComputeCapability", index)
    return Gpu(
        index=index,
        vendor="nvidia",
        driver="nvidia",
        integrated=None,
        name=nvml.text("nvmlDeviceGetName", index),
        pci_address=address,
        uuid=nvml.text("nvmlDeviceGetUUID", index),
        serial=nvml.text("nvmlDeviceGetSerial", index),
        numa_node=node if node is not None and node >= 0 else None,
        local_cpus=host.cpu_list(f"{place}/local_cpulist", optional=True) if address else None,
        architecture=ARCHITECTURES.get(nvml.integer("nvmlDeviceGetArchitecture", index) or 0),
        compute_capability=".".join(map(str, capability)) if len(capability) == 2 and None not in capability else None,
        memory=read_memory(nvml, index, _bar1(nvml, index)),
        link=PcieLink(
            generation_now=nvml.positive("nvmlDeviceGetCurrPcieLinkGeneration", index),
            generation_max=nvml.positive("nvmlDeviceGetMaxPcieLinkGeneration", index),
            width_now=nvml.positive("nvmlDeviceGetCurrPcieLinkWidth", index),
            width_max=nvml.positive("nvmlDeviceGetMaxPcieLinkWidth", index),
        ),
        power=_power(nvml, index),
        clocks=GpuClocks(
            core_mhz=nvml.integer("nvmlDeviceGetClockInfo", index, CLOCK_SM),
            core_max_mhz=nvml.positive("nvmlDeviceGetMaxClockInfo", index, CLOCK_SM),
            memory_mhz=nvml.integer("nvmlDeviceGetClockInfo", index, CLOCK_MEMORY),
            memory_max_mhz=nvml.positive("nvmlDeviceGetMaxClockInfo", index, CLOCK_MEMORY),
        ),
        temperature_c=temperature,
        slowdown_temperature_c=slowdown_temperature(nvml, index, temperature),
        throttle_reasons=None if reasons is None else throttle_words(reasons),
        throttle_harmful=None if reasons is None else harmful_words(reasons),
        utilization_percent=whole(nvml.members("nvmlDeviceGetUtilizationRates", index).get("gpu")),
        ecc_enabled=ecc_enabled,
        ecc_uncorrected_errors=nvml.integer("nvmlDeviceGetTotalEccErrors", index, ECC_UNCORRECTED, ECC_SINCE_BOOT)
        if ecc_enabled
        else None,
        retired_pages_pending=_pending(nvml, index) if ecc_enabled else None,
        mig_enabled=mig_enabled,
        mig_instances=_mig_instances(nvml, index) if mig_enabled else (),
        persistence_mode=nvml.flag("nvmlDeviceGetPersistenceMode", index),
        display_active=nvml.flag("nvmlDeviceGetDisplayActive", index),
        processes=tuple(
            GpuProcess(pid=pid, name=host.text(f"/proc/{pid}/comm", optional=True) or None, used_bytes=size)
            for pid, size in processes(nvml, index).items()
        ),
        lost=nvml.lost,
    )


def bus_address(bus_id: object) -> str | None:
    """NVML's `00000000:41:00.0` as the kernel writes it: `0000:41:00.0`."""
    match = _BUS_ID.fullmatch(bus_id) if isinstance(bus_id, str) else None
    return f"{int(match[1], 16):04x}:{match[2].lower()}" if match else None


def read_memory(nvml: Asker, device: str | int, visible_bytes: int | None) -> GpuMemory:
    """How much memory there is and what is in use."""
    told = memory_members(nvml, device)
    total = whole(told.get("total")) or None
    return GpuMemory(
        kind=None if total is None else "dedicated",
        total_bytes=total,
        used_bytes=whole(told.get("used")),
        free_bytes=whole(told.get("free")),
        reserved_bytes=whole(told.get("reserved")),
        visible_bytes=visible_bytes,
    )


def memory_members(nvml: Asker, device: str | int) -> Mapping[str, Json]:
    """What NVML says of the memory; empty where the GPU has none of its own."""
    told = nvml.members("nvmlDeviceGetMemoryInfo", device, MEMORY_V2)
    # Before driver 510 what is reserved counts as used.
    return told or nvml.members("nvmlDeviceGetMemoryInfo", device)


def _bar1(nvml: Asker, index: int) -> int | None:
    return whole(nvml.members("nvmlDeviceGetBAR1MemoryInfo", index).get("bar1Total")) or None


def _power(nvml: Asker, index: int) -> GpuPower:
    limits = nvml.numbers("nvmlDeviceGetPowerManagementLimitConstraints", index)
    low, high = limits if len(limits) == 2 else (None, None)
    limit = nvml.positive("nvmlDeviceGetPowerManagementLimit", index)
    return GpuPower(
        draw_mw=nvml.integer("nvmlDeviceGetPowerUsage", index),
        limit_mw=limit or nvml.positive("nvmlDeviceGetEnforcedPowerLimit", index),
        default_limit_mw=nvml.positive("nvmlDeviceGetPowerManagementDefaultLimit", index),
        min_limit_mw=low or None,
        max_limit_mw=high or None,
    )


def slowdown_temperature(nvml: Asker, index: int, temperature: int | None) -> int | None:
    """Where the clocks go down. Newer cards tell only how far away that is."""
    threshold = nvml.positive("nvmlDeviceGetTemperatureThreshold", index, THRESHOLD_SLOWDOWN)
    if threshold is not None or temperature is None:
        return threshold
    margin = nvml.ask("nvmlDeviceGetMarginTemperature", index)
    return temperature + margin if type(margin) is int and -100 <= margin <= 200 else None


def _pending(nvml: Asker, index: int) -> bool | None:
    """Whether faulty memory waits for a reset to be put out of use: row remapping since Ampere, else retired pages."""
    rows = nvml.numbers("nvmlDeviceGetRemappedRows", index)
    if len(rows) == 4:
        return as_flag(rows[2])
    return nvml.flag("nvmlDeviceGetRetiredPagesPendingStatus", index)


def _mig_instances(nvml: Asker, index: int) -> tuple[MigInstance, ...]:
    count = min(nvml.integer("nvmlDeviceGetMaxMigDeviceCount", index) or 0, MAX_MIG_DEVICES)
    found = []
    for number in range(count):
        device = f"{index}/{number}"
        uuid = nvml.text("nvmlDeviceGetUUID", device)
        if uuid is not None:  # numbers that are not in use answer nothing
            name = nvml.text("nvmlDeviceGetName", device)
            found.append(MigInstance(name=name, uuid=uuid, memory=read_memory(nvml, device, None)))
    return tuple(found)


def processes(nvml: Asker, index: int) -> dict[int, int | None]:
    """Who holds memory of the GPU, and how much where NVML tells: process id -> bytes."""
    used: dict[int, int | None] = {}
    for function in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
        answer = nvml.ask(function, index)
        for entry in answer[:MAX_PROCESSES] if isinstance(answer, list) else ():
            pid = whole(entry.get("pid")) if isinstance(entry, dict) else None
            if pid and isinstance(entry, dict):
                # One process may be in both lists, with the same memory.
                size = whole(entry.get("usedGpuMemory"))
                used[pid] = max(used.get(pid) or 0, size or 0) or size
    return dict(sorted(used.items()))

"""One NVIDIA GPU, each interval, through NVML.

A dozen calls an interval; names, limits and highest clocks once; what changes slowly every third second. To ask for
the PCIe throughput blocks for 20 ms each way on true cards, so it is done only where there are no counters.
"""

import time

from ..gpu.nvidia_device import (
    CLOCK_MEMORY,
    CLOCK_SM,
    SENSOR_GPU,
    bus_address,
    memory_members,
    processes,
    slowdown_temperature,
)
from ..gpu.nvml_ask import whole
from ..gpu.nvml_gpu import GpuLost, NvmlGpu
from ..gpu.nvml_words import harmful_words, throttle_words
from ..gpu.pci import DisplayDevice
from ..gpu.types import blank_gpu
from ..gpu.unified import read_unified
from ..host import Host, Json
from ..reading import Unreadable
from .gpu import GpuMoment, GpuUser
from .gpu_known import has_slept, is_asleep, unread, without_readings
from .gpu_shared import shared_memory
from .gpu_thread import Pulse
from .gpu_traffic import Traffic
from .gpu_users import UserNames

SLOW_SECONDS = 2.9
RARE_SECONDS = 9.5
HOTTEST_C, MOST_MW, MOST_MHZ = 200, 10_000_000, 100_000
NOT_OURS = "(NVML error 6)"
"""Of a GPU that is on the bus and not among those that NVML knows: a container that was given others."""


class NvidiaReader:
    """One GPU by its place on the bus, or by NVML's index where no bus shows it (Jetson, WSL)."""

    def __init__(self, index: int, device: DisplayDevice | None) -> None:
        self.pulse = Pulse()
        self.latest = unread(time.monotonic(), index, "nvidia", device)
        self._device = device
        self._index = index
        self._names = UserNames()
        self._failed = False
        self._gpu: NvmlGpu | None = None
        self.let_go()

    def let_go(self) -> None:
        """Ask nothing for a while: what is open is closed."""
        if self._gpu is not None:
            self._gpu.close()
        self._gpu = None
        self._unified: bool | None = None
        self._traffic = Traffic()
        self._slow_at = self._rare_at = float("-inf")
        self._slow: dict[str, object] = {}
        self._users: tuple[GpuUser, ...] = ()

    def sleeps_when_idle(self, host: Host) -> bool:
        """Whether the kernel puts it to sleep when nobody asks."""
        return has_slept(host, self._device)

    def read(self, host: Host) -> GpuMoment | None:
        """Now. A sleeping GPU is not asked, and NVML is not even begun for it."""
        now = time.monotonic()
        if is_asleep(host, self._device):
            self.let_go()
            return without_readings(self.latest, now, asleep=True)
        try:
            gpu = self._gpu if self._gpu is not None else self._open(host)
            gpu.host = host
            self.latest = self._ask(host, gpu)
        except GpuLost as why:
            self.let_go()
            return without_readings(self.latest, now, f"lost: {why}")
        except Unreadable as why:
            self.let_go()
            self._failed = True
            if NOT_OURS in why.detail:
                return None
            return without_readings(self.latest, now, f"NVML: {why.detail or why.reason}")
        return self.latest

    def _open(self, host: Host) -> NvmlGpu:
        place = self._device.pci_address if self._device else self._index
        # Where it failed, the driver may have been loaded meanwhile.
        gpu = NvmlGpu(host, place, self.pulse.beat, again=self._failed)
        self._gpu = gpu
        index = gpu.integer("nvmlDeviceGetIndex", 0)
        address = bus_address(gpu.members("nvmlDeviceGetPciInfo", 0).get("busId"))
        temperature = gpu.integer("nvmlDeviceGetTemperature", 0, SENSOR_GPU)
        self.latest = self.latest.model_copy(
            update={
                "index": self._index if index is None else index,
                "name": gpu.text("nvmlDeviceGetName", 0),
                "uuid": gpu.text("nvmlDeviceGetUUID", 0),
                "pci_address": self.latest.pci_address or address,
                "core_max_mhz": _up_to(MOST_MHZ, gpu.positive("nvmlDeviceGetMaxClockInfo", 0, CLOCK_SM)),
                "memory_max_mhz": _up_to(MOST_MHZ, gpu.positive("nvmlDeviceGetMaxClockInfo", 0, CLOCK_MEMORY)),
                "slowdown_temperature_c": _up_to(HOTTEST_C, slowdown_temperature(gpu, 0, temperature)),
                "link_generation_max": gpu.positive("nvmlDeviceGetMaxPcieLinkGeneration", 0),
                "link_width_max": gpu.positive("nvmlDeviceGetMaxPcieLinkWidth", 0),
            }
        )
        self._failed = False
        return gpu

    def _ask(self, host: Host, gpu: NvmlGpu) -> GpuMoment:
        self._ask_slow(host, gpu)
        reasons = gpu.integer("nvmlDeviceGetCurrentClocksEventReasons", 0)
        if reasons is None:  # before driver 535
            reasons = gpu.integer("nvmlDeviceGetCurrentClocksThrottleReasons", 0)
        temperature = gpu.integer("nvmlDeviceGetTemperature", 0, SENSOR_GPU)
        busy = gpu.members("nvmlDeviceGetUtilizationRates", 0)
        traffic = self._traffic.read(gpu)
        return self.latest.model_copy(
            update={
                **self._slow,
                **self._memory(host, gpu),
                "clock_s": time.monotonic(),
                "utilization_percent": _up_to(100, busy.get("gpu")),
                "memory_busy_percent": _up_to(100, busy.get("memory")),
                "dram_percent": traffic.dram_percent,
                "temperature_c": _up_to(HOTTEST_C, temperature),
                "power_mw": _up_to(MOST_MW, gpu.integer("nvmlDeviceGetPowerUsage", 0)),
                "core_mhz": _up_to(MOST_MHZ, gpu.integer("nvmlDeviceGetClockInfo", 0, CLOCK_SM)),
                "memory_mhz": _up_to(MOST_MHZ, gpu.integer("nvmlDeviceGetClockInfo", 0, CLOCK_MEMORY)),
                "throttle_reasons": None if reasons is None else throttle_words(reasons),
                "throttle_harmful": None if reasons is None else harmful_words(reasons),
                "pcie_rx_bytes_per_s": traffic.pcie_rx_bytes_per_s,
                "pcie_tx_bytes_per_s": traffic.pcie_tx_bytes_per_s,
                "nvlink_rx_bytes": traffic.nvlink_rx_bytes,
                "nvlink_tx_bytes": traffic.nvlink_tx_bytes,
                "users": self._users,
            }
        )

    def _ask_slow(self, host: Host, gpu: NvmlGpu) -> None:
        now = time.monotonic()
        if now - self._slow_at > SLOW_SECONDS:
            self._slow_at = now
            self._slow |= {
                "fan_percent": _up_to(200, gpu.integer("nvmlDeviceGetFanSpeed", 0)),
                "link_generation_now": gpu.positive("nvmlDeviceGetCurrPcieLinkGeneration", 0),
                "link_width_now": gpu.positive("nvmlDeviceGetCurrPcieLinkWidth", 0),
            }
            self._users = self._names.users(host, processes(gpu, 0))
        if now - self._rare_at > RARE_SECONDS:
            self._rare_at = now
            limit = gpu.positive("nvmlDeviceGetPowerManagementLimit", 0)
            self._slow["power_limit_mw"] = limit or gpu.positive("nvmlDeviceGetEnforcedPowerLimit", 0)

    def _memory(self, host: Host, gpu: NvmlGpu) -> dict[str, object]:
        if self._unified:
            return shared_memory(host)
        told = memory_members(gpu, 0)
        total = whole(told.get("total")) or None
        if self._unified is None:
            named = blank_gpu(0, "nvidia").model_copy(update={"name": self.latest.name})
            found = read_unified(host, (named,)) if total is None else None
            self._unified = found is not None and not found.own_gpu_memory
            if self._unified:
                return shared_memory(host)
        kind = None if total is None else "dedicated"
        return {"memory_kind": kind, "total_bytes": total, "used_bytes": whole(told.get("used"))}


def _up_to(most: int, value: Json) -> int | None:
    """What a GPU can mean; broken ones answer all ones."""
    number = whole(value)
    return number if number is not None and number <= most else None

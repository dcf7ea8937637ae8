"""One AMD GPU, each interval, from the kernel alone.

Reads below /sys/bus/pci/devices/<address>: gpu_busy_percent, mem_busy_percent, mem_info_{vram,gtt}_used, gpu_metrics,
pcie_bw, current_link_*, hwmon/hwmon*/{power1_*,temp*,freq*,pwm1} (Documentation/gpu/amdgpu/thermal.rst). What does not
change is read once, by the probe of AMD's GPUs.
"""

import time

from ..gpu.amd import parse_dpm, read_amd
from ..gpu.pci import PCI_DEVICES, DisplayDevice, parse_generation, parse_width
from ..host import Host
from ..reading import Malformed
from .gpu import GpuMoment, GpuUser
from .gpu_amd_metrics import Throttling, tells_reasons
from .gpu_drm import DrmUsers
from .gpu_hwmon import Sensors, find_sensors
from .gpu_known import has_slept, is_asleep, unread, without_readings
from .gpu_shared import shared_memory
from .gpu_thread import Pulse
from .gpu_users import UserNames

SLOW_SECONDS = 2.9
MOVED_SECONDS = 9.5
"""The driver counts PCIe packets for a whole second before it answers."""


class AmdReader:
    """One GPU that amdgpu drives."""

    def __init__(self, index: int, device: DisplayDevice, users: DrmUsers) -> None:
        self.pulse = Pulse()
        self.latest = unread(time.monotonic(), index, "amd", device)
        self._device = device
        self._path = f"{PCI_DEVICES}/{device.pci_address}"
        self._drm = users
        self._names = UserNames()
        self._sensors: Sensors | None = None
        self._gtt_total: int | None = None
        self._slow_at = self._moved_at = float("-inf")
        self._slow: dict[str, object] = {}
        self._users: tuple[GpuUser, ...] = ()
        self._absent: set[str] = set()
        self._throttled = Throttling()
        self._total: int | None = None

    def sleeps_when_idle(self, host: Host) -> bool:
        """Whether the kernel puts it to sleep when nobody asks."""
        return has_slept(host, self._device)

    def let_go(self) -> None:
        """Nothing is kept open."""

    def read(self, host: Host) -> GpuMoment:
        """Now. Of a sleeping GPU nothing is read."""
        if is_asleep(host, self._device):
            return without_readings(self.latest, time.monotonic(), asleep=True)
        if self._sensors is None:
            self._learn(host)
        self._read_slow(host)
        sensors = self._sensors or Sensors()
        throttling = self._throttling(host)
        self.latest = self.latest.model_copy(
            update={
                **self._slow,
                **self._memory(host),
                "utilization_percent": self._number(host, "gpu_busy_percent", 100),
                "memory_busy_percent": self._number(host, "mem_busy_percent", 100),
                "temperature_c": sensors.temperature_c(host),
                "fan_percent": sensors.fan_percent(host),
                "power_mw": sensors.power_mw(host),
                "core_mhz": sensors.frequency_mhz(host, 1) or self._clock(host, "pp_dpm_sclk"),
                "memory_mhz": sensors.frequency_mhz(host, 2) or self._clock(host, "pp_dpm_mclk"),
                "throttle_reasons": throttling,
                "throttle_harmful": throttling,
                "users": self._users,
                "clock_s": time.monotonic(),
            }
        )
        return self.latest

    def _learn(self, host: Host) -> None:
        address = self._device.pci_address
        found = next((gpu for gpu in read_amd(host, (self._device,))[0] if gpu.pci_address == address), None)
        self._sensors = find_sensors(host, self._path, ("junction", "edge"))
        if found is None:
            return
        self._gtt_total = found.memory.gtt_total_bytes
        self.latest = self.latest.model_copy(
            update={
                "name": found.name,
                "uuid": found.uuid,
                "memory_kind": found.memory.kind,
                "total_bytes": found.memory.total_bytes,
                "core_max_mhz": found.clocks.core_max_mhz,
                "memory_max_mhz": found.clocks.memory_max_mhz,
                "slowdown_temperature_c": found.slowdown_temperature_c,
            }
        )
        self._total = found.memory.total_bytes

    def _memory(self, host: Host) -> dict[str, object]:
        used = self._number(host, "mem_info_vram_used", 1 << 50)
        if self.latest.memory_kind != "unified":
            return {"used_bytes": used}
        mapped = self._number(host, "mem_info_gtt_used", 1 << 50)
        if used is None or mapped is None or self._total is None or self._gtt_total is None:
            return shared_memory(host)
        # What the firmware set aside, and what the GPU may map of the rest: a model may lie in both.
        return {"used_bytes": used + mapped, "total_bytes": self._total + self._gtt_total}

    def _read_slow(self, host: Host) -> None:
        now = time.monotonic()
        if now - self._slow_at > SLOW_SECONDS:
            self._slow_at = now
            bridge = self._device.bridge
            width = host.parsed(f"{self._path}/current_link_width", parse_width, optional=True)
            if bridge is not None:  # Many cards carry a switch: their own link is always full.
                above = f"{PCI_DEVICES}/{bridge.pci_address}/current_link_width"
                slot = host.parsed(above, parse_width, optional=True) or bridge.width_now
                width = min(width, slot) if width and slot else width
            speed = f"{self._path}/current_link_speed"
            self._slow |= {
                "link_generation_now": host.parsed(speed, parse_generation, optional=True),
                "link_width_now": width,
                "power_limit_mw": self._sensors.limit_mw(host) if self._sensors else None,
            }
            used = self._drm.used(host, self._device.pci_address, self.latest.memory_kind == "unified")
            self._users = self._names.users(host, used)
        if now - self._moved_at > MOVED_SECONDS:
            self._moved_at = now
            moved = None if "pcie_bw" in self._absent else host.parsed(f"{self._path}/pcie_bw", _moved, optional=True)
            if moved is None:
                self._absent.add("pcie_bw")
            else:
                self._slow |= {"pcie_rx_bytes_per_s": moved[0], "pcie_tx_bytes_per_s": moved[1]}

    def _number(self, host: Host, name: str, high: int) -> int | None:
        if name in self._absent:
            return None
        value = host.integer(f"{self._path}/{name}", 0, high, optional=True)
        if value is None:
            self._absent.add(name)
        return value

    def _clock(self, host: Host, name: str) -> int | None:
        levels = host.parsed(f"{self._path}/{name}", parse_dpm, optional=True)
        return levels[0] if levels else None

    def _throttling(self, host: Host) -> tuple[str, ...] | None:
        if "gpu_metrics" in self._absent:
            return None
        data = host.data(f"{self._path}/gpu_metrics", optional=True)
        if data is None or not tells_reasons(data):
            self._absent.add("gpu_metrics")
            return None
        return self._throttled.words(data)


def _moved(text: str) -> tuple[int, int]:
    """`received sent largest`: packets in the last second, and how many bytes one holds at most."""
    numbers = text.split()
    if len(numbers) != 3 or not all(number.isascii() and number.isdigit() and len(number) < 19 for number in numbers):
        raise Malformed(f"not three counts: {text[:40]!r}")
    received, sent, largest = map(int, numbers)
    return received * largest, sent * largest

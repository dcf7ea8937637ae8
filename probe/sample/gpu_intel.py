"""One Intel GPU, each interval, from the kernel alone.

Reads below /sys/bus/pci/devices/<address>: for xe tile0/gt0/freq0/{act_freq,throttle/*} and tile0/gt0/gtidle/
idle_residency_ms, for i915 drm/card*/gt/gt0/{rps_act_freq_mhz,throttle_reason_*,rc6_residency_ms} (Documentation/ABI/
testing/sysfs-driver-intel-*), lmem_avail_bytes and hwmon. How busy it is follows from how long it did not rest.
"""

import time

from ..gpu.intel import read_intel
from ..gpu.pci import PCI_DEVICES, DisplayDevice, parse_generation, parse_width
from ..host import Host
from .gpu import GpuMoment, GpuUser
from .gpu_drm import DrmUsers
from .gpu_hwmon import Sensors, find_sensors
from .gpu_known import has_slept, is_asleep, unread, without_readings
from .gpu_shared import shared_memory
from .gpu_thread import Pulse
from .gpu_users import UserNames

SLOW_SECONDS = 2.9
REASONS = {
    "pl1": "power limit",
    "pl2": "power limit (short term)",
    "pl4": "power limit (peak)",
    "thermal": "heat",
    "prochot": "processor hot",
    "ratl": "heat (running average)",
    "vr_thermalert": "heat (voltage regulators)",
    "vr_tdc": "current limit",
    "iccmax": "current limit (peak)",
    "soc_thermal": "heat (chip)",
    "soc_avg_thermal": "heat (chip, average)",
    "mem_thermal": "heat (memory)",
    "vr_thermal": "heat (voltage regulators)",
    "fastvmode": "voltage limit",
    "psys_pl1": "power limit of the platform",
    "psys_pl2": "power limit of the platform (short term)",
    "psys_crit": "power limit of the platform (critical)",
}
"""What the kernel calls them -> words."""


class IntelReader:
    """One GPU that i915 or xe drives."""

    def __init__(self, index: int, device: DisplayDevice, users: DrmUsers) -> None:
        self.pulse = Pulse()
        self.latest = unread(time.monotonic(), index, "intel", device)
        self._device = device
        self._path = f"{PCI_DEVICES}/{device.pci_address}"
        self._drm = users
        self._names = UserNames()
        self._sensors: Sensors | None = None
        self._frequency: str | None = None
        self._resting: str | None = None
        self._throttle: dict[str, str] = {}
        self._slow_at = float("-inf")
        self._slow: dict[str, object] = {}
        self._users: tuple[GpuUser, ...] = ()
        self._rested: tuple[float, int] | None = None

    def sleeps_when_idle(self, host: Host) -> bool:
        """Whether the kernel puts it to sleep when nobody asks."""
        return has_slept(host, self._device)

    def let_go(self) -> None:
        """Nothing is kept open."""

    def read(self, host: Host) -> GpuMoment:
        """Now. Of a sleeping GPU nothing is read."""
        if is_asleep(host, self._device):
            self._rested = None
            return without_readings(self.latest, time.monotonic(), asleep=True)
        if self._sensors is None:
            self._learn(host)
        self._read_slow(host)
        sensors = self._sensors or Sensors()
        reasons = self._reasons(host)
        self.latest = self.latest.model_copy(
            update={
                **self._slow,
                **self._memory(host),
                "utilization_percent": self._busy(host),
                "temperature_c": sensors.temperature_c(host),
                "fan_percent": sensors.fan_percent(host),
                "power_mw": sensors.power_mw(host),
                # 0 stands for a GPU that rests.
                "core_mhz": (host.integer(self._frequency, 0, 20_000, optional=True) or None)
                if self._frequency
                else None,
                "throttle_reasons": reasons,
                "throttle_harmful": reasons,
                "users": self._users,
                "clock_s": time.monotonic(),
            }
        )
        return self.latest

    def _learn(self, host: Host) -> None:
        found = read_intel(host, (self._device,))
        self._sensors = find_sensors(host, self._path, ("pkg", "package"))
        cards = [name for name in host.names(f"{self._path}/drm") if name.startswith("card")]
        xe, i915 = f"{self._path}/tile0/gt0", f"{self._path}/drm/{cards[0] if cards else 'card0'}/gt/gt0"
        if host.exists(xe):
            folder, prefix = f"{xe}/freq0/throttle", "reason_"
            self._frequency, self._resting = f"{xe}/freq0/act_freq", f"{xe}/gtidle/idle_residency_ms"
        else:
            folder, prefix = i915, "throttle_reason_"
            self._frequency, self._resting = f"{i915}/rps_act_freq_mhz", f"{i915}/rc6_residency_ms"
            if not host.exists(self._frequency) and cards:
                self._frequency = f"{self._path}/drm/{cards[0]}/gt_act_freq_mhz"
        there = set(host.names(folder))
        self._throttle = {
            f"{folder}/{prefix}{name}": words for name, words in REASONS.items() if f"{prefix}{name}" in there
        }
        for gpu in found:
            self.latest = self.latest.model_copy(
                update={
                    "name": gpu.name,
                    "memory_kind": gpu.memory.kind,
                    "total_bytes": gpu.memory.total_bytes,
                    "core_max_mhz": gpu.clocks.core_max_mhz,
                    "slowdown_temperature_c": gpu.slowdown_temperature_c,
                }
            )

    def _memory(self, host: Host) -> dict[str, object]:
        if self.latest.memory_kind == "unified":
            return shared_memory(host)
        free = host.integer(f"{self._path}/lmem_avail_bytes", 0, 1 << 50, optional=True)
        total = self.latest.total_bytes
        return {"used_bytes": None if free is None or total is None else max(0, total - free)}

    def _busy(self, host: Host) -> int | None:
        resting_ms = host.integer(self._resting, 0, optional=True) if self._resting else None
        if resting_ms is None:
            return None
        now = time.monotonic()
        before, self._rested = self._rested, (now, resting_ms)
        if before is None or now - before[0] < 0.05 or resting_ms < before[1]:
            return None
        return round(100 * (1 - min(1.0, (resting_ms - before[1]) / 1000 / (now - before[0]))))

    def _reasons(self, host: Host) -> tuple[str, ...] | None:
        if not self._throttle:
            return None
        told = {words: host.integer(path, 0, 1, optional=True) for path, words in self._throttle.items()}
        return tuple(words for words, active in told.items() if active)

    def _read_slow(self, host: Host) -> None:
        now = time.monotonic()
        if now - self._slow_at <= SLOW_SECONDS:
            return
        self._slow_at = now
        bridge, place = self._device.bridge, self._path
        if bridge is not None:  # Arc's own link is one inside the card: the slot's is that of a port above.
            place = f"{PCI_DEVICES}/{bridge.pci_address}"
        self._slow = {
            "link_generation_now": host.parsed(f"{place}/current_link_speed", parse_generation, optional=True),
            "link_width_now": host.parsed(f"{place}/current_link_width", parse_width, optional=True),
            "power_limit_mw": self._sensors.limit_mw(host) if self._sensors else None,
        }
        used = self._drm.used(host, self._device.pci_address, self.latest.memory_kind == "unified")
        self._users = self._names.users(host, used)

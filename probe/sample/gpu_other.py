"""A GPU whose driver tells nothing that we read (nouveau, radeon, none), or that belongs to a virtual machine."""

import time

from ..gpu.bare import pci_name
from ..gpu.pci import DisplayDevice
from ..gpu.types import Vendor
from ..host import Host
from .gpu import GpuMoment
from .gpu_known import is_asleep, unread, without_readings
from .gpu_thread import Pulse


class OtherReader:
    """Only what the bus tells."""

    def __init__(self, index: int, vendor: Vendor, device: DisplayDevice) -> None:
        self.pulse = Pulse()
        self.latest = unread(time.monotonic(), index, vendor, device)
        self._device = device
        self._named = False

    def sleeps_when_idle(self, host: Host) -> bool:
        """It is asked nothing."""
        return False

    def let_go(self) -> None:
        """Nothing is kept open."""

    def read(self, host: Host) -> GpuMoment:
        """Its name, and why there is no more."""
        if not self._named:
            self._named = True
            self.latest = self.latest.model_copy(update={"name": pci_name(host, self._device)})
        asleep = is_asleep(host, self._device)
        driver = self._device.driver
        why = f"its driver {driver} tells nothing" if driver else "no driver is bound to it"
        return without_readings(self.latest, time.monotonic(), None if asleep else why, asleep)

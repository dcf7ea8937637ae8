"""`GpuWatch`: all GPUs of a machine, each read by a thread of its own; to ask what they found never waits.

Which GPUs there are is told by sysfs, which wakes none. They come and go (hot-plug, drivers that let go of them): the
kernel's events and a look at the bus every half minute tell.
"""

import threading
import time

from ..gpu.gpus import has_nvidia, probe_gpus
from ..gpu.pci import AMD, INTEL, NVIDIA, PCI_DEVICES, DisplayDevice, read_display_devices
from ..gpu.types import Vendor
from ..host import Host, Source
from ..reading import Unreadable
from .gpu import GpuMoment
from .gpu_drm import DrmUsers
from .gpu_thread import GpuReader, GpuThread

LOOK_SECONDS = 30.0
MAX_GPUS = 64
VENDORS: dict[int, Vendor] = {NVIDIA: "nvidia", AMD: "amd", INTEL: "intel"}

Place = tuple[str | int, str | None]
"""A bus address or NVML's index, and the driver."""


class GpuWatch:
    """`start` and `stop` once each; `moments` as often as wanted, from one thread."""

    def __init__(self, source: Source, interval_s: float = 1.0) -> None:
        self._source = source
        self._interval_s = interval_s
        self._threads: dict[Place, GpuThread] = {}
        self._fixed: tuple[GpuMoment, ...] = ()
        self._keeper: threading.Thread | None = None
        self._stopped = threading.Event()
        self._seen: frozenset[str] = frozenset()
        self._looked_at = float("-inf")
        self._drm_users = DrmUsers()

    @property
    def interval_s(self) -> float:
        """Seconds between the readings of one GPU; may be changed at any time."""
        return self._interval_s

    @interval_s.setter
    def interval_s(self, seconds: float) -> None:
        self._interval_s = seconds
        for thread in list(self._threads.values()):
            thread.interval_s = seconds

    def start(self) -> None:
        """Begin to watch. Of a recording or a tree there is one reading."""
        if not self._source.live:
            from .gpu_fixed import fixed_moment

            now = time.monotonic()
            self._fixed = tuple(fixed_moment(gpu, now) for gpu in probe_gpus(Host(self._source)).gpus)
            return
        self._look()

    def stop(self) -> None:
        """Let the threads end; those that hang do not keep the program from ending."""
        self._stopped.set()
        for thread in list(self._threads.values()):
            thread.stop()

    def moments(self) -> tuple[GpuMoment, ...]:
        """Every GPU as it was last read, in the order of vendors and their indexes."""
        if not self._source.live:
            return self._fixed
        now = time.monotonic()
        if self._keeper is None and now - self._looked_at > LOOK_SECONDS:
            self._look()
        if not self._threads:
            return ()
        found = [moment for thread in list(self._threads.values()) if (moment := thread.moment(now)) is not None]
        return tuple(sorted(found, key=lambda one: (one.vendor != "nvidia", one.vendor, one.index)))

    def _look(self) -> None:
        """Where no GPU is known: whether the bus has changed, and if so begin to keep them."""
        self._looked_at = time.monotonic()
        names = self._bus()
        if names == self._seen and names:
            return
        self._seen = names
        host = Host(self._source)
        devices = self._ours(host)
        self._follow(devices)
        if devices or has_nvidia(host, ()):
            self._keeper = threading.Thread(target=self._keep, args=(bool(devices),), name="gpus", daemon=True)
            self._keeper.start()

    def _bus(self) -> frozenset[str]:
        try:
            answer = self._source.ask(("list", PCI_DEVICES))
        except Unreadable:
            return frozenset()
        return frozenset(str(name) for name in answer) if isinstance(answer, list) else frozenset()

    def _ours(self, host: Host) -> list[DisplayDevice]:
        found = read_display_devices(host)
        return [one for one in found if one.vendor_id in VENDORS and one.console is None][:MAX_GPUS]

    def _follow(self, devices: list[DisplayDevice]) -> None:
        counts: dict[Vendor, int] = {}
        wanted: dict[Place, tuple[DisplayDevice, int]] = {}
        for device in devices:
            vendor = VENDORS[device.vendor_id or 0]
            wanted[device.pci_address, device.driver] = device, counts.get(vendor, 0)
            counts[vendor] = counts.get(vendor, 0) + 1
        for place in [place for place in self._threads if isinstance(place[0], str) and place not in wanted]:
            self._threads.pop(place).stop()
        for place, (device, index) in wanted.items():
            if place not in self._threads:
                self._begin(place, self._reader(device, index))

    def _begin(self, place: Place, reader: GpuReader) -> None:
        thread = GpuThread(self._source, reader, self._interval_s)
        self._threads[place] = thread
        thread.start()

    def _reader(self, device: DisplayDevice, index: int) -> GpuReader:
        vendor = VENDORS[device.vendor_id or 0]
        if vendor == "nvidia" and (device.driver == "nvidia" or not device.driver_known):
            from .gpu_nvidia import NvidiaReader

            return NvidiaReader(index, device)
        if vendor == "amd" and device.driver == "amdgpu":
            from .gpu_amd import AmdReader

            return AmdReader(index, device, self._drm_users)
        if vendor == "intel" and device.driver in ("i915", "xe"):
            from .gpu_intel import IntelReader

            return IntelReader(index, device, self._drm_users)
        from .gpu_other import OtherReader

        return OtherReader(index, vendor, device)

    def _keep(self, on_bus: bool) -> None:
        if not on_bus and not self._nvidia_without_bus():
            self._keeper = None
            return
        from .gpu_events import BusEvents

        events = BusEvents()
        while not self._stopped.is_set():
            heard = events.wait(LOOK_SECONDS, self._stopped)
            names = self._bus()
            if (heard or names != self._seen) and not self._stopped.is_set():
                self._seen = names
                self._follow(self._ours(Host(self._source)))

    def _nvidia_without_bus(self) -> bool:
        """GPUs that only NVML shows (Jetson, WSL): there are none to wake."""
        from ..gpu.nvml_live import nvml_call
        from .gpu_nvidia import NvidiaReader

        try:
            count = nvml_call("nvmlDeviceGetCount", ())
        except Unreadable:
            return False
        for index in range(min(count, MAX_GPUS) if isinstance(count, int) else 0):
            self._begin((index, None), NvidiaReader(index, None))
        return bool(self._threads)

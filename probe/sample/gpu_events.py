"""The kernel's events on the PCI bus and of its graphics drivers, as far as there is a libudev to tell them."""

import select
import threading
import time

SETTLE_SECONDS = 1.0
LISTEN_SECONDS = 5.0


class BusEvents:
    """Waits for events; where they cannot be heard it just waits."""

    def __init__(self) -> None:
        self._monitor = None
        try:
            import pyudev

            # The kernel's own events: they come without a udev daemon too, as in containers.
            monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
            monitor.filter_by("pci")
            monitor.filter_by("drm")
            monitor.start()
            self._monitor = monitor
        except (ImportError, OSError, ValueError):
            return

    def wait(self, seconds: float, stopped: threading.Event) -> bool:
        """Whether something came or went before `seconds` were over."""
        if self._monitor is None:
            stopped.wait(seconds)
            return False
        poll = select.poll()
        poll.register(self._monitor, select.POLLIN)
        end = time.monotonic() + seconds
        while not stopped.is_set() and (left := end - time.monotonic()) > 0:
            if poll.poll(min(left, LISTEN_SECONDS) * 1000):
                # A card comes with many events, and its driver some time after it.
                stopped.wait(SETTLE_SECONDS)
                while self._monitor.poll(0) is not None:
                    pass
                return True
        return False

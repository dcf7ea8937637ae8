"""End a server's process: the one that was asked about, and no other that got its number."""

import contextlib
import os
import signal

from ..probe.reading import Malformed
from ..probe.sample.processes import parse_process_stat


class Victim:
    """A process held by a descriptor: its number can not come to mean another process."""

    def __init__(self, pid: int, started_ticks: int | None) -> None:
        """Raise `ProcessLookupError` where it has gone, or another has its number by now."""
        self.pid = pid
        self._handle = os.pidfd_open(pid)
        if started_ticks is not None and started_at(pid) != started_ticks:
            os.close(self._handle)
            raise ProcessLookupError(f"{pid} is another process by now")

    def send(self, number: signal.Signals) -> str | None:
        """Why it could not be signalled, or None."""
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return "it has ended"
        except PermissionError:
            return "it belongs to another user"
        except OSError as error:  # A sandbox without this call.
            return error.strerror or str(error)
        return None

    def alive(self) -> bool:
        """Whether it still runs; one whose parent has not fetched its end does not."""
        import select

        ready, _, _ = select.select([self._handle], [], [], 0)
        return not ready

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            os.close(self._handle)


def started_at(pid: int) -> int | None:
    """When a process began, in ticks after boot (proc(5), stat, field 22)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return parse_process_stat(file.read()).started_ticks
    except (OSError, Malformed):
        return None

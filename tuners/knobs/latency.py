"""The longest wake-up latency that idle CPUs may have: PM QoS, /dev/cpu_dma_latency.

Documentation/power/pm_qos_interface.rst.

The kernel keeps a request only while the file is open, so a process of its own holds it: it notes itself in /run, waits
for the word to go on, opens the file and becomes `sleep`. Whoever is killed in between leaves either a holder that is
noted, and so can be ended, or none. When it ends, however it ends, the kernel forgets the request.
"""

import errno
import os
import re
import signal
import struct
import time
from dataclasses import dataclass

from .kernel_file import LIVE, Tree
from .knob import Knob, Refused, Unavailable

KEY = "cpu.latency_us"
NONE = "none"
_DEVICE = "/dev/cpu_dma_latency"
_DIRECTORY = "/run/llmtune"
_NOTE = f"{_DIRECTORY}/latency"
_LEAST_US, _MOST_US = 1, 10_000
"""0 keeps every CPU polling: watts, and no turbo headroom for those that work."""
_NOTED = re.compile(r"([1-9]\d{0,9}) (\d{1,20}) (\d{1,5})\Z", re.ASCII)
_VALUE = re.compile(r"\d{1,5}\Z", re.ASCII)
_PATIENCE_S = 5.0
_MOST_FILES = 65_536


@dataclass(frozen=True)
class LatencyKnob(Knob):
    """The request that our holder keeps, or `none`."""

    key: str = KEY
    tree: Tree = LIVE

    def read(self) -> str:
        """Microseconds, or `none` where nobody of ours holds a request; raises `Unavailable`."""
        if not self.tree.exists(_DEVICE):
            raise Unavailable(f"{self.key}: this machine has no {_DEVICE}")
        found = self._holder()
        return NONE if found is None else found[1]

    def write(self, value: str) -> None:
        """End our holder, if there is one, and start another, if one is wanted."""
        found = self._holder()
        if found is not None:
            self._end(found[0])
        if value != NONE:
            self._hold(value)

    def canonical(self, asked: str) -> str:
        """`none` or microseconds."""
        if asked == NONE:
            return NONE
        if not _VALUE.match(asked) or asked != str(int(asked)) or not _LEAST_US <= int(asked) <= _MOST_US:
            raise Refused(f"{self.key}: a whole number from {_LEAST_US} to {_MOST_US} us is needed, or none")
        return asked

    def holds(self, value: str) -> bool:
        """Whether it is `none` or microseconds."""
        return value == NONE or bool(_VALUE.match(value))

    def command(self, value: str) -> str:
        """What people type."""
        if value == NONE:
            return f"kill $(cut -d' ' -f1 {_NOTE})"
        octal = "".join(f"\\{byte:03o}" for byte in struct.pack("<i", int(value)))
        return f"sh -c 'exec 3>{_DEVICE}; printf \"{octal}\" >&3; exec sleep infinity' &"

    def check_writable(self) -> None:
        """Raise OSError where the file may not be opened or nothing can hold it."""
        if not os.access(self.tree.path(_DEVICE), os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        _sleep()

    def _holder(self) -> tuple[int, str] | None:
        """Process and value of the holder that is noted and still the same process."""
        noted = _NOTED.match(self.tree.text(_NOTE) or "")
        if noted is None or _start_time(self.tree, int(noted[1])) != noted[2]:
            return None
        return int(noted[1]), noted[3]

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + _PATIENCE_S
        while self._holder() is not None:
            if time.monotonic() > until:
                raise OSError(errno.EBUSY, "the process that holds the latency does not end")
            time.sleep(0.005)

    def _hold(self, value: str) -> None:
        program = _sleep()
        told, tell = os.pipe2(os.O_CLOEXEC)
        heard, go = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                if os.fork() == 0:
                    self._become_holder(program, value, heard, tell)
            finally:
                os._exit(0)
        os.close(tell)
        os.close(heard)
        try:
            os.waitpid(child, 0)
            if os.read(told, 1) != b"n":
                raise OSError(errno.EIO, f"{_NOTE} could not be written")
            os.write(go, b"g")
            answer = os.read(told, 4)  # nothing: it became `sleep`, which closes the pipe
            if answer:
                number = struct.unpack("i", answer)[0]
                raise OSError(number, os.strerror(number))
        finally:
            os.close(told)
            os.close(go)

    def _become_holder(self, program: str, value: str, heard: int, tell: int) -> None:
        os.chdir("/")
        keep = sorted((heard, tell))
        # Above all the lock of the transaction.
        os.closerange(3, keep[0])
        os.closerange(keep[0] + 1, keep[1])
        os.closerange(keep[1] + 1, _MOST_FILES)
        for stopping in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(stopping, signal.SIG_DFL)
        pid = os.getpid()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        note = os.open(_NOTE, flags, 0o644)
        os.write(note, f"{pid} {_start_time(LIVE, pid)} {value}\n".encode())
        os.close(note)
        os.write(tell, b"n")
        if os.read(heard, 1) != b"g":
            return  # whoever wanted this is gone
        try:
            device = os.open(_DEVICE, os.O_WRONLY | os.O_NOFOLLOW)
            os.write(device, struct.pack("i", int(value)))
            os.set_inheritable(device, True)
            nothing = os.open("/dev/null", os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            os.execve(program, ["sleep", "infinity"], {})  # noqa: S606  # checked to be root's
        except OSError as error:
            os.write(tell, struct.pack("i", error.errno or errno.EIO))


def _sleep() -> str:
    from ..program import trusted_tool

    found = trusted_tool("sleep")
    if found is None:
        raise OSError(errno.ENOENT, "there is no sleep that only root could change")
    return found


def _start_time(tree: Tree, pid: int) -> str | None:
    text = tree.text(f"/proc/{pid}/stat")
    parts = [] if text is None else text.rpartition(")")[2].split()
    return parts[19] if len(parts) > 19 and parts[0] != "Z" else None


def latency_knob(key: str, scope: str | None, tree: Tree = LIVE) -> LatencyKnob | None:
    """The knob of `cpu.latency_us`, else None."""
    return LatencyKnob(tree=tree) if key == KEY and scope is None else None

"""The machine llmtune runs on, now."""

import os
import stat as stat_bits
import time
from collections.abc import Callable

from .host import Json
from .reading import Unreadable
from .secrets import hide_tokens, mask_variable
from .source import FileSource
from .worker import Worker

COMMAND_SECONDS = 5.0
HTTP_SECONDS = 0.5
HTTP_LIMIT_BYTES = 1 << 20
SPACE_SECONDS = 1.0
NVML_SECONDS = 5.0


class LiveSource(FileSource):
    """The machine itself. Reads files as they are; runs nothing that an ordinary user could have put in place."""

    live = True

    def __init__(self) -> None:
        super().__init__("", "this machine")
        self._nvml: Callable[[str, tuple[str | int, ...]], Json] | None = None
        self._nvml_worker = Worker("nvml")
        self._kinds |= {
            "access": self.access,
            "environment": self.environment,
            "udev": self.udev,
            "nvml": self.nvml,
            "command": self.command,
            "engine": self.engine,
            "http": self.http,
            "clock": self.clock,
            "wait": self.wait,
            "cpuinfo": self.cpuinfo,
        }

    def place(self, path: str) -> str:
        return path

    def resolve(self, path: str) -> str:
        return os.path.realpath(path, strict=True)

    def space(self, path: str) -> Json:
        # A hanging network mount must not hang us.
        status = Worker("statvfs").call(lambda: os.statvfs(path), SPACE_SECONDS)
        return {
            "total_bytes": status.f_blocks * status.f_frsize,
            "free_bytes": status.f_bfree * status.f_frsize,
            "available_bytes": status.f_bavail * status.f_frsize,
        }

    def access(self, path: str) -> bool:
        return os.access(path, os.R_OK | os.W_OK, effective_ids=True)

    def environment(self, name: str) -> str:
        value = os.environ.get(name)
        if value is None:
            raise Unreadable("missing", "not set")
        return mask_variable(name, clean(value))

    def udev(self, subsystem: str) -> Json:
        try:
            import pyudev

            devices = pyudev.Context().list_devices(subsystem=subsystem)
            return {clean(d.device_path): {clean(k): clean(d.properties[k]) for k in d.properties} for d in devices}
        except (ImportError, UnicodeDecodeError, LookupError) as error:  # A device may vanish meanwhile.
            raise Unreadable("missing", f"libudev: {error}") from None

    def nvml(self, function: str, *arguments: str | int) -> Json:
        if self._nvml is None:
            from .gpu.nvml_live import nvml_call

            self._nvml = nvml_call
        call = self._nvml
        return self._nvml_worker.call(lambda: call(function, arguments), NVML_SECONDS)

    def command(self, *argv: str) -> str:
        import subprocess

        check_trusted_program(argv[0])
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=COMMAND_SECONDS,
                env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unreadable("timed out", f"no end after {COMMAND_SECONDS:g} s") from None
        if done.returncode != 0:
            raise Unreadable("malformed", f"exit code {done.returncode}")
        return hide_tokens(done.stdout.decode("utf-8", "replace"))

    def engine(self, path: str, *words: str) -> Json:
        from .engine_live import ask_engine

        return ask_engine(path, words)

    def http(self, port: int, path: str, moment: int = 0) -> str:
        from .loopback import Connection

        connection = Connection(port, ("127.0.0.1",), HTTP_SECONDS)
        try:
            response = connection.get(path)
        finally:
            connection.close()
        if response.status != 200:
            raise Unreadable("denied" if response.status in (401, 403) else "missing", f"HTTP {response.status}")
        return hide_tokens(response.body[:HTTP_LIMIT_BYTES].decode("utf-8", "replace"))

    def clock(self, moment: int) -> float:
        return time.monotonic()

    def wait(self, seconds: str, moment: int) -> None:
        time.sleep(float(seconds))

    def cpuinfo(self) -> Json:
        from .cpuinfo_live import ask_cpuinfo

        return ask_cpuinfo()


def clean(text: str) -> str:
    """Text without the half characters by which Python carries bytes that are no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_trusted_program(path: str) -> None:
    """Raise `Unreadable` unless only root could have put the program at `path` there."""
    if not path.startswith("/"):
        raise Unreadable("denied", "not an absolute path")
    place = os.path.realpath(path, strict=True)
    if not os.access(place, os.X_OK):
        raise Unreadable("denied", "not executable")
    while True:
        status = os.stat(place)
        if status.st_uid != 0 or status.st_mode & (stat_bits.S_IWGRP | stat_bits.S_IWOTH):
            raise Unreadable("denied", f"{place} can be changed by others than root; not run")
        if place == "/":
            return
        place = os.path.dirname(place)

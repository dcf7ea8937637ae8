"""A terminal of 120x40 that counts what a program writes to it, and what the program costs meanwhile."""

import contextlib
import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTH, HEIGHT = 120, 40
TICKS = os.sysconf("SC_CLK_TCK")
# What a terminal answers when it is asked: what it is, whether it paints whole frames, where its cursor is.
ANSWERS = {b"\x1b[c": b"\x1b[?62;c", b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[6n": b"\x1b[1;1R"}
ESCAPES = re.compile(rb"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)|[\[(][0-9;?<>=!]*[ -/]*[@-~]|[=>78cM])")
PAINTED = 60
"""Visible characters that make a first picture."""


class Terminal:
    """One program in a terminal of its own; its output is read by a thread and forgotten."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        main, side = os.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self._main = main
        self.bytes_written = 0
        self.last_output_s = 0.0
        self.first_paint_cpu_s: float | None = None
        self.head = b""
        self.tail = b""
        self.process = subprocess.Popen(
            command,
            stdin=side,
            stdout=side,
            stderr=side,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"},
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(side)
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        while True:
            try:
                part = os.read(self._main, 1 << 16)
            except OSError:
                return
            if not part:
                return
            now = time.monotonic()
            if self.first_paint_cpu_s is None:
                self.head += part
                if len(b"".join(ESCAPES.sub(b"", self.head).split())) >= PAINTED:
                    self.first_paint_cpu_s = self.cpu_s()
            for question, answer in ANSWERS.items():
                if question in part:
                    os.write(self._main, answer)
            with self._news:
                self.bytes_written += len(part)
                self.last_output_s = now
                self.tail = (self.tail + part)[-(1 << 16) :]
                self._news.notify_all()

    def processes(self) -> list[int]:
        """The program's own process and all below it."""
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found

    def cpu_s(self) -> float:
        """Processor seconds so far, those of children that have ended included."""
        total = 0.0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                # The clock of another process, to the nanosecond; its number is made as in the kernel's posix-timers.h.
                total += time.clock_gettime((~pid << 3) | 2)
                words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += (int(words[13]) + int(words[14])) / TICKS
        return total

    def memory_bytes(self) -> tuple[int, int]:
        """Resident, and what of it is its own or its share (PSS)."""
        resident = shared = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                resident += 1024 * int(text.partition("\nRss:")[2].split()[0])
                shared += 1024 * int(text.partition("\nPss:")[2].split()[0])
        return resident, shared

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def key_to_paint_s(self, key: bytes, limit_s: float = 5) -> float:
        """From a key press to the first output after it; pressed while nothing is written."""
        while time.monotonic() - self.last_output_s < 0.12:
            time.sleep(0.01)
        with self._news:
            before = self.bytes_written
            pressed = time.monotonic()
            os.write(self._main, key)
            if not self._news.wait_for(lambda: self.bytes_written != before, limit_s):
                return limit_s
            return self.last_output_s - pressed

    def said(self) -> str:
        """The last line of text it wrote."""
        lines = ESCAPES.sub(b"", self.tail).decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")[:120]

    def close(self) -> None:
        """Ask it to end, then make it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.alive():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)
        self._reader.join(1)
        os.close(self._main)

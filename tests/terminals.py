"""A program in a terminal of its own (a pty), as a person would see it."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent / "build" / "path"
PATIENCE_S = 60.0
"""How long something may take on a machine under load; what hangs is told apart from what is slow."""


class Terminal:
    """Runs `llmtune`, or another program of Python's, with arguments; what it writes is kept in `seen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        width: int = 100,
        height: int = 30,
        program: Sequence[str] = ("-m", "llmtune"),
        **environment: str,
    ) -> None:
        self.master, self.slave = os.openpty()
        self.resize(width, height, tell=False)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "LC_ALL")}
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**plain, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **environment},
            start_new_session=True,
            preexec_fn=self._take_terminal,
        )

    def _take_terminal(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, width: int, height: int, tell: bool = True) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds: float) -> bytes:
        """What it writes in that time, or until it ends."""
        end_s, found = time.monotonic() + seconds, b""
        while (left_s := end_s - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left_s)[0]:
                break
            try:
                piece = os.read(self.master, 1 << 16)
            except OSError:
                break
            found += piece
        self.seen += found
        return found

    def wait_for(self, text: bytes) -> None:
        """Until it has written that."""
        end_s = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            self.read(0.1)
            assert self.process.poll() is None, self.seen[-2000:]
            assert time.monotonic() < end_s, self.seen[-2000:]

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait_for_end(self) -> int:
        """Its exit code."""
        end_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            self.read(0.05)
            assert time.monotonic() < end_s
        self.read(0.2)
        return self.process.returncode

    def restored(self) -> bool:
        """Whether the terminal is as it was: its modes, the main screen, the cursor, the mouse, paste."""
        left = {b"?1049": b"l", b"?25": b"h", b"?1000": b"l", b"?1003": b"l", b"?2004": b"l", b"?7": b"h"}
        for mode, wanted in left.items():
            on, off = self.seen.rfind(b"\x1b[" + mode + b"h"), self.seen.rfind(b"\x1b[" + mode + b"l")
            if max(on, off) >= 0 and (on > off) != (wanted == b"h"):
                return False
        return termios.tcgetattr(self.slave) == self.before

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self.slave)
        os.close(self.master)
        self.slave = self.master = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        for handle in (self.master, self.slave):
            if handle >= 0:
                os.close(handle)

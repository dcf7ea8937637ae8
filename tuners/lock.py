"""One transaction at a time: flock(2) on a file in /run/llmtune, given back by the kernel even after SIGKILL."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .store import Store, open_directory

WAIT_SECONDS = 3.0
_STEP_SECONDS = 0.05


class Busy(Exception):
    """Another transaction runs. The message is one line."""


@contextmanager
def locked(store: Store, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock; raises `Busy` where another holds it for longer than that, and OSError."""
    directory = open_directory(store.run, 0o755)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open("lock", flags, 0o600, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        _take(fd, wait_seconds)
        yield
    finally:
        os.close(fd)


def _take(fd: int, wait_seconds: float) -> None:
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Busy("another llmtune changes this machine right now; try again when it has ended") from None
            time.sleep(_STEP_SECONDS)
        else:
            return

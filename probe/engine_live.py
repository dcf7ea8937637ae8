"""Ask an engine's program what it accepts: run it with `--help` or `--version`, within bounds.

It gets no input, a clean environment without GPUs, five seconds and a process group of its own that is killed at the
end. Root runs only what root alone could have put there, and even that as nobody: what such a program loads may lie
where others can write (a RUNPATH into somebody's build directory).
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time

from .host import Json
from .live import check_trusted_program, clean
from .reading import Unreadable
from .secrets import hide_tokens

SECONDS = 5.0
LIMIT_BYTES = 1 << 20
WORDS = {("--help",), ("--version",), ("serve", "--help")}
NOBODY = 65534


def ask_engine(path: str, words: tuple[str, ...]) -> Json:
    """`code` and `text` (both outputs together) of the program; raises `Unreadable`."""
    if words not in WORDS:
        raise Unreadable("denied", f"not asked of a program: {' '.join(words)}")
    if not path.startswith("/"):
        raise Unreadable("denied", "not an absolute path")
    as_root = 0 in (os.getuid(), os.geteuid())
    if as_root:
        check_trusted_program(path)
    environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}
    libraries = os.environ.get("LD_LIBRARY_PATH")
    if libraries and not as_root:
        environment["LD_LIBRARY_PATH"] = libraries
    process = subprocess.Popen(  # noqa: S603  # the rules above say what may be run
        [path, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd="/",
        start_new_session=True,
        user=NOBODY if as_root else None,
        group=NOBODY if as_root else None,
        extra_groups=() if as_root else None,
    )
    try:
        data = _read(process)
        code = process.wait(0.5)
    except subprocess.TimeoutExpired:
        raise Unreadable("timed out", "it closed its output and did not end") from None
    finally:
        # Its children too; if it has ended and left none, the group is gone.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()
        process.wait()
    return {"code": code, "text": hide_tokens(clean(data.decode("utf-8", "replace")))}


def _read(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None  # noqa: S101  # asked for above
    parts: list[bytes] = []
    size, end = 0, time.monotonic() + SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise Unreadable("timed out", f"no end after {SECONDS:g} s")
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                return b"".join(parts)
            parts.append(data)
            size += len(data)
            if size > LIMIT_BYTES:
                raise Unreadable("malformed", f"more than {LIMIT_BYTES >> 20} MiB of output")

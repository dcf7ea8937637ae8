"""`python -m llmtune` without waiting for its imports at each call.

A process that has imported everything waits for orders; each call is a fork of it, with arguments, environment,
directory, standard streams and an exit code of its own. Where the start itself is tested, a test starts the real thing.
"""

import contextlib
import functools
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import llmtune
from llmtune.__main__ import main

PACKAGE = str(Path(llmtune.__file__).absolute().parent.parent)
ROOMS = ("advisors", "cli", "probe", "reports", "tuners")


def run_llmtune(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: str | None = None,
    timeout_s: int = 60,
    terminal: int | None = None,
) -> "subprocess.CompletedProcess[str]":
    """As `subprocess.run` with nothing on standard input and both outputs captured as text, or shown on a terminal."""
    order = {
        "arguments": list(arguments),
        "environment": dict(environment),
        "cwd": cwd or os.getcwd(),
        "timeout_s": timeout_s,
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        line = _waiting()
        socket.send_fds(
            line, [json.dumps(order).encode()], [out.fileno() if terminal is None else terminal, err.fileno()]
        )
        code = int(line.recv(100))
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    return subprocess.CompletedProcess(["llmtune", *arguments], code, *texts)


@functools.cache
def _waiting() -> socket.socket:
    """The line to the process that waits; it ends when the line does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "quick_start", str(theirs.fileno())],
            env={"PYTHONPATH": f"{PACKAGE}{os.pathsep}{Path(__file__).parent}", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
    return ours


def _serve(line: socket.socket) -> None:
    for room in ROOMS:
        folder = importlib.import_module(f"llmtune.{room}")
        for module in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}."):
            # What cannot be imported fails where it is used.
            with contextlib.suppress(Exception):
                importlib.import_module(module.name)
    while True:
        data, descriptors, _, _ = socket.recv_fds(line, 1 << 20, 2)
        if not data:
            return
        child = os.fork()
        if child == 0:
            line.close()
            _become(json.loads(data), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(order: dict[str, object], out: int, err: int) -> NoReturn:
    """What the interpreter does around a program's life, as far as a command can tell."""
    code = 1
    try:
        signal.alarm(int(str(order["timeout_s"])))
        os.chdir(str(order["cwd"]))
        environment = order["environment"]
        arguments = order["arguments"]
        assert isinstance(environment, dict)
        assert isinstance(arguments, list)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        sys.argv[:] = [str(Path(PACKAGE) / "llmtune" / "__main__.py"), *arguments]
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))

"""Run py-cpuinfo in a process of its own, which sees no programs but the system's."""

import importlib.util
import json
import os
import signal
import subprocess
import sys

from .host import Json
from .reading import Unreadable

CPUINFO_SECONDS = 15.0
_LIMIT_BYTES = 1 << 20


def ask_cpuinfo() -> Json:
    """What `cpuinfo.get_cpu_info()` answers; raises `Unreadable`.

    The library looks for lscpu, dmesg and others in PATH, and maps machine code into memory to execute CPUID:
    neither belongs into a process that may be root's with a user's PATH, or that must not die.
    """
    found = importlib.util.find_spec("cpuinfo")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise Unreadable("missing", "py-cpuinfo is not installed")
    script = os.path.join(folders[0], "cpuinfo.py")
    process = subprocess.Popen(  # noqa: S603  # Our own interpreter and a module that we could import.
        # -I: neither the user's site-packages nor the current directory nor PYTHONPATH.
        [sys.executable, "-I", script, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        cwd="/",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=CPUINFO_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unreadable("timed out", f"no end after {CPUINFO_SECONDS:g} s") from None
    finally:
        _end(process)
    if process.returncode != 0:
        raise Unreadable("malformed", f"py-cpuinfo ended with {process.returncode}")
    try:
        answer = json.loads(output[:_LIMIT_BYTES])
    except (ValueError, RecursionError):
        raise Unreadable("malformed", "py-cpuinfo printed no JSON") from None
    if not isinstance(answer, dict):
        raise Unreadable("malformed", "py-cpuinfo printed no JSON object")
    return {str(key): value for key, value in answer.items() if key != "python_version"}


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it and what it started, if anything is left."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

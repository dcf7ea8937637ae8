"""The command that a unit, a timer or a process left behind runs as root: always one that only root could change."""

import os
import sys

from ..probe.live import check_trusted_program
from ..probe.reading import Unreadable


class Untrusted(Exception):
    """There is no llmtune here that root may run later. The message is one line."""


def own_program() -> str:
    """The absolute path of the `llmtune` that runs, or of its installation's; raises `Untrusted`."""
    path = installed_program()
    check(path)
    return path


def installed_program() -> str:
    """The absolute path of the `llmtune` that runs, or of its installation's, whoever could change it."""
    called = os.path.realpath(sys.argv[0])
    return called if os.path.basename(called) == "llmtune" else os.path.join(sys.prefix, "bin", "llmtune")


def own_command() -> list[str]:
    """The words that start this installation's `llmtune` apart from the caller's environment; raises `Untrusted`."""
    check(sys.executable)
    return [sys.executable, "-I", own_program()]


def check(path: str) -> None:
    """Raise `Untrusted` unless only root could have put the program there."""
    try:
        check_trusted_program(path)
    except (Unreadable, OSError) as why:
        raise Untrusted(
            f"{path}: {getattr(why, 'strerror', None) or why}; install a root-owned copy: sudo make install"
        ) from None


def runs_systemd(root: str = "") -> bool:
    """Whether systemd is this machine's first process (sd_booted(3))."""
    return os.path.isdir(f"{root}/run/systemd/system")


def trusted_tool(name: str) -> str | None:
    """The absolute path of a tool in the system's directories, None where there is none that only root could change."""
    for directory in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        path = f"{directory}/{name}"
        try:
            check_trusted_program(path)
        except (Unreadable, OSError):
            continue
        return path
    return None

"""Trials: whatever happens to the terminal, `llmtune rollback --trial ID` runs after the time.

Where systemd is the first process it is a transient timer of systemd's. Elsewhere it is a small process of its own
session, which sleeps and then runs that command. Either way the command itself looks whether the transaction is
still on trial, so one that was confirmed or put back meanwhile is left alone. Without the process (killed, or the
machine was restarted, which ends the settings too) nothing is lost but the automatism.
"""

import os
import signal
import time
from collections.abc import Sequence
from typing import NoReturn

from .persist import run_tool
from .program import own_command, runs_systemd

_NAP_SECONDS = 5.0
"""After a machine slept through the end of a trial, it ends within so many seconds of its waking."""
_BUSY = 7
"""The command's exit code while another transaction runs: it is tried again."""
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_MOST_FILES = 65_536
_IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What a terminal sends to those that it started."""


def arrange_rollback(number: int, seconds: int, command: Sequence[str] | None = None) -> str:
    """See to it that the trial ends after `seconds`; says by what. Raises `Untrusted` and OSError.

    Call it before the first change is made: a trial that nobody would end is none. `command` is for tests.
    """
    words = [*(own_command() if command is None else command), "rollback", "--trial", str(number), "--yes", "--quiet"]
    if runs_systemd() and _by_timer(number, seconds, words):
        return f"the systemd timer {_unit(number)}.timer"
    return f"process {_by_process(seconds, words)}"


def cancel_rollback(number: int) -> None:
    """Take the timer away after a confirmation or a rollback; a process finds by itself that it is not needed."""
    if runs_systemd():
        run_tool("systemctl", "stop", f"{_unit(number)}.timer")


def _unit(number: int) -> str:
    return f"llmtune-trial-{number}"


def _by_timer(number: int, seconds: int, words: Sequence[str]) -> bool:
    why = run_tool(
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={_unit(number)}",
        f"--description=End of the trial of llmtune transaction {number}",
        f"--on-active={seconds}s",
        "--timer-property=AccuracySec=1s",
        f"--property=RestartForceExitStatus={_BUSY}",
        f"--property=RestartSec={_NAP_SECONDS:g}",
        "--",
        *words,
    )
    return why is None


def _by_process(seconds: int, words: Sequence[str]) -> int:
    """The number of the process that waits; raises OSError."""
    until = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    told, tell = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            # The leader of a session could get a terminal again; its child cannot.
            waiting = os.fork()
            if waiting:
                os.write(tell, str(waiting).encode())
                os._exit(0)
            _wait_and_run(until, words)
        finally:
            os._exit(1)
    os.close(tell)
    try:
        os.waitpid(child, 0)
        number = os.read(told, 20)
    finally:
        os.close(told)
    if not number:
        raise OSError("the process that is to end the trial could not be started")
    return int(number)


def _wait_and_run(until: float, words: Sequence[str]) -> NoReturn:
    os.chdir("/")
    os.umask(0o022)
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    # Above all the lock of the transaction, and pipes on whose end somebody may wait.
    os.closerange(3, _MOST_FILES)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while (left := until - time.clock_gettime(time.CLOCK_BOOTTIME)) > 0:
        time.sleep(min(left, _NAP_SECONDS))
    while _run(words) == _BUSY:
        time.sleep(_NAP_SECONDS)
    os._exit(0)


def _run(words: Sequence[str]) -> int:
    child = os.fork()
    if child == 0:
        try:
            for number in _IGNORED:
                signal.signal(number, signal.SIG_DFL)
            os.execve(words[0], list(words), _ENVIRONMENT)  # noqa: S606  # no shell; checked to be root's
        finally:
            os._exit(127)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

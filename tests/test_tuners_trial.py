"""Trials end by themselves: real processes, that outlive the terminal and the session that made them."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmtune.tuners.program import Untrusted, check
from llmtune.tuners.trial import arrange_rollback

# What stands for the command: it notes how it was called, and answers with the codes it is given.
COMMAND = """#!{python} -I
import json, os, sys, time
from pathlib import Path
folder = Path({folder!r})
calls = len(list(folder.glob("call-*")))
told = {{"argv": sys.argv[1:], "environment": sorted(os.environ), "folder": os.getcwd(), "session": os.getsid(0),
        "files": len(os.listdir("/proc/self/fd")), "time": time.clock_gettime(time.CLOCK_BOOTTIME)}}
(folder / "new").write_text(json.dumps(told))
(folder / "new").rename(folder / f"call-{{calls}}")
sys.exit({codes}[calls])
"""
# Stands for `llmtune apply --trial`: holds a lock, arranges the end, and goes on.
PARENT = """
import fcntl, os, sys, time
from llmtune.tuners import trial
trial._NAP_SECONDS = 0.1
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.set_inheritable(fd, True)
fcntl.flock(fd, fcntl.LOCK_EX)
print(trial.arrange_rollback(3, int(sys.argv[3]), [sys.argv[2]]), flush=True)
time.sleep(int(sys.argv[4]))
"""


def write_command(folder: Path, *codes: int) -> Path:
    path = folder / "llmtune"
    path.write_text(COMMAND.format(python=sys.executable, folder=str(folder), codes=list(codes)))
    path.chmod(0o755)
    return path


def start(folder: Path, command: Path, seconds: int, stays: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PARENT, str(folder / "lock"), str(command), str(seconds), str(stays)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "SECRET": "1"}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)


def calls(folder: Path, count: int) -> list[dict[str, object]]:
    """What the command noted, once it was called so many times."""
    until = time.monotonic() + 60
    while len(list(folder.glob("call-*"))) < count and time.monotonic() < until:
        time.sleep(0.05)
    return [json.loads((folder / f"call-{number}").read_text()) for number in range(count)]


def test_it_outlives_the_session_and_is_free_of_it(tmp_path: Path) -> None:
    parent = start(tmp_path, write_command(tmp_path, 0), seconds=3, stays=60)
    assert parent.stdout is not None
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert parent.stdout.readline().strip()
    os.killpg(parent.pid, signal.SIGHUP)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    # Else whoever reads the output of `apply` would wait for the end of the trial.
    assert parent.stdout.read() == ""
    lock = os.open(tmp_path / "lock", os.O_RDWR)
    # It lets go of one file after the other; one that it kept would be free only once it has called.
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)
    assert not list(tmp_path.glob("call-*"))
    (told,) = calls(tmp_path, 1)
    assert told["argv"] == ["rollback", "--trial", "3", "--yes", "--quiet"]
    assert "SECRET" not in str(told["environment"])
    assert "PYTHONPATH" not in str(told["environment"])
    assert told["folder"] == "/"
    assert told["session"] not in (parent.pid, os.getsid(0))
    assert told["files"] == 4  # standard ones and the folder that is listed
    assert isinstance(told["time"], float)
    assert told["time"] - began > 2.5


def test_it_tries_again_while_another_transaction_runs(tmp_path: Path) -> None:
    parent = start(tmp_path, write_command(tmp_path, 7, 7, 6, 0), seconds=1, stays=0)
    parent.communicate()
    assert len(calls(tmp_path, 3)) == 3
    time.sleep(0.5)
    assert not (tmp_path / "call-3").exists()


def test_a_program_that_others_could_change_is_not_left_behind(tmp_path: Path) -> None:
    command = write_command(tmp_path, 0)
    command.chmod(0o777)
    with pytest.raises(Untrusted, match="sudo make install"):
        check(str(command))
    with pytest.raises(Untrusted):
        check("llmtune")
    with pytest.raises(Untrusted):
        check(str(tmp_path / "nothing"))


def test_without_a_command_it_is_this_installation_s_or_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(write_command(tmp_path, 0)), "apply"])
    (tmp_path / "llmtune").chmod(0o777)
    with pytest.raises(Untrusted, match="can be changed by others"):
        arrange_rollback(1, 60)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    with pytest.raises(Untrusted):
        arrange_rollback(1, 60)

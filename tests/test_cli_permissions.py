"""What may not be opened is one line and exit code 5, whichever command was to open it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmtune.cli.common import InputError, file_error

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "XDG_STATE_HOME": "/nonexistent"}
NOBODY = 65534
POWERS = "-dac_override,-dac_read_search,-net_bind_service"


def may_listen_anywhere() -> bool:
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    return int(first) <= 80


def test_only_a_missing_permission_is_told_by_its_exit_code() -> None:
    errors: list[Callable[[], InputError]] = [
        lambda: file_error("x", PermissionError(13, "Permission denied")),
        lambda: file_error("x", FileNotFoundError(2, "No such file or directory")),
        lambda: file_error("x", ValueError("embedded null byte")),
    ]
    assert [(made().exit_code, made().message) for made in errors] == [
        (5, "x: Permission denied"),
        (3, "x: No such file or directory"),
        (3, "x: embedded null byte"),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="lays out what is another user's")
@pytest.mark.heavy
@pytest.mark.parametrize(
    "options",
    [
        ["exporter", "--listen", "127.0.0.1:80"],
        ["watch", "--record", "{closed}/r"],
        ["monitor", "--json", "--record", "{closed}/r"],
        ["watch", "--replay", "{closed}/r"],
        ["monitor", "--json", "--replay", "{closed}/r"],
        ["monitor", "--plain", "--replay", "{closed}/r"],
    ],
    ids=" ".join,
)
def test_permission_denied_is_five(options: list[str], tmp_path: Path) -> None:
    if "--listen" in options and may_listen_anywhere():
        pytest.skip("everybody may listen on port 80 here")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, NOBODY, NOBODY)
    # The interpreter may lie where only root can reach it: so root without root's powers.
    done = subprocess.run(
        ["setpriv", "--bounding-set", POWERS, sys.executable, "-m", "llmtune"]
        + [word.format(closed=closed) for word in options],
        env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert done.stderr.endswith(": Permission denied\n")
    assert done.stderr.count("\n") == 1

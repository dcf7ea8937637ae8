"""Recorded machines of other projects, where at hand: $LLMTUNE_MACHINES, or shared/machines beside the checkout."""

import functools
import lzma
import os
from pathlib import Path

from quick_archive import QuickArchive

from llmtune.probe.host import Host
from llmtune.probe.recording import BadRecording
from llmtune.probe.snapshot import Snapshot, take_snapshot

_BLOCK = 512
"""Of a tar archive."""


def recordings_folder() -> Path | None:
    """The folder that holds the archives, or None."""
    named = os.environ.get("LLMTUNE_MACHINES")
    folder = Path(named) if named else Path(__file__).parent.parent.parent / "shared" / "machines"
    return folder if folder.is_dir() else None


def machine_names() -> tuple[str, ...]:
    """The names of all recorded machines; empty where there are none."""
    folder = recordings_folder()
    return tuple(path.name.removesuffix(".tar.xz") for path in sorted(folder.glob("*.tar.xz"))) if folder else ()


@functools.cache
def _source(name: str) -> QuickArchive:
    with archive_path(name).open("rb") as stream:
        return QuickArchive(name, stream)


def machine_host(name: str) -> Host:
    """A fresh `Host` on a recorded machine; raises `BadRecording` where the recording holds no /proc and /sys."""
    return Host(_source(name))


@functools.cache
def machine_snapshot(name: str) -> Snapshot:
    """All that the probes tell of a recorded machine."""
    return take_snapshot(machine_host(name))


@functools.cache
def expected_answers(name: str) -> dict[str, str]:
    """What the project that recorded the machine expects: file name without EXPECTED. -> text.

    Tests ask for it while they are collected, so only these files are looked at: whole archives take ten times as long.
    """
    if name not in readable_machines():
        return {}
    with lzma.open(archive_path(name)) as stream:
        data = stream.read()
    found, start = {}, 0
    while title := data[start : start + 100].rstrip(b"\0").decode():
        size = int(data[start + 124 : start + 135], 8)
        body = start + _BLOCK
        if title.startswith("./EXPECTED."):
            found[title.removeprefix("./EXPECTED.")] = data[body : body + size].decode("utf-8", "replace")
        start = body + -(-size // _BLOCK) * _BLOCK
    return found


def archive_path(name: str) -> Path:
    """Where it is packed."""
    folder = recordings_folder()
    assert folder is not None
    return folder / f"{name}.tar.xz"


def readable_machines() -> tuple[str, ...]:
    """The machines whose recording holds /proc or /sys (not: bare topologies of AMD GPUs)."""
    return tuple(name for name in machine_names() if not name.startswith("rocm-k8s"))


__all__ = [
    "BadRecording",
    "archive_path",
    "expected_answers",
    "machine_host",
    "machine_names",
    "machine_snapshot",
    "readable_machines",
    "recordings_folder",
]

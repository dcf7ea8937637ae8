"""Mounted file systems, and which one a path lies on.

Reads /proc/self/mountinfo (proc_pid_mountinfo(5)), or /proc/self/mounts where only that is there.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from .host import Host
from .reading import Malformed

MAX_MOUNTS = 20_000

FileSystemKind = Literal["local", "network", "fuse", "host", "memory", "overlay"]
"""`host`: a directory that a hypervisor shares with its guest (virtiofs, 9p)."""

_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "lustre", "gpfs", "beegfs", "afs", "orangefs", "wekafs", "panfs")
)
_MEMORY = frozenset(("tmpfs", "ramfs", "devtmpfs", "hugetlbfs"))
_NETWORK_FUSE = frozenset(("sshfs", "s3fs", "glusterfs", "rclone", "gcsfuse", "goofys", "juicefs", "davfs", "cephfs"))
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mounted(NamedTuple):
    """One line of the mount table."""

    mount_point: str
    file_system: str
    source: str
    options: tuple[str, ...]
    device_number: str | None
    """major:minor; the major is 0 where no single block device is beneath."""


def read_mounts(host: Host) -> tuple[Mounted, ...]:
    """The mount table of this process; a gap and nothing where there is none."""
    for path, parse, optional in (
        ("/proc/self/mountinfo", parse_mountinfo, True),
        ("/proc/self/mounts", parse_mounts, True),
        ("/proc/mounts", parse_mounts, False),
    ):
        mounts = host.parsed(path, parse, optional=optional)
        if mounts:
            return mounts
    return ()


def parse_mountinfo(text: str) -> tuple[Mounted, ...]:
    """Lines of `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/sda1 rw,errors=continue`."""
    found = []
    for line in text.splitlines()[:MAX_MOUNTS]:
        before, separator, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not separator or len(fields) < 6 or len(rest) < 2:
            continue
        options = tuple(dict.fromkeys([*fields[5].split(","), *(rest[2].split(",") if len(rest) > 2 else ())]))
        number = fields[2] if re.fullmatch(r"\d{1,7}:\d{1,7}", fields[2], re.ASCII) else None
        found.append(Mounted(_unescape(fields[4]), rest[0], _unescape(rest[1]), options, number))
    if text.strip() and not found:
        raise Malformed("no line of a mount table")
    return tuple(found)


def parse_mounts(text: str) -> tuple[Mounted, ...]:
    """Lines of `/dev/sda1 /mnt ext3 rw,noatime 0 0`."""
    found = []
    for line in text.splitlines()[:MAX_MOUNTS]:
        fields = line.split()
        if len(fields) >= 4:
            source, mount_point, file_system, options = fields[:4]
            found.append(
                Mounted(_unescape(mount_point), file_system, _unescape(source), tuple(options.split(",")), None)
            )
    if text.strip() and not found:
        raise Malformed("no line of a mount table")
    return tuple(found)


def mount_of(path: str, mounts: Sequence[Mounted]) -> Mounted | None:
    """The file system that the absolute path without links `path` lies on: the deepest, and of those the latest."""
    best: Mounted | None = None
    for mount in mounts:
        at = mount.mount_point.rstrip("/")
        if (path == at or path.startswith(at + "/")) and (best is None or len(at) >= len(best.mount_point.rstrip("/"))):
            best = mount
    return best


def file_system_kind(file_system: str) -> FileSystemKind:
    """Where the data of a file system type come from."""
    kind, _, program = file_system.partition(".")
    if file_system in _NETWORK or (kind == "fuse" and program in _NETWORK_FUSE):
        return "network"
    if kind == "fuse":
        return "fuse"
    if file_system in ("9p", "virtiofs", "vboxsf", "prl_fs"):
        return "host"
    if file_system in _MEMORY:
        return "memory"
    return "overlay" if file_system in ("overlay", "aufs") else "local"


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8) & 0xFF), text)

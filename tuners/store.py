"""Where journals, the lock and the public summary lie, and how these directories are opened.

/var/lib/llmtune (0700) holds the journals and `rollback.sh`, /run/llmtune (0755) the lock and the summary that anyone
may read. Nothing here follows a link in the last component, and a directory that others can write is refused.
"""

import contextlib
import os
import stat
from dataclasses import dataclass

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Unsafe(Exception):
    """A directory or file that others than its owner can change. The message is one line."""


@dataclass(frozen=True)
class Store:
    """The two directories."""

    state: str = "/var/lib/llmtune"
    run: str = "/run/llmtune"


def open_directory(path: str, mode: int) -> int:
    """A descriptor of the directory, made if missing (but not its parents); raises OSError and `Unsafe`."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        check_owned(os.fstat(fd), path)
    except Unsafe:
        os.close(fd)
        raise
    return fd


def check_owned(status: os.stat_result, path: str) -> None:
    """Raise `Unsafe` unless the file is this user's and nobody else can write to it."""
    if status.st_uid != os.geteuid():
        raise Unsafe(f"{path} belongs to user {status.st_uid}, not to {os.geteuid()}: remove it if it is not yours")
    if status.st_mode & _OTHERS_WRITE:
        raise Unsafe(f"{path} can be written by others: chmod go-w it after a look at what it holds")
    if stat.S_ISREG(status.st_mode) and status.st_nlink != 1:
        raise Unsafe(f"{path} has a second name (hard link): remove it if it is not yours")


def replace_file(directory: int, name: str, data: bytes, mode: int) -> None:
    """Write a file so that its old or its new content is there, whenever power goes; raises OSError."""
    temporary = f".{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode, dir_fd=directory)
    try:
        os.fchmod(fd, mode)
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def write_all(fd: int, data: bytes) -> None:
    """write(2) until all is written; raises OSError."""
    while data:
        data = data[os.write(fd, data) :]

"""Knobs that are one file of the kernel, below /proc/sys or /sys.

Writing the file is what `sysctl -w` and `cpupower` do, without their shortcomings: no file is ever created or cut
(no O_CREAT, no O_TRUNC), links are resolved once and not followed again, and what is opened must lie on the kernel's
own file system.
"""

import errno
import os
import shlex
from dataclasses import dataclass, field
from typing import ClassVar

from .knob import Gone, Knob, Refused, Unavailable, describe_os_error
from .values import Values

_LIMIT_BYTES = 65536
_ROOTS = ("/proc/sys/", "/sys/")


@dataclass(frozen=True)
class Tree:
    """Where the kernel's files are: `root` is empty but in tests, which lay out plain files below a folder."""

    root: str = ""

    def path(self, path: str) -> str:
        """An absolute path of the machine, as it is to be opened."""
        return self.root + path

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory; empty where there is none."""
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def text(self, path: str) -> str | None:
        """A file's text without surrounding white space, None where it cannot be read."""
        try:
            return read_text(self.path(path))
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Whether something is at `path`."""
        return os.path.exists(self.path(path))


LIVE = Tree()


def read_text(path: str) -> str:
    """A kernel file's text without surrounding white space; raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return os.read(fd, _LIMIT_BYTES).decode("utf-8", "replace").strip(" \t\r\n\0")
    finally:
        os.close(fd)


def open_for_writing(path: str, tree: Tree = LIVE) -> int:
    """A descriptor of a kernel file, opened as narrowly as can be; raises OSError."""
    real = os.path.realpath(path)
    inside = real.removeprefix(os.path.realpath(tree.root)) if tree.root else real
    if not inside.startswith(_ROOTS):
        raise OSError(errno.EPERM, f"it leads to {real}, outside /proc/sys and /sys")
    fd = os.open(real, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not tree.root and os.fstat(fd).st_dev != os.stat("/proc" if real.startswith("/proc/") else "/sys").st_dev:
            raise OSError(errno.EPERM, "it is no file of the kernel")
    except OSError:
        os.close(fd)
        raise
    return fd


@dataclass(frozen=True)
class FileKnob(Knob):
    """A knob that is one file of the kernel."""

    key: str
    path: str
    """Absolute, as people know it."""
    values: Values
    tree: Tree = LIVE
    shown: str | None = None
    """The command with `{}` for the value; else the value is written by `tee`."""
    unused: str | None = None
    plain: ClassVar[bool] = True
    """Whether the file holds the value as it is."""
    belongs_to: str | None = field(default=None, compare=False)
    """The directory of the device whose knob it is."""

    def read(self) -> str:
        """The value now, in canonical form."""
        try:
            return self.values.parse(read_text(self.tree.path(self.path)))
        except FileNotFoundError:
            if self.belongs_to and not self.tree.exists(self.belongs_to):
                raise Gone(f"{self.key}: there is no such device") from None
            raise Unavailable(f"{self.key}: this machine has no {self.path}") from None
        except OSError as error:
            raise Unavailable(f"{self.key}: {self.path} cannot be read: {describe_os_error(error)}") from None
        except ValueError:
            raise Unavailable(f"{self.key}: {self.path} holds what llmtune does not understand") from None

    def write(self, value: str) -> None:
        """Hand the value to the kernel in one piece; raises OSError."""
        fd = open_for_writing(self.tree.path(self.path), self.tree)
        try:
            data = value.encode()
            if os.write(fd, data) != len(data):
                raise OSError(errno.EIO, "the kernel took only a part of the value")
        finally:
            os.close(fd)

    def canonical(self, asked: str) -> str:
        """The value as the kernel will show it; raises `Refused`."""
        try:
            return self.values.canonical(asked, read_raw=self._raw)
        except Refused as why:
            raise Refused(f"{self.key}={printable_value(asked)}: {why}") from None

    def _raw(self) -> str:
        try:
            return read_text(self.tree.path(self.path))
        except OSError as error:
            raise Unavailable(f"{self.key}: {self.path} cannot be read: {describe_os_error(error)}") from None

    def holds(self, value: str) -> bool:
        """Whether text has the form of a value."""
        return self.values.holds(value)

    def matches(self, asked: str, found: str) -> bool:
        """Whether the kernel makes `found` of `asked`."""
        return self.values.matches(asked, found)

    def command(self, value: str) -> str:
        """What people type."""
        if self.shown is not None:
            return self.shown.format(shlex.quote(value))
        return f"echo {shlex.quote(value)} | tee {shlex.quote(self.path)}"

    def check_writable(self) -> None:
        """Open for writing and close; raises OSError."""
        os.close(open_for_writing(self.tree.path(self.path), self.tree))


def printable_value(text: str) -> str:
    """A foreign value for a message: short, without control characters."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:60])
    return shown + ("..." if len(text) > 60 else "")

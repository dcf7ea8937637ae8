"""Sources that read files: the live machine and a directory tree.

The kinds of question and their answers:

    read PATH [MOMENT]         bytes of a regular file, at most 16 MiB
    span PATH OFFSET LENGTH    bytes
    counts PATH OFF LEN RE...  occurrences of each bytes regular expression
    strings PATH OFF LEN RE    the different texts of a bytes regular expression's group, at most 5000
    list PATH                  names
    link PATH                  text of a symbolic link
    resolve PATH               path without links
    stat PATH                  kind, size, uid, gid, mode, device, rdev
    access PATH                whether this process may open it for reading and writing
    space PATH                 total, free and available bytes of a file system
    processes RE               ids of processes whose name or first arguments match
    arguments PID              argv without secrets
    variables PID NAME...      the named environment variables of a process
    environment NAME           a variable of our own
    udev SUBSYSTEM             properties by device
    nvml FUNCTION ARG...       an NVML answer
    command ARGV...            standard output of a program of the distribution
    engine PATH WORD...        exit code and text of an inference engine's --help or --version
    http PORT PATH             a loopback server's answer
    clock MOMENT               monotonic seconds
    wait SECONDS MOMENT        nothing, later
    cpuinfo                    what py-cpuinfo says

Every read is bounded, and a FIFO, a device or a hanging mount cannot make it hang.
"""

import errno
import os
import re
import stat as stat_bits
from collections.abc import Callable, Iterator
from typing import cast

from .host import Answer, Json, Question
from .reading import Unreadable
from .secrets import mask_secrets, mask_variable

READ_LIMIT_BYTES = 16 << 20
OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
SCAN_LIMIT_BYTES = 64 << 20
MAX_NAMES = 200_000
MAX_STRINGS = 5000

_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.EOPNOTSUPP, errno.ENODATA}
_DENIED = {errno.EACCES, errno.EPERM}


def unreadable(error: OSError) -> Unreadable:
    """The gap reason an `OSError` stands for."""
    words = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _MISSING:
        return Unreadable("missing", words)
    if error.errno in _DENIED:
        return Unreadable("denied", words)
    return Unreadable("malformed", words)


class FileSource:
    """A machine whose files lie below a directory; answers what files can answer."""

    live = False

    def __init__(self, root: str, name: str) -> None:
        self.root = root
        self.name = name
        self._process_names: list[tuple[int, str, str]] | None = None
        self._kinds: dict[str, Callable[..., Answer]] = {
            "read": self.read,
            "span": self.span,
            "counts": self.counts,
            "strings": self.strings,
            "list": self.names,
            "link": self.link,
            "resolve": self.resolve,
            "stat": self.stat,
            "space": self.space,
            "processes": self.processes,
            "arguments": self.arguments,
            "variables": self.variables,
        }

    def ask(self, question: Question) -> Answer:
        """The raw answer; raises `Unreadable`."""
        kind, *arguments = question
        answer = self._kinds.get(str(kind))
        if answer is None:
            raise Unreadable("not asked", f"{self.name} holds no answer of the kind {kind}")
        if arguments and "\0" in str(arguments[0]):
            raise Unreadable("missing", "the name holds a NUL")
        try:
            return answer(*arguments)
        except OSError as error:
            raise unreadable(error) from None

    def place(self, path: str) -> str:
        """Where the machine's `path` lies on this machine; raises OSError."""
        raise NotImplementedError

    def open(self, path: str) -> int:
        """A descriptor of the file; a FIFO or a tape is opened without waiting for a peer."""
        return os.open(self.place(path), OPEN_FLAGS)

    def _open(self, path: str) -> tuple[int, int]:
        """A descriptor of the regular file at `path` and its size."""
        handle = self.open(path)
        status = os.fstat(handle)
        if not stat_bits.S_ISREG(status.st_mode):
            os.close(handle)
            raise Unreadable("malformed", "not a regular file")
        return handle, status.st_size

    def read(self, path: str, moment: int = 0) -> bytes:
        handle, size = self._open(path)
        try:
            return _read_up_to(handle, size, READ_LIMIT_BYTES)
        finally:
            os.close(handle)

    def span(self, path: str, offset: int, length: int) -> bytes:
        handle, _ = self._open(path)
        try:
            os.lseek(handle, offset, os.SEEK_SET)
            return _read_exactly(handle, min(length, READ_LIMIT_BYTES))
        finally:
            os.close(handle)

    def counts(self, path: str, offset: int, length: int, *patterns: str) -> Json:
        data = self._scan(path, offset, length)
        return [sum(1 for _ in re.finditer(p.encode("latin-1"), data, re.DOTALL)) for p in patterns]

    def strings(self, path: str, offset: int, length: int, pattern: str) -> Json:
        found: set[bytes] = set()
        for match in re.finditer(pattern.encode("latin-1"), self._scan(path, offset, length), re.DOTALL):
            found.add(match[1][:100])
            if len(found) > MAX_STRINGS:
                raise Unreadable("malformed", f"more than {MAX_STRINGS} strings")
        return [text.decode("latin-1") for text in sorted(found)]

    def _scan(self, path: str, offset: int, length: int) -> bytes:
        handle, _ = self._open(path)
        try:
            os.lseek(handle, offset, os.SEEK_SET)
            return _read_exactly(handle, min(length, SCAN_LIMIT_BYTES))
        finally:
            os.close(handle)

    def names(self, path: str) -> Json:
        names = os.listdir(self.place(path))
        if len(names) > MAX_NAMES:
            raise Unreadable("malformed", f"more than {MAX_NAMES} entries")
        return [name.encode("utf-8", "replace").decode() for name in names]

    def link(self, path: str) -> str:
        parent, _, name = path.rstrip("/").rpartition("/")
        try:
            return os.readlink(f"{self.place(parent or '/')}/{name}").encode("utf-8", "replace").decode()
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise Unreadable("missing", "not a link") from None
            raise

    def resolve(self, path: str) -> str:
        raise NotImplementedError

    def stat(self, path: str) -> Json:
        return describe_stat(os.stat(self.place(path)))

    def space(self, path: str) -> Json:
        raise Unreadable("not asked", f"{self.name} holds no free space")

    def processes(self, pattern: str) -> Json:
        wanted = re.compile(pattern)
        if self._process_names is None:
            self._process_names = list(self._read_process_names())
        return [pid for pid, comm, first in self._process_names if wanted.search(comm) or wanted.search(first)]

    def _read_process_names(self) -> Iterator[tuple[int, str, str]]:
        """Id, name and first four arguments of each process, read once for all questions."""
        numbers = [name for name in cast("list[str]", self.names("/proc")) if name.isascii() and name.isdigit()]
        for name in sorted(numbers, key=int):
            try:
                comm = self.read(f"/proc/{name}/comm").decode("utf-8", "replace").strip()
                first = self.read(f"/proc/{name}/cmdline")[:2000].split(b"\0")[:4]
            except (OSError, Unreadable):
                continue  # It has ended.
            yield int(name), comm, " ".join(part.decode("utf-8", "replace") for part in first).strip()

    def arguments(self, pid: int) -> Json:
        raw = self.read(f"/proc/{pid}/cmdline").removesuffix(b"\0")
        return list(mask_secrets([part.decode("utf-8", "replace") for part in raw.split(b"\0")])) if raw else []

    def variables(self, pid: int, *names: str) -> Json:
        pairs = (
            entry.decode("utf-8", "replace").partition("=") for entry in self.read(f"/proc/{pid}/environ").split(b"\0")
        )
        return {name: mask_variable(name, value) for name, _, value in pairs if name in names}


def _read_up_to(handle: int, file_size: int, limit: int) -> bytes:
    data = os.read(handle, 1 << 16)
    # sysfs and short procfs files come whole in one read; a second one only confirms the end, and some hardware
    # monitors answer it with an error.
    if len(data) < 4096 and (not data or file_size <= 4096):
        return data
    parts = [data]
    size = len(data)
    while data := os.read(handle, 1 << 20):
        parts.append(data)
        size += len(data)
        if size > limit:
            raise Unreadable("malformed", f"larger than {limit >> 20} MiB")
    return b"".join(parts)


def _read_exactly(handle: int, length: int) -> bytes:
    parts = []
    while length > 0 and (data := os.read(handle, min(length, 1 << 24))):
        parts.append(data)
        length -= len(data)
    return b"".join(parts)


def describe_stat(status: os.stat_result) -> Json:
    """The parts of a stat that probes use."""
    kinds = {
        stat_bits.S_IFREG: "file",
        stat_bits.S_IFDIR: "directory",
        stat_bits.S_IFBLK: "block",
        stat_bits.S_IFCHR: "char",
    }
    return {
        "kind": kinds.get(stat_bits.S_IFMT(status.st_mode), "other"),
        "size": status.st_size,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mode": stat_bits.S_IMODE(status.st_mode),
        "device": f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}",
        "rdev": f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}",
    }

"""CPUs, niceness, I/O class and memory nodes of running processes: what taskset, renice, ionice and migratepages set.

All but the memory nodes belong to threads: a value says what the first thread has, then those threads that differ
(`0-3 1235=0 1240=1`). It is restored thread by thread; threads that came later get what the first one gets.
"""

import ctypes
import errno
import os
import platform
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from ...probe.errors import Malformed
from ...probe.parse import parse_cpu_list
from .kernel_file import LIVE, Tree, printable_value
from .knob import Gone, Knob, Refused, Unavailable, describe_os_error

KEYS = ("process.cpus@PID", "process.nice@PID", "process.io_class@PID")
_PID = re.compile(r"[1-9]\d{0,9}\Z", re.ASCII)
_THREAD = re.compile(r"([1-9]\d{0,9})=(\S{1,200})\Z", re.ASCII)
_MOST_CPUS = 8192
_IO_CLASSES = ("none", "realtime", "best-effort", "idle")
_IO_CLASS_SHIFT = 13
_IO_LEVELS = 8
_IOPRIO = {
    "x86_64": (251, 252),
    "aarch64": (30, 31),
    "riscv64": (30, 31),
    "loongarch64": (30, 31),
    "ppc64le": (273, 274),
    "s390x": (282, 283),
}
"""ioprio_set and ioprio_get; from arch/*/kernel/syscalls and include/uapi/asm-generic/unistd.h."""
_WHO_THREAD = 1


def _read_cpus(tid: int) -> str:
    return _as_list(os.sched_getaffinity(tid))


def _write_cpus(tid: int, value: str) -> None:
    os.sched_setaffinity(tid, parse_cpu_list(value))


def _as_list(cpus: set[int]) -> str:
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def _check_cpus(asked: str) -> str:
    try:
        cpus = set(parse_cpu_list(asked))
    except Malformed:
        cpus = set()
    if not cpus or max(cpus) >= _MOST_CPUS:
        raise Refused("a list of CPUs such as 0-3,8 is needed")
    return _as_list(cpus)


def _check_nice(asked: str) -> str:
    if not re.match(r"-?\d{1,2}\Z", asked, re.ASCII) or not -20 <= int(asked) <= 19:
        raise Refused("a whole number from -20 to 19 is needed")
    return str(int(asked))


def _check_io(asked: str) -> str:
    name, _, level = asked.partition(":")
    if name not in _IO_CLASSES or (level and not (level.isascii() and level.isdigit() and int(level) < _IO_LEVELS)):
        raise Refused("best-effort:LEVEL (0 to 7), idle or none is needed")
    if name in ("none", "idle"):
        return name
    return f"{name}:{level or 4}"


def _ioprio(which: int, *arguments: int) -> int:
    numbers = _IOPRIO.get(platform.machine())
    if numbers is None:
        raise OSError(errno.ENOSYS, f"not known how on {platform.machine()}")
    answer: int = ctypes.CDLL(None, use_errno=True).syscall(numbers[which], *arguments)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def _read_io(tid: int) -> str:
    value = _ioprio(1, _WHO_THREAD, tid)
    name = _IO_CLASSES[(value >> _IO_CLASS_SHIFT) & 3]
    return name if name in ("none", "idle") else f"{name}:{value & (_IO_LEVELS - 1)}"


def _write_io(tid: int, value: str) -> None:
    name, _, level = value.partition(":")
    # The idle class has no levels; ionice writes 7, and so do we.
    number = int(level or 0) if name != "idle" else _IO_LEVELS - 1
    _ioprio(0, _WHO_THREAD, tid, _IO_CLASSES.index(name) << _IO_CLASS_SHIFT | number)


@dataclass(frozen=True)
class _Kind:
    read: Callable[[int], str]
    write: Callable[[int, str], None]
    check: Callable[[str], str]
    shown: Callable[[str, str], str]
    asked: str
    """What prints the first thread's value in sh, with `{}` for the process."""


def _ionice(pid: str, value: str) -> str:
    name, _, level = value.partition(":")
    return f"ionice -c {_IO_CLASSES.index(name)}{f' -n {level}' if level else ''} -p {pid}"


_KINDS = {
    "process.cpus": _Kind(
        _read_cpus,
        _write_cpus,
        _check_cpus,
        lambda pid, value: f"taskset -acp {value} {pid}",
        "sed -n 's/^Cpus_allowed_list:\\t//p' /proc/{}/status",
    ),
    "process.nice": _Kind(
        lambda tid: str(os.getpriority(os.PRIO_PROCESS, tid)),
        lambda tid, value: os.setpriority(os.PRIO_PROCESS, tid, int(value)),
        _check_nice,
        lambda pid, value: f"renice -n {value} -p $(ls /proc/{pid}/task)",
        "ps -o ni= -p {} | tr -d ' '",
    ),
    "process.io_class": _Kind(
        _read_io,
        _write_io,
        _check_io,
        lambda pid, value: _ionice(f"$(ls /proc/{pid}/task)", value),
        "ionice -p {} | sed 's/: prio 0$//; s/: prio /:/'",
    ),
}


@dataclass(frozen=True)
class ProcessKnob(Knob):
    """A value of every thread of one process."""

    key: str
    pid: int
    kind: _Kind
    tree: Tree = LIVE

    def read(self) -> str:
        """The first thread's value, then the threads that differ; raises `Gone` and `Unavailable`."""
        found = {}
        for tid in self._threads():
            try:
                found[tid] = self.kind.read(tid)
            except ProcessLookupError:
                continue  # it has just ended
            except OSError as error:
                raise Unavailable(f"{self.key}: {describe_os_error(error)}") from None
        if self.pid not in found:
            raise Gone(f"{self.key}: there is no such process")
        first = found.pop(self.pid)
        return " ".join([first, *(f"{tid}={value}" for tid, value in found.items() if value != first)])

    def write(self, value: str) -> None:
        """Set each thread's value; a thread that has ended wants none."""
        first, others = _split(value)
        for tid in self._threads():
            try:
                self.kind.write(tid, others.get(tid, first))
            except ProcessLookupError:
                continue

    def canonical(self, asked: str) -> str:
        """One value for all threads."""
        try:
            return self.kind.check(asked)
        except Refused as why:
            raise Refused(f"{self.key}={printable_value(asked)}: {why}") from None

    def holds(self, value: str) -> bool:
        """Whether each part is a value."""
        try:
            first, others = _split(value)
            for part in (first, *others.values()):
                self.kind.check(part)
        except Refused:
            return False
        return True

    def matches(self, asked: str, found: str) -> bool:
        """Equal for the threads that are still there."""
        first, others = _split(asked)
        if not others:
            return asked == found
        now, differing = _split(found)
        return now == first and all(value == others.get(tid, first) for tid, value in differing.items())

    def between(self, start: str, end: str, found: str) -> bool:
        """Some threads have the one, the others have the other."""
        first, others = _split(found)
        ends = [_split(start), _split(end)]
        return first in (ends[0][0], ends[1][0]) and all(
            value in (known.get(tid, common) for common, known in ends) for tid, value in others.items()
        )

    def command(self, value: str) -> str:
        """What people type."""
        first, others = _split(value)
        shown = [self.kind.shown(str(self.pid), first)]
        return "; ".join([*shown, *(f"# thread {tid}: {part}" for tid, part in others.items())])

    def script_guard(self, before: str, ours: str, identity: str) -> str:
        """The same process, and still what we left."""
        asked = self.kind.asked.format(self.pid)
        first, mine = _split(before)[0], _split(ours)[0] if ours else ""
        words = " ".join(shlex.quote(word) for word in (first, mine))
        return f'same {self.pid} {shlex.quote(identity)} && held {self.key} "$({asked})" {words} && '

    def identity(self) -> str:
        """When the process started: its number may be given to another."""
        text = self.tree.text(f"/proc/{self.pid}/stat")
        if text is None:
            raise Gone(f"{self.key}: there is no such process")
        return text.rpartition(")")[2].split()[19]

    def _threads(self) -> list[int]:
        return sorted(int(name) for name in self.tree.names(f"/proc/{self.pid}/task") if name.isdigit())


def _split(value: str) -> tuple[str, dict[int, str]]:
    first, *others = value.split(" ")
    found = [_THREAD.match(part) for part in others]
    if not first or not all(found):
        raise Refused("it has not the form of a process' value")
    return first, {int(match[1]): match[2] for match in found if match}


def process_knob(key: str, scope: str | None, tree: Tree = LIVE) -> ProcessKnob | None:
    """The knob of a `process.` key for the process that `scope` names, else None."""
    if key not in _KINDS or scope is None or not _PID.match(scope):
        return None
    return ProcessKnob(f"{key}@{scope}", int(scope), _KINDS[key], tree)

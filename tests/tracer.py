"""Stops a forked child at every system call (ptrace(2)): to kill it there, to send it a signal, or to let a call fail.

The child runs a function in which everything is imported already, so that its system calls are those of the function.
What a process has changed can differ only after a system call has returned, so a boundary is the return of a call; the
first is that of the flock(2) that takes the lock.
"""

import ctypes
import os
import platform
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_TRACEME, _GETREGS, _SETREGS, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 12, 13, 24, 0x4200, 0x420E
_OPTIONS = 0x1 | 0x10 | 0x100000
"""PTRACE_O_TRACESYSGOOD, _TRACEEXEC, _EXITKILL: stops for calls and execve are told apart, no child outlives us."""
_CALL_STOP = signal.SIGTRAP | 0x80
_NUMBERS = {
    "x86_64": {
        "write": 1,
        "pwrite64": 18,
        "flock": 73,
        "fsync": 74,
        "fdatasync": 75,
        "ftruncate": 77,
        "setpriority": 141,
        "sched_setaffinity": 203,
        "ioprio_set": 251,
        "ioprio_get": 252,
        "openat": 257,
        "mkdirat": 258,
        "unlinkat": 263,
        "renameat": 264,
        "fallocate": 285,
        "unlink": 87,
        "rename": 82,
        "exit_group": 231,
    },
}
NUMBERS = _NUMBERS.get(platform.machine(), {})
"""Of the calls that tests ask for; a machine that is not listed fails them by name."""
_NAMES = {number: name for name, number in NUMBERS.items()}
_AT_FDCWD = -100 & 0xFFFFFFFF

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class _Info(ctypes.Structure):
    """struct ptrace_syscall_info of linux/ptrace.h, its entry form; its exit form begins with the value returned."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("nr", ctypes.c_uint64),
        ("args", ctypes.c_uint64 * 6),
        ("rest", ctypes.c_uint64 * 2),
    )


class _Registers(ctypes.Structure):
    """struct user_regs_struct of x86_64."""

    _fields_ = tuple(
        (name, ctypes.c_ulonglong)
        for name in [
            "r15",
            "r14",
            "r13",
            "r12",
            "rbp",
            "rbx",
            "r11",
            "r10",
            "r9",
            "r8",
            "rax",
            "rcx",
            "rdx",
            "rsi",
            "rdi",
            "orig_rax",
            "rip",
            "cs",
            "eflags",
            "rsp",
            "ss",
            "fs_base",
            "gs_base",
            "ds",
            "es",
            "fs",
            "gs",
        ]
    )


@dataclass(frozen=True)
class Call:
    """One system call, as it begins."""

    number: int
    arguments: tuple[int, ...]
    pid: int
    index: int
    """How many calls have returned since the lock was taken."""

    @property
    def name(self) -> str:
        """Its name, where it is one that tests ask for."""
        return _NAMES.get(self.number, str(self.number))

    def path(self) -> str:
        """The file that it is about: behind its descriptor, or its path; empty where it has none."""
        if self.name in ("openat", "mkdirat", "unlinkat", "renameat"):
            name = self._text(self.arguments[1])
            directory = self.arguments[0] & 0xFFFFFFFF
            return name if name.startswith("/") or directory == _AT_FDCWD else f"{self._link(directory)}/{name}"
        if self.name in ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate", "flock"):
            return self._link(self.arguments[0] & 0xFFFFFFFF)
        return ""

    def _link(self, fd: int) -> str:
        try:
            return os.readlink(f"/proc/{self.pid}/fd/{fd}")
        except OSError:
            return ""

    def _text(self, address: int) -> str:
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(min(4096, 4096 - address % 4096)).split(b"\0")[0].decode()


Watch = Callable[[Call], int | None]
"""Asked at the entry of each call after the lock: an errno lets it fail without being made, None lets it pass."""


@dataclass
class Ending:
    """What became of a child."""

    boundaries: int
    """System calls that had returned since the lock was taken."""
    killed: bool
    code: int | None
    """Its exit status, None where it was ended by a signal."""
    before_lock: int = 0
    """System calls that had returned before."""
    answer: str = ""
    """What its function returned."""


def run_traced(
    function: Callable[[], str],
    *,
    kill_after: int | None = None,
    kill_before_lock: int | None = None,
    kill_within: Callable[[Call], float | None] | None = None,
    signal_after: tuple[int, int] | None = None,
    watch: Watch | None = None,
    late: bool = False,
) -> Ending:
    """Run a function in a child, stopped at each call; `kill_after` 0 kills at the return of the lock's flock.

    `kill_before_lock` counts the calls from the child's first to the lock. `kill_within` says of a call after how many
    seconds to kill in the midst of it. `signal_after` is a count and a signal. `late` makes a call that is to fail
    happen all the same.
    """
    if not NUMBERS:
        raise NotImplementedError(f"the tracer does not know the system calls of {platform.machine()}")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _run_child(function, writing)
    os.close(writing)
    try:
        ending = _Follower(pid, kill_after, kill_before_lock, kill_within, signal_after, watch, late).follow()
        with os.fdopen(os.dup(reading), "rb") as pipe:
            ending.answer = pipe.read().decode()
        return ending
    finally:
        os.close(reading)


def _run_child(function: Callable[[], str], writing: int) -> None:
    code = 70
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
        _libc.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        answer = function()
        os.write(writing, answer.encode())
        code = 0
    except BaseException as error:
        os.write(writing, f"raised {type(error).__name__}: {error}".encode())
    finally:
        os._exit(code)


@dataclass
class _Follower:
    """Steps a stopped child from call to call."""

    pid: int
    kill_after: int | None
    kill_before_lock: int | None
    kill_within: Callable[[Call], float | None] | None
    signal_after: tuple[int, int] | None
    watch: Watch | None
    late: bool
    counting: bool = False
    at_lock: bool = False
    fail: int | None = None
    info: _Info = field(default_factory=_Info)
    ending: Ending = field(default_factory=lambda: Ending(0, False, None))

    def follow(self) -> Ending:
        """Up to its end."""
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            raise ChildProcessError("the child ended before it could be traced")
        _ptrace(_SETOPTIONS, self.pid, _OPTIONS)
        inside, deliver = False, 0
        while not self.ending.killed:
            _ptrace(_SYSCALL, self.pid, deliver)
            _, status = os.waitpid(self.pid, 0)
            if not os.WIFSTOPPED(status):
                self.ending.code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
                break
            deliver = 0 if os.WSTOPSIG(status) in (_CALL_STOP, signal.SIGTRAP) else os.WSTOPSIG(status)
            if os.WSTOPSIG(status) == _CALL_STOP:
                inside = not inside
                if inside:
                    self._begins()
                else:
                    self._returns()
        return self.ending

    def _ask(self) -> _Info:
        _ptrace(_GET_SYSCALL_INFO, self.pid, ctypes.addressof(self.info), ctypes.sizeof(self.info))
        return self.info

    def _call(self) -> Call:
        info = self._ask()
        return Call(info.nr, tuple(info.args), self.pid, self.ending.boundaries)

    def _begins(self) -> None:
        if not self.counting:
            self.at_lock = self._ask().nr == NUMBERS["flock"]
        elif self.kill_within is not None:
            seconds = self.kill_within(self._call())
            if seconds is not None:
                _ptrace(_SYSCALL, self.pid, 0)
                time.sleep(seconds)
                self._kill()
        elif self.watch is not None:
            self.fail = self.watch(self._call())
            if self.fail is not None and not self.late:
                _registers(self.pid, orig_rax=-1)

    def _returns(self) -> None:
        if self.fail is not None:
            _registers(self.pid, rax=-self.fail)
            self.fail = None
        if self.counting:
            self.ending.boundaries += 1
        elif self.at_lock and self._ask().nr == 0:  # the value returned: nobody else holds the lock
            self.counting = True
        else:
            self.ending.before_lock += 1
            if self.kill_before_lock == self.ending.before_lock:
                self._kill()
            return
        if self.kill_after == self.ending.boundaries:
            self._kill()
        elif self.signal_after is not None and self.signal_after[0] == self.ending.boundaries:
            os.kill(self.pid, self.signal_after[1])
            self.signal_after = None

    def _kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        while os.WIFSTOPPED(os.waitpid(self.pid, 0)[1]):
            pass
        self.ending.killed = True


def _registers(pid: int, **changed: int) -> None:
    if platform.machine() != "x86_64":
        raise NotImplementedError("calls can be made to fail on x86_64 only")
    registers = _Registers()
    _ptrace(_GETREGS, pid, ctypes.addressof(registers))
    for name, value in changed.items():
        setattr(registers, name, value & 0xFFFFFFFFFFFFFFFF)
    _ptrace(_SETREGS, pid, ctypes.addressof(registers))


def _ptrace(request: int, pid: int, data: int, size: int = 0) -> None:
    if _libc.ptrace(request, pid, size, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def record(function: Callable[[], str]) -> tuple[Ending, list[tuple[str, str]]]:
    """Let a function run to its end and list its calls since the lock: name and file."""
    calls: list[tuple[str, str]] = []

    def watch(call: Call) -> None:
        calls.append((call.name, call.path()))

    return run_traced(function, watch=watch), calls

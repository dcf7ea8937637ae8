"""Become the server: apply a launch's binding to this process, then exec. Its exit code is then the server's.

CPU affinity, memory policy, niceness and I/O class survive execve(2), so no helper program is needed:
sched_setaffinity(2), set_mempolicy(2) and ioprio_set(2) (by number, the C library has no names for the last two),
setpriority(2). What the kernel refuses (a container's seccomp filter, no right to be less nice) costs speed, not the
server: it is told and the start goes on.
"""

import ctypes
import os
import platform
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..advisors.plan import Launch
from .follow_up import start_follow_up

_SYSCALLS = {
    "x86_64": (238, 251),
    "aarch64": (237, 30),
    "riscv64": (237, 30),
    "loongarch64": (237, 30),
    "ppc64le": (261, 273),
    "s390x": (270, 282),
}
"""set_mempolicy and ioprio_set; from arch/*/kernel/syscalls and include/uapi/asm-generic/unistd.h."""
_POLICIES = {"bind": 2, "interleave": 3}
_MASK_BITS = 1024
_IO_CLASSES = {"best-effort": 2 << 13 | 4, "idle": 3 << 13}
_IOPRIO_WHO_PROCESS = 1

Tell = Callable[[str], None]


class CannotStart(Exception):
    """The server's program cannot be run. The message is one line for the user."""


def start(launch: Launch, tell: Tell) -> NoReturn:
    """Replace this process by the server; raises `CannotStart`."""
    prepare(launch, tell)
    program, environment = launch.argv[0], os.environ | launch.env
    if launch.then:
        start_follow_up(launch, environment)
    # Python ignores these, and what is ignored stays so for the server.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        _become(program, launch.argv, environment)
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _become(program: str, argv: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(program, argv, environment)  # noqa: S606  # the whole purpose, and no shell
    except (FileNotFoundError, PermissionError) as error:
        if isinstance(error, PermissionError) and "/" in program:
            raise CannotStart(f"{program}: {error.strerror}") from None
        raise CannotStart(f"{program}: not found; install it, or plan again with --engine PATH") from None
    except (OSError, ValueError) as error:
        raise CannotStart(f"{program}: {getattr(error, 'strerror', None) or error}") from None


def prepare(launch: Launch, tell: Tell) -> None:
    """Bind this process and set its priorities, as far as the kernel lets it."""
    if launch.binding.cpus:
        _try("CPUs", lambda: os.sched_setaffinity(0, launch.binding.cpus), tell)
    if launch.binding.memory_policy != "default" and launch.binding.memory_nodes:
        policy = _POLICIES[launch.binding.memory_policy]
        _try("memory nodes", lambda: set_memory_policy(policy, launch.binding.memory_nodes), tell)
    nice, io_class = launch.nice, launch.io_class
    if nice is not None:
        _try("niceness", lambda: os.setpriority(os.PRIO_PROCESS, 0, nice), tell)
    if io_class is not None:
        _try("I/O class", lambda: _syscall(1, _IOPRIO_WHO_PROCESS, 0, _IO_CLASSES[io_class]), tell)
    if launch.locks_memory:
        _try("locked memory", _lift_memory_lock, tell)


def _try(what: str, act: Callable[[], None], tell: Tell) -> None:
    try:
        act()
    except (OSError, ValueError) as error:
        tell(f"the {what} could not be set as planned ({getattr(error, 'strerror', None) or error}); it starts without")


def set_memory_policy(policy: int, nodes: Sequence[int]) -> None:
    """set_mempolicy(2) for this process and what it becomes; raises OSError."""
    mask = 0
    for node in nodes:
        if not 0 <= node < _MASK_BITS:
            raise ValueError(f"there is no node {node}")
        mask |= 1 << node
    words = (ctypes.c_ulong * (_MASK_BITS // 64)).from_buffer_copy(mask.to_bytes(_MASK_BITS // 8, sys.byteorder))
    if sys.byteorder == "big":
        words[:] = list(words)[::-1]
    # The kernel looks at one bit less than it is told of.
    _syscall(0, policy, ctypes.byref(words), ctypes.c_ulong(_MASK_BITS + 1))


def _syscall(which: int, *arguments: object) -> None:
    numbers = _SYSCALLS.get(platform.machine())
    if numbers is None:
        raise OSError(0, f"not known how on {platform.machine()}")
    if ctypes.CDLL(None, use_errno=True).syscall(numbers[which], *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _lift_memory_lock() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
        if hard != resource.RLIM_INFINITY:
            raise OSError(0, f"at most {hard >> 20} MiB may be locked here") from None

"""Memory bandwidth, measured with nothing but the C library: no compiler, no root, no extra package.

Reading is `memchr` for a byte that is not there: it runs through a buffer at full vector width and writes nothing.
Copying is `memcpy`, counted as STREAM counts it: bytes read plus bytes written. One thread a CPU, bound to it; each
fills its own part of the buffer first, so that the pages lie on the CPU's own NUMA node (first touch,
Documentation/admin-guide/mm/numa_memory_policy.rst). ctypes gives up the interpreter's lock during a call.
"""

import ctypes
import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Literal

from .measurement import Measurement, MeasurementKind

Operation = Literal["read", "copy"]

RUNS = 7
RUN_SECONDS = 0.06
SECONDS_PER_THREAD = 0.0005
"""Waking threads one after the other takes this long each; a run must be long against it."""
MIN_BUFFER_BYTES = 64 << 20
USUAL_BUFFER_BYTES = 256 << 20
MAX_BUFFER_BYTES = 1 << 30
BUFFER_PER_CACHE = 4
"""A buffer this many times the last-level caches leaves little of it in them."""
MEMORY_SHARE = 0.1
"""Never more of the memory that can be used than this."""
_FILL, _ABSENT = 0x01, 0xFF


class CannotMeasure(Exception):
    """There is no room, or no way, to measure this here. The message is one line for the user."""


def buffer_bytes(memory_bytes: int | None, cache_bytes: int) -> int:
    """How much to stream through: beyond the caches where that fits in a tenth of the memory."""
    wanted = min(max(USUAL_BUFFER_BYTES, BUFFER_PER_CACHE * cache_bytes), MAX_BUFFER_BYTES)
    allowed = int(memory_bytes * MEMORY_SHARE) if memory_bytes is not None else MIN_BUFFER_BYTES
    if allowed < MIN_BUFFER_BYTES:
        raise CannotMeasure(f"memory bandwidth needs {MIN_BUFFER_BYTES >> 20} MiB, a tenth of what is free is less")
    return min(wanted, allowed)


def measure_bandwidth(
    scope: str, cpus: Sequence[int], operation: Operation, total_bytes: int, cache_bytes: int, runs: int = RUNS
) -> Measurement:
    """Stream through `total_bytes` with one thread on each of `cpus`; raises `CannotMeasure`."""
    page = mmap.PAGESIZE
    part = total_bytes // len(cpus) // (2 * page) * (2 * page)
    if part == 0:
        raise CannotMeasure(f"{len(cpus)} threads are too many for {total_bytes >> 20} MiB")
    team = _Team(cpus, part, operation)
    try:
        once = team.run(1)
        passes = max(1, round((RUN_SECONDS + SECONDS_PER_THREAD * len(cpus)) / once))
        speeds = [part * len(cpus) * passes / team.run(passes) for _ in range(runs)]
    finally:
        team.dismiss()
    kind: MeasurementKind = "memory read" if operation == "read" else "memory copy"
    how = "memchr over own pages" if operation == "read" else "memcpy, bytes read plus bytes written"
    if team.unbound:
        how += f"; {team.unbound} threads could not be bound to a CPU"
    if part * len(cpus) < 2 * cache_bytes:
        how += f"; caches of {cache_bytes >> 20} MiB may hold part of the buffer: an upper bound"
    return Measurement(
        kind=kind,
        scope=scope,
        median_bytes_per_s=round(median(speeds)),
        min_bytes_per_s=round(min(speeds)),
        max_bytes_per_s=round(max(speeds)),
        runs=runs,
        threads=len(cpus),
        bytes_per_run=part * len(cpus) * passes,
        how=how,
    )


def operations() -> tuple[Operation, ...]:
    """What can be measured truly: only the GNU C library's `memchr` is as fast as the memory."""
    try:
        gnu = bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        gnu = False
    return ("read", "copy") if gnu else ("copy",)


class _Team:
    """Threads that wait, stream through their own buffers together, and wait again."""

    def __init__(self, cpus: Sequence[int], part: int, operation: Operation) -> None:
        self.unbound = 0
        self._passes = 0
        self._errors: list[BaseException] = []
        self._spans = [(0.0, 0.0)] * len(cpus)
        self._gate = threading.Barrier(len(cpus) + 1)
        self._threads = [
            threading.Thread(target=self._work, args=(i, cpu, part, operation), daemon=True)
            for i, cpu in enumerate(cpus)
        ]
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError as error:
            self._gate.abort()
            raise CannotMeasure(f"not enough threads: {error}") from None
        self._meet()

    def run(self, passes: int) -> float:
        """Seconds from the first thread's start to the last one's end."""
        self._passes = passes
        self._meet()
        self._meet()
        seconds = max(end for _, end in self._spans) - min(start for start, _ in self._spans)
        return max(seconds, 1e-9)

    def dismiss(self) -> None:
        """End the threads and give the memory back."""
        self._passes = 0
        if not self._gate.broken:
            self._meet()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _meet(self) -> None:
        try:
            self._gate.wait()
        except threading.BrokenBarrierError:
            raise CannotMeasure(f"memory bandwidth: {self._errors[0] if self._errors else 'interrupted'}") from None
        except BaseException:
            self._gate.abort()  # Ctrl-C: the threads end at their next meeting.
            raise

    def _work(self, index: int, cpu: int, part: int, operation: Operation) -> None:
        try:
            try:
                os.sched_setaffinity(0, {cpu})  # 0 is this thread, not the process.
            except OSError:
                self.unbound += 1
            with mmap.mmap(-1, part) as buffer:
                address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
                stream = _streamer(operation, address, part)
                self._gate.wait()
                while True:
                    self._gate.wait()
                    if self._passes == 0:
                        return
                    start = time.perf_counter()
                    for _ in range(self._passes):
                        stream()
                    self._spans[index] = (start, time.perf_counter())
                    self._gate.wait()
        except threading.BrokenBarrierError:
            return
        except BaseException as error:
            self._errors.append(error)
            self._gate.abort()


def _streamer(operation: Operation, address: int, size: int) -> Callable[[], object]:
    """Touch the buffer, and return the call that streams through it once."""
    libc = ctypes.CDLL(None)
    for function, second in (("memset", ctypes.c_int), ("memchr", ctypes.c_int), ("memcpy", ctypes.c_void_p)):
        getattr(libc, function).restype = ctypes.c_void_p
        getattr(libc, function).argtypes = (ctypes.c_void_p, second, ctypes.c_size_t)
    libc.memset(address, _FILL, size)
    if operation == "read":
        return lambda: libc.memchr(address, _ABSENT, size)
    half = size // 2
    return lambda: libc.memcpy(address, address + half, half)

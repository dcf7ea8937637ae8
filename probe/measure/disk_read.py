"""Sequential reading of the disk that models lie on, past the page cache and out of it.

Past the cache is O_DIRECT (open(2)), after the kernel was told to drop what it holds of the stretch
(posix_fadvise(2), DONTNEED; pages that a process has mapped stay). Reads the biggest model file there is; where there
is none, a file of its own in the XDG cache folder, which has no name from the start and so cannot be left behind.
"""

import mmap
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median

from .measurement import Measurement, MeasurementKind
from .memory_bandwidth import MEMORY_SHARE, CannotMeasure

BLOCK_BYTES = 8 << 20
RUNS = 4
STRETCH_BYTES = 256 << 20
"""Read in one run; four runs in different places make at most 1 GiB."""
RUN_SECONDS = 1.0
"""A run on a slow disk ends here."""
MIN_FILE_BYTES = 64 << 20
OWN_FILE_BYTES = 256 << 20
SPARE_FACTOR = 4
"""An own file is written only where this many times its size is free."""
MAX_ENTRIES = 50_000


@dataclass(frozen=True)
class Target:
    """A file to read."""

    handle: int
    name: str
    size: int


def measure_disk(
    directories: Iterable[str], cache_home: str, memory_bytes: int | None, own_file_bytes: int = OWN_FILE_BYTES
) -> tuple[Measurement, ...]:
    """Read speed without and with the page cache; raises `CannotMeasure`."""
    with _target(directories, cache_home, own_file_bytes) as target:
        stretch = min(STRETCH_BYTES, target.size // RUNS if target.size >= RUNS * STRETCH_BYTES else target.size)
        if memory_bytes is not None:
            stretch = min(stretch, int(memory_bytes * MEMORY_SHARE))
        stretch = stretch // BLOCK_BYTES * BLOCK_BYTES
        if stretch == 0:
            raise CannotMeasure("the disk's speed needs more free memory than there is")
        try:
            return (_past_the_cache(target, stretch), _from_the_cache(target, stretch))
        except OSError as error:
            raise CannotMeasure(f"{target.name}: {error.strerror}") from None


def biggest_file(directories: Iterable[str]) -> str | None:
    """The biggest regular file below the directories, links not followed, if it is big enough to read."""
    best, best_size, entries = None, MIN_FILE_BYTES - 1, 0
    for top in directories:
        for directory, _, names in os.walk(top):
            for name in names:
                entries += 1
                with suppress(OSError):
                    path = os.path.join(directory, name)
                    status = os.lstat(path)
                    # A sparse file's holes are not on the disk.
                    whole = status.st_blocks * 512 >= status.st_size * 0.9
                    readable = stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK)
                    if readable and whole and status.st_size > best_size:
                        best, best_size = path, status.st_size
            if entries > MAX_ENTRIES:
                return best
    return best


@contextmanager
def _target(directories: Iterable[str], cache_home: str, own_file_bytes: int) -> Iterator[Target]:
    path = biggest_file(directories)
    if path is None:
        with _own_file(cache_home, own_file_bytes) as target:
            yield target
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise CannotMeasure(f"{path}: {error.strerror}") from None
    try:
        yield Target(handle, path, os.fstat(handle).st_size)
    finally:
        os.close(handle)


@contextmanager
def _own_file(cache_home: str, size: int) -> Iterator[Target]:
    try:
        existed = os.path.isdir(cache_home)
        os.makedirs(cache_home, mode=0o700, exist_ok=True)
        space = os.statvfs(cache_home)
        if space.f_bavail * space.f_frsize < SPARE_FACTOR * size:
            raise CannotMeasure(f"no model file was found, and {cache_home} has too little room for a test file")
        try:
            with tempfile.TemporaryFile(dir=cache_home) as file:
                # Random, for file systems that compress; a run of zeros would cost the disk nothing.
                for _ in range(size // BLOCK_BYTES):
                    file.write(os.urandom(BLOCK_BYTES))
                file.flush()
                os.fsync(file.fileno())
                yield Target(file.fileno(), f"a file of llmtune's own in {cache_home}", size)
        finally:
            if not existed:
                with suppress(OSError):
                    os.rmdir(cache_home)
    except OSError as error:
        raise CannotMeasure(f"no model file was found, and {cache_home}: {error.strerror}") from None


def _past_the_cache(target: Target, stretch: int) -> Measurement:
    os.posix_fadvise(target.handle, 0, 0, os.POSIX_FADV_DONTNEED)
    handle = _open_direct(target)
    if handle is None:
        how = "ordinary reads after dropping the cached pages, for the file system refuses O_DIRECT"
        return _timed("disk read", target, target.handle, stretch, how, lambda at: _drop(target.handle, at, stretch))
    how = "O_DIRECT in blocks of 8 MiB; a virtual disk may still be cached by its host"
    try:
        return _timed("disk read", target, handle, stretch, how)
    finally:
        os.close(handle)


def _open_direct(target: Target) -> int | None:
    """The file opened anew for direct reading; None where the file system cannot do that."""
    try:
        # By number, for an own file has no name.
        handle = os.open(f"/proc/self/fd/{target.handle}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with mmap.mmap(-1, BLOCK_BYTES) as buffer:
            if os.preadv(handle, [buffer], 0) > 0:
                return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _drop(handle: int, offset: int, size: int) -> None:
    os.posix_fadvise(handle, offset, size, os.POSIX_FADV_DONTNEED)


def _from_the_cache(target: Target, stretch: int) -> Measurement:
    _read(target.handle, 0, stretch, 2 * RUN_SECONDS)  # Fills the cache.
    how = "read() of pages in the page cache by one thread: bound by copying, not by the disk"
    return _timed("cached read", target, target.handle, stretch, how, same_place=True)


def _timed(
    kind: MeasurementKind,
    target: Target,
    handle: int,
    stretch: int,
    how: str,
    before: Callable[[int], None] = lambda offset: None,
    same_place: bool = False,
) -> Measurement:
    speeds, most = [], 0
    for run in range(RUNS):
        offset = 0 if same_place else run * ((target.size - stretch) // max(RUNS - 1, 1)) // BLOCK_BYTES * BLOCK_BYTES
        before(offset)
        amount, seconds = _read(handle, offset, stretch, RUN_SECONDS)
        speeds.append(amount / seconds)
        most = max(most, amount)
    return Measurement(
        kind=kind,
        scope=target.name,
        median_bytes_per_s=round(median(speeds)),
        min_bytes_per_s=round(min(speeds)),
        max_bytes_per_s=round(max(speeds)),
        runs=RUNS,
        threads=1,
        bytes_per_run=most,
        how=how,
    )


def _read(handle: int, offset: int, amount: int, limit_seconds: float) -> tuple[int, float]:
    """Read up to `amount` bytes in order, at most about `limit_seconds` long: (bytes, seconds)."""
    done = 0
    with mmap.mmap(-1, BLOCK_BYTES) as buffer:
        buffer.write(b"\1" * BLOCK_BYTES)  # The first touch of the pages is not the disk's time.
        start = time.perf_counter()
        while done < amount:
            got = os.preadv(handle, [buffer], offset + done)
            done += got
            if got == 0 or time.perf_counter() - start > limit_seconds:
                break
        seconds = time.perf_counter() - start
    return done, max(seconds, 1e-9)

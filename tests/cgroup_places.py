"""Control groups of a test's own, version 1 or 2, whichever this machine has; removed afterwards."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FS = Path("/sys/fs/cgroup")
NAME = f"llmtune-test-{os.getpid()}"
UNIFIED = (FS / "cgroup.controllers").exists()


@contextmanager
def groups(
    quota_cpus: float | None = None,
    memory_bytes: int | None = None,
    read_bytes_per_s: int | None = None,
    drive: str | None = None,
) -> Iterator[tuple[Path, ...]]:
    """Directories with these limits; a process joins by writing to the `cgroup.procs` of each."""
    settings: dict[str, dict[str, str]] = {}
    if quota_cpus is not None:
        quota = str(int(quota_cpus * 100_000))
        settings["cpu"] = (
            {"cpu.max": f"{quota} 100000"} if UNIFIED else {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": quota}
        )
    if memory_bytes is not None:
        settings["memory"] = {"memory.max" if UNIFIED else "memory.limit_in_bytes": str(memory_bytes)}
    if read_bytes_per_s is not None:
        device = Path(f"/sys/block/{drive}/dev").read_text().strip()
        settings["io" if UNIFIED else "blkio"] = (
            {"io.max": f"{device} rbps={read_bytes_per_s}"}
            if UNIFIED
            else {"blkio.throttle.read_bps_device": f"{device} {read_bytes_per_s}"}
        )
    made: list[Path] = []
    try:
        for controller, files in settings.items():
            if UNIFIED:
                (FS / "cgroup.subtree_control").write_text(f"+{controller}")
            place = (FS if UNIFIED else FS / controller) / NAME
            if place not in made:
                place.mkdir()
                made.append(place)
            for name, value in files.items():
                (place / name).write_text(value)
        yield tuple(made)
    finally:
        for place in made:
            _remove(place)


def _remove(place: Path) -> None:
    for _ in range(100):  # Processes that were killed leave a little later.
        try:
            place.rmdir()
        except OSError:
            time.sleep(0.1)
        else:
            return
    place.rmdir()


def drop_cache(place: Path, path: Path) -> None:
    """Take a file's pages out of memory, also those that a process of the group `place` has mapped."""
    if UNIFIED:
        (place / "memory.reclaim").write_text(str(path.stat().st_size))
    else:
        (place / "memory.force_empty").write_text("0")
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)

"""Measuring memory and disk: what it measures, what it leaves behind, when it refuses."""

import os
import threading
from pathlib import Path

import pytest

from llmtune.probe.measure.disk_read import MIN_FILE_BYTES, biggest_file, measure_disk
from llmtune.probe.measure.memory_bandwidth import (
    MAX_BUFFER_BYTES,
    MIN_BUFFER_BYTES,
    USUAL_BUFFER_BYTES,
    CannotMeasure,
    buffer_bytes,
    measure_bandwidth,
    operations,
)

MIB = 1 << 20


@pytest.mark.parametrize(
    ("memory", "cache", "wanted"),
    [
        (64 << 30, 32 * MIB, USUAL_BUFFER_BYTES),
        (64 << 30, 96 * MIB, 384 * MIB),
        (1 << 40, 1152 * MIB, MAX_BUFFER_BYTES),
        (1 << 30, 32 * MIB, (1 << 30) // 10),
        (None, 32 * MIB, MIN_BUFFER_BYTES),
    ],
)
def test_buffer_is_beyond_the_caches_and_a_tenth_of_the_memory(memory: int | None, cache: int, wanted: int) -> None:
    assert buffer_bytes(memory, cache) == wanted


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(CannotMeasure, match="a tenth"):
        buffer_bytes(256 * MIB, 8 * MIB)


@pytest.mark.parametrize("operation", operations())
def test_memory_is_measured_and_no_thread_stays(operation: str) -> None:
    before, affinity = threading.active_count(), os.sched_getaffinity(0)
    cpus = tuple(affinity)[:2]
    found = measure_bandwidth("machine", cpus, operation, 64 * MIB, 0, runs=3)  # type: ignore[arg-type]
    assert found.kind == f"memory {operation}"
    assert found.threads == len(cpus)
    assert 0 < found.min_bytes_per_s <= found.median_bytes_per_s <= found.max_bytes_per_s
    assert found.bytes_per_run % (64 * MIB) == 0
    assert 1e8 < found.max_bytes_per_s < 1e13
    assert threading.active_count() == before
    assert os.sched_getaffinity(0) == affinity


def test_a_buffer_within_the_caches_is_admitted() -> None:
    cpu = min(os.sched_getaffinity(0))
    assert "upper bound" in measure_bandwidth("machine", (cpu,), "copy", 16 * MIB, 64 * MIB, runs=1).how


def test_a_cpu_that_is_not_there_is_admitted() -> None:
    found = measure_bandwidth("machine", (1023,), "copy", 16 * MIB, 0, runs=1)
    assert "1 threads could not be bound" in found.how


def test_more_threads_than_pages_is_refused() -> None:
    with pytest.raises(CannotMeasure, match="too many"):
        measure_bandwidth("machine", tuple(range(64)), "copy", 64 * 4096, 0)


def test_the_biggest_true_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "big").write_bytes(os.urandom(MIN_FILE_BYTES + 1))
    (tmp_path / "a" / "small").write_bytes(b"x" * 1000)
    with (tmp_path / "a" / "sparse").open("wb") as sparse:
        sparse.truncate(10 * MIN_FILE_BYTES)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b" / "big")
    assert biggest_file([str(tmp_path / "none"), str(tmp_path)]) == str(tmp_path / "a" / "b" / "big")
    assert biggest_file([]) is None


def test_a_model_file_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    model = tmp_path / "models" / "m.gguf"
    model.parent.mkdir()
    model.write_bytes(os.urandom(72 * MIB))
    before = (model.stat().st_mtime_ns, model.stat().st_size)
    disk, cached = measure_disk([str(model.parent)], str(tmp_path / "cache"), None)
    assert (disk.kind, cached.kind) == ("disk read", "cached read")
    assert disk.scope == cached.scope == str(model)
    assert disk.bytes_per_run <= 72 * MIB
    assert 0 < disk.min_bytes_per_s <= disk.median_bytes_per_s <= disk.max_bytes_per_s
    assert (model.stat().st_mtime_ns, model.stat().st_size) == before
    assert not (tmp_path / "cache").exists()


def test_without_a_model_an_own_file_is_read_and_nothing_stays(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "llmtune"
    cache.parent.mkdir()
    disk, _ = measure_disk([], str(cache), 8 << 30, 32 * MIB)
    assert str(cache) in disk.scope
    assert list(cache.parent.iterdir()) == []


def test_little_memory_means_short_reads_or_none(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(os.urandom(72 * MIB))
    disk, _ = measure_disk([str(tmp_path)], str(tmp_path), 200 * MIB)
    assert disk.bytes_per_run == 16 * MIB
    with pytest.raises(CannotMeasure):
        measure_disk([str(tmp_path)], str(tmp_path), 20 * MIB)


def test_a_cache_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotMeasure, match="no model file was found"):
        measure_disk([], str(tmp_path / "file" / "llmtune"), None)


def test_the_own_file_is_gone_even_when_reading_fails(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure):
        measure_disk([], str(tmp_path / "llmtune"), 1 * MIB, 32 * MIB)
    assert list(tmp_path.iterdir()) == []

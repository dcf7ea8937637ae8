from pathlib import Path

import pytest
from trees import tree_host

from llmtune.advisors.checks.containers import CHECKS
from llmtune.advisors.finding import Finding
from llmtune.probe.snapshot import take_snapshot

CPU = "/sys/devices/system/cpu"
FS = "/sys/fs/cgroup"
GIB = 1 << 30


def machine(cpus: int = 4) -> dict[str, str]:
    files = {
        f"{CPU}/online": f"0-{cpus - 1}",
        f"{CPU}/present": f"0-{cpus - 1}",
        "/proc/meminfo": "MemTotal: 16777216 kB\n",
    }
    for cpu in range(cpus):
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu & ~1}-{cpu | 1}"
    return files


def limits(**named: str) -> dict[str, str]:
    mount = f"30 25 0:26 / {FS} rw - cgroup2 cgroup2 rw\n"
    files = {f"{FS}/{name.replace('_', '.')}": text for name, text in named.items()}
    return {"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": mount, **files}


def find(root: Path, check_id: str, files: dict[str, str]) -> Finding:
    snapshot = take_snapshot(tree_host(root, machine() | files), disk_interval_s=0)
    return next(check for check in CHECKS if check.id == check_id).find(snapshot)


UNMOUNTED = {"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": "1 0 0:1 / / rw - ext4 /dev/vda rw\n"}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (limits(cpu_max="100000 100000"), "warning"),
        (limits(cpu_max="400000 100000"), "ok"),
        (limits(cpu_max="max 100000"), "ok"),
        (limits(cpu_max="200000 100000", cpuset_cpus_effective="0-1"), "ok"),
        (UNMOUNTED, "unknown"),
        ({}, "not-applicable"),
    ],
)
def test_quota(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-quota", files).status == status


def test_quota_says_threads_and_how_to_go_back(tmp_path: Path) -> None:
    finding = find(tmp_path, "cpu-quota", limits(cpu_max="250000 100000"))
    assert "2.5 CPUs on 4 usable" in finding.what
    assert finding.fix is not None
    assert "--threads 2" in finding.fix
    assert f"echo max | sudo tee {FS}/cpu.max" in finding.fix
    assert finding.undo == f"echo 250000 100000 | sudo tee {FS}/cpu.max"


@pytest.mark.parametrize(
    ("stat", "status"),
    [
        ("nr_periods 1000\nnr_throttled 10\nthrottled_usec 5000\n", "ok"),
        ("nr_periods 1000\nnr_throttled 100\nthrottled_usec 5000\n", "warning"),
        ("nr_periods 1000\nnr_throttled 700\nthrottled_usec 5000\n", "problem"),
        ("nr_periods 50\nnr_throttled 50\n", "ok"),
        ("usage_usec 4\n", "unknown"),
    ],
)
def test_throttled(tmp_path: Path, stat: str, status: str) -> None:
    assert find(tmp_path, "cpu-throttled", limits(cpu_max="100000 100000", cpu_stat=stat)).status == status
    assert find(tmp_path / "no quota", "cpu-throttled", limits(cpu_max="max", cpu_stat=stat)).status == "not-applicable"


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({}, "ok"),
        (limits(cpuset_cpus_effective="0-3"), "ok"),
        (limits(cpuset_cpus_effective="0-1"), "info"),
        (limits(cpuset_cpus_effective="2"), "warning"),
        ({"/proc/self/status": "Cpus_allowed_list:\t3\n"}, "warning"),
        ({"/proc/self/status": "Cpus_allowed_list:\t0-2\n", f"{CPU}/isolated": "3"}, "ok"),
    ],
)
def test_usable_cpus(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-allowed", files).status == status


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (limits(memory_max=str(4 * GIB), memory_current="0"), "info"),
        (limits(memory_max="max", memory_high=str(4 * GIB), memory_current="0"), "info"),
        (limits(memory_max=str(64 * GIB), memory_current="0"), "ok"),
        (limits(memory_max="max", memory_current="0"), "ok"),
        (UNMOUNTED, "unknown"),
        ({}, "not-applicable"),
    ],
)
def test_memory_limit(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cgroup-memory-limit", files).status == status


def used(gib: float, cache_gib: float) -> dict[str, str]:
    stat = f"active_file {int(cache_gib * GIB)}\ninactive_file 0\n"
    return limits(memory_max=str(4 * GIB), memory_current=str(int(gib * GIB)), memory_stat=stat)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (used(3.8, 0.0), "warning"),
        (used(3.8, 2.0), "ok"),
        (used(1.0, 0.0), "ok"),
        (limits(memory_max="max", memory_current="5"), "not-applicable"),
    ],
)
def test_near_limit_does_not_count_page_cache(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cgroup-memory-near-limit", files).status == status


@pytest.mark.parametrize(("kills", "status"), [("0", "ok"), ("2", "warning"), (None, "not-applicable")])
def test_kills(tmp_path: Path, kills: str | None, status: str) -> None:
    files = limits(memory_current="1", **({} if kills is None else {"memory_events": f"oom 9\noom_kill {kills}\n"}))
    assert find(tmp_path, "cgroup-oom-kills", files).status == status

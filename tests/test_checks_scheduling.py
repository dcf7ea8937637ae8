from pathlib import Path

import pytest
from trees import tree_host

from llmtune.advisors.checks.scheduling import CHECKS
from llmtune.advisors.finding import Finding
from llmtune.probe.snapshot import take_snapshot

CPU = "/sys/devices/system/cpu"


def machine(threads_per_core: int = 1) -> dict[str, str]:
    files = {f"{CPU}/online": "0-7", f"{CPU}/present": "0-7"}
    for cpu in range(8):
        first = cpu - cpu % threads_per_core
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{first}-{first + threads_per_core - 1}"
    return files


def find(root: Path, check_id: str, files: dict[str, str]) -> Finding:
    snapshot = take_snapshot(tree_host(root, machine() | files), disk_interval_s=0)
    return next(check for check in CHECKS if check.id == check_id).find(snapshot)


def test_smt_advises_one_thread_a_usable_core(tmp_path: Path) -> None:
    assert find(tmp_path / "off", "cpu-smt", {}).status == "ok"
    finding = find(tmp_path / "on", "cpu-smt", machine(2) | {"/proc/self/status": "Cpus_allowed_list:\t0-3\n"})
    assert finding.status == "info"
    assert finding.fix is not None
    assert "--threads 2)" in finding.fix


def test_hybrid_names_one_thread_of_each_fast_core(tmp_path: Path) -> None:
    assert find(tmp_path / "alike", "cpu-hybrid", {}).status == "not-applicable"
    kinds = {"/sys/devices/cpu_core/cpus": "0-3", "/sys/devices/cpu_atom/cpus": "4-7"}
    finding = find(tmp_path / "kinds", "cpu-hybrid", machine(2) | kinds)
    assert finding.status == "info"
    assert finding.fix is not None
    assert "taskset -c 0,2 llama-server -t 2" in finding.fix


@pytest.mark.parametrize(
    ("isolated", "status"),
    [("", "ok"), ("7", "warning"), ("2-7", "problem"), ("64-127", "ok"), ("0-99999999999", "unknown")],
)
def test_isolated(tmp_path: Path, isolated: str, status: str) -> None:
    assert find(tmp_path, "cpu-isolated", {f"{CPU}/isolated": isolated}).status == status


def test_a_few_isolated_of_many_are_only_told(tmp_path: Path) -> None:
    files = {f"{CPU}/online": "0-63", f"{CPU}/present": "0-63", f"{CPU}/isolated": "62-63"}
    assert find(tmp_path, "cpu-isolated", files).status == "info"


@pytest.mark.parametrize(("cpus", "status"), [("(null)", "ok"), ("", "ok"), ("2-7", "info")])
def test_nohz_full(tmp_path: Path, cpus: str, status: str) -> None:
    assert find(tmp_path, "cpu-nohz-full", {f"{CPU}/nohz_full": cpus}).status == status


def busy(load: float, waiting: float | None) -> dict[str, str]:
    files = {"/proc/loadavg": f"{load:.2f} 1.00 1.00 3/200 4711\n"}
    if waiting is not None:
        files["/proc/pressure/cpu"] = f"some avg10={waiting:.2f} avg60=0.00 avg300=0.00 total=1\n"
    return files


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (busy(0.5, 0), "ok"),
        (busy(8.2, 2), "info"),
        (busy(12, 45), "warning"),
        (busy(12, 0), "info"),
        (busy(12, None), "info"),
        (busy(2, 60), "ok"),
        ({}, "unknown"),
        ({"/proc/loadavg": "\0\0"}, "unknown"),
    ],
)
def test_busy(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-busy", files).status == status


def stolen(user: int, steal: int) -> dict[str, str]:
    return {"/proc/stat": f"cpu  {user} 0 0 900000 0 0 0 {steal} 0 0\n"}


VIRTUAL = {"/proc/sysinfo": "VM00 Control Program: KVM/Linux"}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (stolen(100_000, 0), "not-applicable"),
        (stolen(100_000, 0) | VIRTUAL, "ok"),
        (stolen(100_000, 5_000) | VIRTUAL, "info"),
        (stolen(100_000, 20_000) | VIRTUAL, "warning"),
        (stolen(100, 50) | VIRTUAL, "ok"),
        ({}, "not-applicable"),
    ],
)
def test_steal(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-steal", files).status == status

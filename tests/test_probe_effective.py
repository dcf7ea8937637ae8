from pathlib import Path

from trees import tree_host

from llmtune.probe.cgroup import probe_cgroup
from llmtune.probe.cpu import probe_cpu
from llmtune.probe.effective import Effective, read_effective

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
KIB = 1024


def four_threads_two_cores() -> dict[str, str]:
    files = {f"{CPU}/online": "0-3", f"{CPU}/present": "0-3"}
    for cpu in range(4):
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = "0-1" if cpu < 2 else "2-3"
        files[f"{CPU}/cpu{cpu}/topology/core_siblings_list"] = "0-3"
    files["/proc/meminfo"] = "MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable: 5000 kB\nHugePages_Total: 0\n"
    return files


def version_2(**limits: str) -> dict[str, str]:
    mount = "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    named = {f"/sys/fs/cgroup/{name.replace('_', '.')}": text for name, text in limits.items()}
    return {"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": mount, **named}


def effective(root: Path, files: dict[str, str]) -> Effective:
    host = tree_host(root, files)
    return read_effective(host, probe_cpu(host), probe_cgroup(host))


def test_whole_machine(tmp_path: Path) -> None:
    seen = effective(tmp_path, four_threads_two_cores())
    assert (seen.cpus, seen.cpu_list, seen.cores, seen.limited_by) == (4.0, (0, 1, 2, 3), 2, ())
    assert (seen.memory_bytes, seen.memory_limit_bytes) == (5000 * KIB, 8000 * KIB)


def test_affinity(tmp_path: Path) -> None:
    seen = effective(tmp_path, four_threads_two_cores() | {"/proc/self/status": "Cpus_allowed_list:\t0-2\n"})
    assert (seen.cpus, seen.cpu_list, seen.cores, seen.limited_by) == (3.0, (0, 1, 2), 2, ("affinity",))


def test_isolated_cpus_are_told_apart_from_affinity(tmp_path: Path) -> None:
    files = four_threads_two_cores() | {"/proc/self/status": "Cpus_allowed_list:\t0-1\n", f"{CPU}/isolated": "2-3"}
    seen = effective(tmp_path, files)
    assert (seen.cpus, seen.cores, seen.limited_by) == (2.0, 1, ("isolated CPUs",))


def test_cpuset_quota_and_memory_limit(tmp_path: Path) -> None:
    limits = version_2(
        cpuset_cpus_effective="1-3", cpu_max="150000 100000", memory_max=str(2000 * KIB), memory_current=str(1500 * KIB)
    )
    seen = effective(tmp_path, four_threads_two_cores() | limits)
    assert (seen.cpus, seen.cpu_list) == (1.5, (1, 2, 3))
    assert seen.limited_by == ("cpuset", "CPU quota", "memory limit")
    assert (seen.memory_bytes, seen.memory_limit_bytes) == (500 * KIB, 2000 * KIB)


def test_quota_above_the_machine_limits_nothing(tmp_path: Path) -> None:
    limits = version_2(cpu_max="900000 100000", memory_max=str(9000 * KIB), memory_current="0")
    seen = effective(tmp_path, four_threads_two_cores() | limits)
    assert (seen.cpus, seen.memory_limit_bytes, seen.limited_by) == (4.0, 8000 * KIB, ())
    assert seen.memory_bytes == 5000 * KIB, "the cgroup would admit more than the machine has"


def test_memory_nodes(tmp_path: Path) -> None:
    nodes = {
        f"{NODE}/node{n}/meminfo": f"Node {n} MemTotal: 4000 kB\nNode {n} MemFree: 700 kB\nNode {n} Active(file): 50 kB"
        for n in (0, 1)
    }
    seen = effective(tmp_path, four_threads_two_cores() | nodes | version_2(cpuset_mems_effective="1"))
    assert seen.limited_by == ("memory nodes",)
    assert (seen.memory_bytes, seen.memory_limit_bytes) == (750 * KIB, 4000 * KIB)


def test_lists_that_do_not_belong_together_are_not_believed(tmp_path: Path) -> None:
    seen = effective(tmp_path, four_threads_two_cores() | {"/proc/self/status": "Cpus_allowed_list:\t64-95\n"})
    assert (seen.cpus, seen.limited_by) == (4.0, ())


def test_nothing_known(tmp_path: Path) -> None:
    seen = effective(tmp_path, {})
    assert (seen.cpus, seen.cpu_list, seen.cores, seen.memory_bytes) == (None, (), None, None)

"""The control groups of other processes: limits of ancestors, version 1 and 2, and a real one with a quota."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cgroup_places import groups
from made_servers import made_server
from trees import tree_host

from llmtune.advisors.activity.servers import server_activity
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.sample.cgroups import find_group, read_cgroup, with_limits
from llmtune.probe.sample.finder import ServerFinder
from llmtune.probe.sample.sample import CgroupMoment, StallTotals
from llmtune.probe.sample.servers import read_server

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20
MOUNT_2 = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
MOUNTS_1 = (
    "31 20 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 20 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
TOP = "/sys/fs/cgroup"
SLICE = f"{TOP}/ai.slice"
UNIT = f"{SLICE}/llama.service"
STALL = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
VERSION_2 = {
    "/proc/self/mountinfo": MOUNT_2,
    "/proc/4711/cgroup": "0::/ai.slice/llama.service\n",
    f"{TOP}/cgroup.controllers": "cpu memory\n",
    f"{SLICE}/cpu.max": "150000 100000\n",
    f"{SLICE}/cpu.stat": "usage_usec 9\nnr_periods 50\nnr_throttled 10\nthrottled_usec 1000\n",
    f"{UNIT}/cpu.max": "max 100000\n",
    f"{UNIT}/cpu.stat": "usage_usec 9\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
    f"{UNIT}/cpu.pressure": STALL.format(77),
    f"{SLICE}/memory.max": f"{300 * MIB}\n",
    f"{SLICE}/memory.high": "max\n",
    f"{SLICE}/memory.current": f"{250 * MIB}\n",
    f"{SLICE}/memory.events": "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\noom_group_kill 0\n",
    f"{UNIT}/memory.max": f"{500 * MIB}\n",
    f"{UNIT}/memory.high": f"{400 * MIB}\n",
    f"{UNIT}/memory.current": f"{200 * MIB}\n",
    f"{UNIT}/memory.events": "oom 0\noom_kill 0\n",
    f"{UNIT}/memory.stat": "anon 5\nworkingset_refault_anon 3\nworkingset_refault_file 7\n",
}


def read(host: Host) -> CgroupMoment:
    group = find_group(host, 4711)
    assert group is not None
    return read_cgroup(host, with_limits(host, group))


def test_limits_of_an_ancestor_count(tmp_path: Path) -> None:
    moment = read(tree_host(tmp_path, VERSION_2))
    assert moment.path == "/ai.slice/llama.service"
    assert (moment.quota_cpus, moment.periods, moment.throttled_periods, moment.throttled_us) == (1.5, 50, 10, 1000)
    assert (moment.memory_limit_bytes, moment.memory_bytes) == (300 * MIB, 250 * MIB)
    assert (moment.oom_kills, moment.refaulted_file_bytes) == (1, 7 * PAGE)
    assert moment.pressure.cpu == StallTotals(77, 1)
    assert moment.pressure.memory is None


def test_the_limit_from_which_a_group_is_slowed_down_counts(tmp_path: Path) -> None:
    files = VERSION_2 | {f"{UNIT}/memory.high": f"{100 * MIB}\n"}
    moment = read(tree_host(tmp_path, files))
    assert (moment.memory_limit_bytes, moment.memory_bytes) == (100 * MIB, 200 * MIB)


def test_what_every_ancestor_throttled_is_added_up(tmp_path: Path) -> None:
    files = VERSION_2 | {
        f"{UNIT}/cpu.max": "100000 100000\n",
        f"{UNIT}/cpu.stat": "nr_periods 40\nnr_throttled 3\nthrottled_usec 500\n",
    }
    moment = read(tree_host(tmp_path, files))
    assert (moment.quota_cpus, moment.periods, moment.throttled_periods, moment.throttled_us) == (1.0, 50, 13, 1500)


def test_version_1_and_a_limit_that_only_the_kernel_sees(tmp_path: Path) -> None:
    cpu, memory = f"{TOP}/cpu/docker/one", f"{TOP}/memory/docker/one"
    files = {
        "/proc/self/mountinfo": MOUNTS_1,
        "/proc/4711/cgroup": "4:memory:/docker/one\n3:cpu,cpuacct:/docker/one\n",
        f"{cpu}/cpu.cfs_quota_us": "50000\n",
        f"{cpu}/cpu.cfs_period_us": "100000\n",
        f"{cpu}/cpu.stat": "nr_periods 8\nnr_throttled 4\nthrottled_time 3000000\n",
        f"{TOP}/cpu/docker/cpu.cfs_quota_us": "-1\n",
        f"{memory}/memory.limit_in_bytes": f"{500 * MIB}\n",
        f"{memory}/memory.usage_in_bytes": f"{90 * MIB}\n",
        f"{memory}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        f"{memory}/memory.stat": f"cache 1\nworkingset_refault_file 3\nhierarchical_memory_limit {100 * MIB}\n"
        "total_workingset_refault_file 9\n",
        f"{TOP}/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    moment = read(tree_host(tmp_path, files))
    assert (moment.quota_cpus, moment.throttled_periods, moment.throttled_us) == (0.5, 4, 3000)
    assert (moment.memory_limit_bytes, moment.memory_bytes, moment.oom_kills) == (100 * MIB, 90 * MIB, 2)
    assert moment.refaulted_file_bytes == 9 * PAGE


def test_no_limits_and_no_groups(tmp_path: Path) -> None:
    files = {"/proc/self/mountinfo": MOUNT_2, "/proc/4711/cgroup": "0::/\n", f"{TOP}/cgroup.controllers": ""}
    moment = read(tree_host(tmp_path / "a", files))
    assert (moment.path, moment.quota_cpus, moment.throttled_us, moment.memory_limit_bytes) == ("/", None, None, None)
    assert find_group(tree_host(tmp_path / "b", {"/proc/4711/cgroup": "0::/\n"}), 4711) is None
    assert find_group(tree_host(tmp_path / "c", {}), 4711) is None


def test_ancestors_that_do_not_limit_are_not_asked_each_time(tmp_path: Path) -> None:
    host = tree_host(tmp_path, VERSION_2)
    group = find_group(host, 4711)
    assert group is not None
    fresh = Host(host.source)
    read_cgroup(fresh, with_limits(host, group))
    asked = {path for _, path, *_ in fresh.answers}
    assert f"{SLICE}/cpu.max" in asked
    assert not asked & {f"{TOP}/cpu.max", f"{UNIT}/cpu.max", f"{TOP}/memory.max", f"{UNIT}/memory.max"}


@pytest.fixture
def limited() -> Iterator[tuple[Path, ...]]:
    """Half a CPU and 64 MiB."""
    with groups(quota_cpus=0.5, memory_bytes=64 * MIB) as made:
        yield made


@pytest.mark.heavy
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make control groups")
def test_a_real_server_with_half_a_cpu_and_a_model_larger_than_its_memory(
    limited: tuple[Path, ...], tmp_path: Path
) -> None:
    model = tmp_path / "model.gguf"
    with model.open("wb") as file:
        for _ in range(96):
            file.write(os.urandom(MIB))
        os.fsync(file.fileno())
    with made_server(tmp_path, "--model", str(model)) as server:
        for directory in limited:
            (directory / "cgroup.procs").write_text(str(server.pid))
        with model.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        known = next(one for one in ServerFinder().find(Host(LiveSource())) if one.pid == server.pid)
        server.do(f"map {model}")
        before = read_server(Host(LiveSource()), known)
        server.do("burn 0.5")
        for _ in range(2):
            server.do(f"map {model}")
        after = read_server(Host(LiveSource()), known)
    assert before is not None
    assert after is not None
    assert after.cgroup is not None
    assert (after.cgroup.quota_cpus, after.cgroup.memory_limit_bytes) == (0.5, 64 * MIB)
    assert after.model_bytes == 96 * MIB > (after.cgroup.memory_bytes or 0)
    told = server_activity(before, after, 1.0)
    # How often depends on what else wants this CPU.
    assert (told.throttled_share or 0) > 0.03
    assert (told.throttled_cpus or 0) > 0.01
    assert (told.refault_bytes_per_s or 0) > 16 * MIB
    assert (told.read_bytes_per_s or 0) > 16 * MIB

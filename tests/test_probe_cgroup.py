from collections.abc import Mapping
from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.cgroup import Cgroup, probe_cgroup
from llmtune.probe.cgroup_place import parse_membership, parse_mountinfo, parse_mounts
from llmtune.probe.cgroup_v2 import parse_cpu_max
from llmtune.probe.reading import Malformed

FS = "/sys/fs/cgroup"
MIB = 1 << 20
V2_MOUNT = f"30 25 0:26 / {FS} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def v1_mount(controllers: str, root: str = "/") -> str:
    return f"35 31 0:31 {root} {FS}/{controllers} ro,nosuid - cgroup cgroup rw,{controllers}\n"


def below(directory: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{directory}/{name}": text for name, text in files.items()}


def version_2() -> dict[str, str]:
    unit = f"{FS}/system.slice/llama.service"
    return {
        "/proc/self/cgroup": "0::/system.slice/llama.service\n",
        "/proc/self/mountinfo": V2_MOUNT,
        **below(FS, {"cpuset.cpus.effective": "0-7", "cpuset.mems.effective": "0-1", "cpu.stat": "usage_usec 5"}),
        **below(
            f"{FS}/system.slice",
            {"cpu.max": "150000 100000", "cpu.stat": "nr_periods 40\nnr_throttled 10\nthrottled_usec 900"},
        ),
        **below(unit, {"cpu.max": "max 100000", "cpuset.cpus.effective": "0-3", "cpuset.mems.effective": "0"}),
        **below(unit, {"memory.max": str(512 * MIB), "memory.high": str(400 * MIB), "memory.current": str(300 * MIB)}),
        **below(unit, {"memory.stat": f"anon 1\ninactive_file {50 * MIB}\nactive_file {50 * MIB}\n"}),
        **below(unit, {"memory.events": "low 0\noom 3\noom_kill 2\n", "memory.swap.max": "0"}),
        f"{FS}/system.slice/memory.max": "max",
        f"{FS}/system.slice/memory.current": str(900 * MIB),
    }


def test_version_2_takes_the_tightest_of_all_levels(tmp_path: Path) -> None:
    cgroup = probe_cgroup(tree_host(tmp_path, version_2()))
    assert (cgroup.version, cgroup.path) == ("v2", "/system.slice/llama.service")
    assert cgroup.quota is not None
    assert (cgroup.quota.cpus, cgroup.quota.source) == (1.5, f"{FS}/system.slice/cpu.max")
    assert (cgroup.quota.periods, cgroup.quota.throttled_periods, cgroup.quota.throttled_us) == (40, 10, 900)
    assert (cgroup.cpus, cgroup.mems) == ((0, 1, 2, 3), (0,))
    memory = cgroup.memory
    assert memory is not None
    assert (memory.limit_bytes, memory.high_bytes) == (512 * MIB, 400 * MIB)
    assert memory.available_bytes == 200 * MIB, "memory.high less what is used and is not page cache"
    assert (memory.swap_limit_bytes, memory.oom_kills) == (0, 2)


def version_1() -> dict[str, str]:
    mounts = "".join(v1_mount(controllers) for controllers in ("cpu,cpuacct", "cpuset", "memory"))
    unlimited = {"memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": str(4096 * MIB)}
    return {
        "/proc/self/cgroup": "4:memory:/llm\n3:cpuset:/llm\n2:cpu,cpuacct:/llm\n1:name=systemd:/llm\n0::/llm\n",
        "/proc/self/mountinfo": mounts,
        **below(f"{FS}/cpu,cpuacct", {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}),
        **below(f"{FS}/cpu,cpuacct/llm", {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}),
        **below(f"{FS}/cpu,cpuacct/llm", {"cpu.stat": "nr_periods 8\nnr_throttled 2\nthrottled_time 7000\n"}),
        **below(f"{FS}/cpuset", {"cpuset.cpus": "0-3", "cpuset.mems": "0"}),
        **below(f"{FS}/cpuset/llm", {"cpuset.cpus": "", "cpuset.effective_cpus": "2-3", "cpuset.effective_mems": "0"}),
        **below(f"{FS}/memory", unlimited),
        **below(f"{FS}/memory/llm", {"memory.limit_in_bytes": str(256 * MIB), "memory.usage_in_bytes": str(100 * MIB)}),
        **below(f"{FS}/memory/llm", {"memory.memsw.limit_in_bytes": str(300 * MIB)}),
        **below(f"{FS}/memory/llm", {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"}),
    }


def test_version_1(tmp_path: Path) -> None:
    cgroup = probe_cgroup(tree_host(tmp_path, version_1()))
    assert cgroup.version == "v1"
    assert cgroup.quota is not None
    assert (cgroup.quota.cpus, cgroup.quota.throttled_us) == (0.5, 7)
    assert (cgroup.cpus, cgroup.mems) == ((2, 3), (0,))
    memory = cgroup.memory
    assert memory is not None
    assert (memory.limit_bytes, memory.available_bytes, memory.swap_limit_bytes) == (256 * MIB, 156 * MIB, 44 * MIB)
    assert memory.oom_kills == 1


def test_version_1_without_limits_says_none(tmp_path: Path) -> None:
    files = {k: v for k, v in version_1().items() if "/llm" not in k} | {"/proc/self/cgroup": "4:memory:/\n2:cpu:/\n"}
    cgroup = probe_cgroup(tree_host(tmp_path, files))
    assert cgroup.quota is None
    assert cgroup.memory is not None
    assert (cgroup.memory.limit_bytes, cgroup.memory.available_bytes) == (None, None)
    assert cgroup.memory.used_bytes == 4096 * MIB


def test_hybrid_reads_a_controller_where_it_is(tmp_path: Path) -> None:
    files = version_1() | {
        "/proc/self/mountinfo": v1_mount("cpuset") + V2_MOUNT.replace(FS, f"{FS}/unified"),
        f"{FS}/unified/llm/cpu.max": "200000 100000",
    }
    cgroup = probe_cgroup(tree_host(tmp_path, files))
    assert (cgroup.version, cgroup.cpus) == ("hybrid", (2, 3))
    assert cgroup.quota is not None
    assert cgroup.quota.cpus == 2.0


DOCKER_V2 = {
    "/proc/self/cgroup": "0::/\n",
    "/proc/self/mountinfo": V2_MOUNT,
    f"{FS}/cpu.max": "100000 100000",
    f"{FS}/memory.max": str(64 * MIB),
    f"{FS}/memory.current": str(10 * MIB),
}
DOCKER_V1_NO_NAMESPACE = {
    "/proc/self/cgroup": "4:memory:/docker/abc\n2:cpu:/docker/abc\n",
    "/proc/self/mountinfo": v1_mount("cpu", "/docker/abc") + v1_mount("memory", "/docker/abc"),
    f"{FS}/cpu/cpu.cfs_quota_us": "100000",
    f"{FS}/cpu/cpu.cfs_period_us": "100000",
    f"{FS}/memory/memory.limit_in_bytes": "9223372036854771712",
    f"{FS}/memory/memory.usage_in_bytes": str(10 * MIB),
    # The pod above has the limit; only this number tells of it.
    f"{FS}/memory/memory.stat": f"hierarchical_memory_limit {64 * MIB}\ntotal_inactive_file 0\ntotal_active_file 0\n",
}
ELSEWHERE = DOCKER_V2 | {
    "/proc/self/cgroup": "0::/../../kubepods.slice/pod1/box\n",
}
OTHER_ROOT = DOCKER_V2 | {
    "/proc/self/cgroup": "0::/kubepods.slice/pod1/box\n",
    "/proc/self/mountinfo": V2_MOUNT.replace(" / ", " /somewhere/else ", 1),
}


@pytest.mark.parametrize("files", [DOCKER_V2, DOCKER_V1_NO_NAMESPACE, ELSEWHERE, OTHER_ROOT])
def test_containers(tmp_path: Path, files: Mapping[str, str]) -> None:
    cgroup = probe_cgroup(tree_host(tmp_path, files))
    assert cgroup.quota is not None
    assert cgroup.quota.cpus == 1.0
    assert cgroup.memory is not None
    assert (cgroup.memory.limit_bytes, cgroup.memory.available_bytes) == (64 * MIB, 54 * MIB)


def test_old_cpuset_file_system(tmp_path: Path) -> None:
    files = {
        "/proc/self/cpuset": "/batch/job",
        "/proc/mounts": "none /dev/cpuset cpuset rw 0 0\n",
        "/dev/cpuset/batch/job/cpus": "4-5",
        "/dev/cpuset/batch/job/mems": "1",
    }
    cgroup = probe_cgroup(tree_host(tmp_path, files))
    assert (cgroup.cpus, cgroup.mems, cgroup.quota) == ((4, 5), (1,), None)


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {})
    assert probe_cgroup(host) == Cgroup(
        version=None, path=None, directory=None, quota=None, cpus=None, mems=None, memory=None
    )
    assert not host.gaps


def test_a_group_without_a_mount_is_a_gap(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/self/cgroup": "0::/\n", "/proc/mounts": "proc /proc proc rw 0 0\n"})
    assert probe_cgroup(host).version is None
    assert [(gap.source, gap.reason) for gap in host.gaps] == [(FS, "missing")]


@pytest.mark.parametrize("text", [b"\xff\xfe\0\0", b"9" * 400, b"-5", b"max max", b"0 0", b"1:2:3"])
def test_garbage_is_a_gap(tmp_path: Path, text: bytes) -> None:
    files = dict.fromkeys(version_2(), text) | {
        "/proc/self/cgroup": b"0::/system.slice/llama.service\n",
        "/proc/self/mountinfo": V2_MOUNT.encode(),
    }
    host = tree_host(tmp_path, files)
    assert probe_cgroup(host).quota is None
    assert any(gap.reason == "malformed" for gap in host.gaps)


def test_membership() -> None:
    text = "12:cpu,cpuacct:/a\n3:cpuset:/b:c\n1:name=systemd:/z\n0::/u (deleted)\n"
    assert parse_membership(text) == {"cpu": "/a", "cpuset": "/b:c", "unified": "/u"}
    with pytest.raises(Malformed):
        parse_membership("nonsense")


def test_mounts() -> None:
    line = r"1 2 0:3 /a\040b /mnt/c\040d rw - cgroup2 none rw"
    assert [(m.point, m.root, m.version) for m in parse_mountinfo(line)] == [("/mnt/c d", "/a b", 2)]
    assert parse_mounts("tmpfs /x tmpfs rw 0 0\nshort\nnone /dev/cpuset cgroup rw,cpuset,noprefix 0 0")[0].noprefix


@pytest.mark.parametrize(
    ("text", "value"), [("max 100000", None), ("50000 100000", (50000, 100000)), ("20000", (20000, 100000))]
)
def test_cpu_max(text: str, value: tuple[int, int] | None) -> None:
    assert parse_cpu_max(text) == value

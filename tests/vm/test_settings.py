"""Settings on a real kernel with two NUMA nodes, NVMe, I/O schedulers and cpufreq: changed, verified, put back."""

import itertools
import json
from collections.abc import Iterator

import pytest
from vm.guest import Guest

pytestmark = [pytest.mark.heavy, pytest.mark.vm]

SCHEDULERS = ("none", "mq-deadline", "kyber", "bfq")
PAIRS = list(itertools.permutations(SCHEDULERS, 2))
LOOP = "/dev/loop0"
_PREPARE = f"""
set -e
modprobe toyfreq
for governor in ondemand conservative userspace powersave; do modprobe cpufreq_$governor; done
modprobe bfq; modprobe kyber-iosched
modprobe null_blk nr_devices={len(PAIRS)} gb=1 submit_queues=2 hw_queue_depth=128
modprobe loop max_loop=1
truncate -s 32M /tmp/swap; losetup {LOOP} /tmp/swap; mkswap {LOOP} >/dev/null; swapon -p 5 {LOOP}
"""
_RESTLESS = (
    "^/proc/sys/kernel/(random|ns_last_pid|pty)"
    "|^/proc/sys/fs/(dentry-state|inode-|file-nr|quota)"
    "|khugepaged/(full_scans|pages_collapsed)"
    "|/(stats|scaling_cur_freq|cpuinfo_cur_freq|cpuinfo_max_freq|free_hugepages)[:/]"
)
"""Values that change by themselves, and one that the kernel raises with the boost and never lowers again."""
_DUMP = f"""
export LC_ALL=C
{{ grep -rs '' /proc/sys /sys/kernel/mm /sys/module/pcie_aspm/parameters
  for place in /sys/block/*/queue /sys/devices/system/node/node*/hugepages /sys/devices/system/cpu/cpufreq; do
    grep -rs '' $place/
  done
  tr -s '\\t ' ':' </proc/swaps
}} | grep -vE '{_RESTLESS}' | sort
"""


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    with Guest(nodes=2) as started:
        started.sh(_PREPARE)
        yield started


@pytest.fixture(scope="module")
def before(guest: Guest) -> dict[str, str]:
    """The machine before anything was applied: every test leaves it so."""
    return dump(guest)


def dump(guest: Guest) -> dict[str, str]:
    """Every value, by its file."""
    found: dict[str, str] = {}
    for line in guest.sh(_DUMP).splitlines():
        name, _, value = line.partition(":")
        found[name] = found[name] + "\n" + value if name in found else value
    assert len(found) > 500
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {
        name: (before.get(name), after.get(name))
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    }


def sets(values: dict[str, str]) -> str:
    return " ".join(f"--set {key}={value}" for key, value in values.items())


def test_settings_of_all_kinds_hold_and_go_without_a_trace(guest: Guest, before: dict[str, str]) -> None:
    pid = guest.sh("sleep 1000 >/dev/null 2>&1 & echo $!").strip()
    values = {
        "vm.swappiness": "10",
        "vm.dirty_bytes": "268435456",
        "vm.zone_reclaim_mode": "1",
        "vm.max_map_count": "1048576",
        "vm.min_free_kbytes": "20000",
        "kernel.numa_balancing": "0",
        "thp.enabled": "madvise",
        "thp.defrag": "defer+madvise",
        "hugepages.2048kB@node1": "16",
        "block.read_ahead_kb@nvme0n1": "4096",
        "block.scheduler@nvme0n1": "mq-deadline",
        "block.nr_requests@nvme0n1": "64",
        "cpu.governor@policy0": "ondemand",
        "cpu.governor@policy2": "performance",
        "cpu.min_khz@policy2": "1800000",
        f"swap.priority@{LOOP}": "100",
        f"process.nice@{pid}": "5",
        f"process.io_class@{pid}": "best-effort:2",
        f"process.cpus@{pid}": "2-3",
    }
    assert before["/proc/sys/kernel/numa_balancing"] == "1"
    told = json.loads(guest.llmtune(f"apply {sets(values)} --yes --format json"))
    assert told["outcome"] == "applied"
    assert told["already"].keys() == set()

    held = {key["key"]: key["state"] for key in json.loads(guest.llmtune("verify --format json"))["keys"]}
    assert values.keys() <= held.keys()
    assert set(held.values()) == {"ok"}
    changed = differences(before, dump(guest))
    node = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages"
    assert changed[node.format(1)] == ("0", "16")
    assert node.format(0) not in changed
    assert changed["/proc/sys/vm/dirty_ratio"] == ("20", "0")
    assert "[mq-deadline]" in str(changed["/sys/block/nvme0n1/queue/scheduler"][1])
    assert changed["/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"] == ("schedutil", "ondemand")
    assert changed["/sys/devices/system/cpu/cpufreq/policy2/scaling_min_freq"] == ("400000", "1800000")
    assert guest.sh(f"taskset -pc {pid}").strip().endswith(": 2,3")
    assert guest.sh(f"ps -o ni= -p {pid}").strip() == "5"
    assert guest.sh("awk 'NR == 2 {print $5}' /proc/swaps").strip() == "100"

    guest.llmtune("rollback --yes")
    assert differences(before, dump(guest)) == {}
    assert guest.sh(f"taskset -pc {pid}").strip().endswith(": 0-3")
    assert guest.sh(f"ps -o ni= -p {pid}").strip() == "0"
    guest.sh(f"kill {pid}")


def test_what_somebody_else_changed_is_found_and_left_alone(guest: Guest, before: dict[str, str]) -> None:
    guest.llmtune("apply --set kernel.numa_balancing=0 --set vm.zone_reclaim_mode=1 --yes")
    guest.sh("sysctl -q -w vm.zone_reclaim_mode=3")
    assert "somebody has changed it to 3" in guest.llmtune("verify", code=1)
    guest.llmtune("rollback --yes", code=6)
    assert differences(before, dump(guest)) == {"/proc/sys/vm/zone_reclaim_mode": ("0", "3")}
    guest.sh("sysctl -q -w vm.zone_reclaim_mode=0")


def test_huge_pages_that_memory_does_not_hold_are_given_back(guest: Guest, before: dict[str, str]) -> None:
    # A node has 768 MiB, so it holds none of these. (Filling it with small ones takes an emulated CPU minutes.)
    told = guest.llmtune("apply --set vm.swappiness=7 --set hugepages.1048576kB@node1=1 --yes", code=6)
    assert "hugepages.1048576kB@node1" in told
    assert "all was put back" in told
    assert differences(before, dump(guest)) == {}


def test_uneven_pools_of_nodes_come_back_as_they_were(guest: Guest) -> None:
    pool = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages"
    guest.sh(f"echo 3 >{pool.format(0)}; echo 11 >{pool.format(1)}")
    uneven = dump(guest)
    guest.llmtune("apply --set hugepages.2048kB=40 --yes")
    now = dump(guest)
    assert int(now[pool.format(0)]) + int(now[pool.format(1)]) == 40
    guest.llmtune("rollback --yes")
    guest.llmtune("apply --set hugepages.2048kB=2 --yes")
    guest.llmtune("rollback --yes")
    assert differences(uneven, dump(guest)) == {}
    guest.sh(f"echo 0 >{pool.format(0)}; echo 0 >{pool.format(1)}")


def test_huge_pages_in_use_are_named_and_go_with_their_owner(guest: Guest, before: dict[str, str]) -> None:
    hold = (
        "import mmap, signal; held = mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000);"
        "held.write(b'x' * (16 << 20)); print('held', flush=True); signal.pause()"
    )
    guest.llmtune("apply --set hugepages.2048kB=20 --yes")
    guest.sh(f"""python3 -c "{hold}" >/tmp/holder 2>&1 & echo $! >/tmp/holder.pid
        until grep -q held /tmp/holder; do sleep 0.2; kill -0 $(cat /tmp/holder.pid); done""")
    told = guest.llmtune("rollback --yes")
    assert "8 pages are in use" in told
    assert guest.sh("awk '/HugePages_Total/ {print $2}' /proc/meminfo").strip() == "8"
    guest.sh("kill $(cat /tmp/holder.pid); while kill -0 $(cat /tmp/holder.pid) 2>/dev/null; do sleep 0.1; done")
    assert differences(before, dump(guest)) == {}


@pytest.mark.parametrize("governor", ["performance", "ondemand"])
def test_the_shown_cpupower_command_does_what_apply_does(guest: Guest, before: dict[str, str], governor: str) -> None:
    asked = f"--set cpu.governor={governor} --set cpu.max_khz=2500000"
    planned = json.loads(guest.llmtune(f"apply {asked} --dry-run --format json"))["changes"]
    commands = [change["command"] for change in planned]
    assert len(commands) == 4
    assert all(command.startswith("cpupower -c ") for command in commands)
    guest.llmtune(f"apply {asked} --yes")
    ours = dump(guest)
    assert len(differences(before, ours)) >= 4
    guest.llmtune("rollback --yes")
    assert differences(before, dump(guest)) == {}
    guest.sh("set -e; " + "; ".join(commands))
    assert differences(ours, dump(guest)) == {}
    guest.sh("cpupower -c all frequency-set -g schedutil -u 3200000")


def test_boost_and_governors_go_together(guest: Guest, before: dict[str, str]) -> None:
    # Both move the upper limit of every policy.
    values = {"cpu.governor@policy0": "ondemand", "cpu.governor@policy2": "performance", "cpu.boost": "1"}
    guest.llmtune(f"apply {sets(values)} --yes")
    limit = "/sys/devices/system/cpu/cpufreq/policy2/scaling_max_freq"
    assert differences(before, dump(guest))[limit] == ("3200000", "4100000")
    guest.llmtune("rollback --yes")
    now = dump(guest)
    guest.sh("cpupower -c all frequency-set -u 3200000")
    assert differences(before, now) == {}


def test_limits_of_a_cgroup_are_seen(guest: Guest) -> None:
    guest.sh("""set -e; cd /sys/fs/cgroup; echo "+memory +cpu" >cgroup.subtree_control; mkdir small
        echo 300M >small/memory.max; echo "150000 100000" >small/cpu.max""")
    done = json.loads(guest.sh(f"echo $$ >/sys/fs/cgroup/small/cgroup.procs; {guest.command} snapshot --format json"))
    assert done["cgroup"]["quota"] is not None
    assert done["cgroup"]["memory"]["limit_bytes"] == 300 << 20
    assert done["effective"]["cpus"] == 1.5
    assert done["effective"]["memory_limit_bytes"] == 300 << 20
    free = json.loads(guest.llmtune("snapshot --format json"))
    assert free["cgroup"]["quota"] is None
    assert free["effective"]["cpus"] == 4
    assert free["effective"]["memory_limit_bytes"] > 1 << 30


def test_every_switch_between_schedulers_is_undone_with_all_they_reset(guest: Guest) -> None:
    # A device for each pair; each has parameters that choosing a scheduler resets.
    tuned = {
        "mq-deadline": "echo 77 >iosched/read_expire; echo 3 >iosched/writes_starved; echo 100 >nr_requests",
        "kyber": "echo 3000000 >iosched/read_lat_nsec; echo 90 >nr_requests",
        "bfq": "echo 0 >iosched/low_latency; echo 5 >iosched/slice_idle; echo 80 >nr_requests",
        "none": "echo 60 >nr_requests",
    }
    for number, (first, _) in enumerate(PAIRS):
        guest.sh(f"set -e; cd /sys/block/nullb{number}/queue; echo {first} >scheduler; {tuned[first]}")
    tuned_so = dump(guest)
    values = {f"block.scheduler@nullb{number}": second for number, (_, second) in enumerate(PAIRS)}
    values |= {f"block.nr_requests@nullb{number}": "120" for number, (_, second) in enumerate(PAIRS)}
    guest.llmtune(f"apply {sets(values)} --yes")
    now = dump(guest)
    for number, (_, second) in enumerate(PAIRS):
        chosen = now[f"/sys/block/nullb{number}/queue/scheduler"]
        assert f"[{second}]" in chosen
        assert now[f"/sys/block/nullb{number}/queue/nr_requests"] == "120"
    guest.llmtune("rollback --yes")
    assert differences(tuned_so, dump(guest)) == {}

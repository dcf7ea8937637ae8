"""The machine's live counters: tables of texts, damage, the largest machine, and this one against others' readings."""

import os
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lying_source import LyingSource
from trees import tree_host

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.parse import pick_numbers
from llmtune.probe.reading import Malformed
from llmtune.probe.sample.cgroups import find_group, read_cgroup, with_limits
from llmtune.probe.sample.cpu import parse_stat, read_cpu
from llmtune.probe.sample.drives import read_drives
from llmtune.probe.sample.memory import read_memory
from llmtune.probe.sample.nodes import read_nodes
from llmtune.probe.sample.pressure import read_pressure
from llmtune.probe.sample.sample import CpuTicks, StallTotals
from llmtune.probe.sample.servers import ServerFinder, read_server
from llmtune.probe.sample.threads import ThreadWaits

STAT = (
    "cpu  30 0 30 300 30 3 3 3 9 0\n"
    "cpu0 10 1 10 100 10 1 2 3 5 0\n"
    "cpu2 20 0 20 200 20 2 1 0 4 0\n"
    "intr 7 0 0\nctxt 5\nbtime 1\nprocesses 9\nprocs_running 4\nprocs_blocked 2\nsoftirq 3 1\n"
)
TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def live() -> Host:
    return Host(LiveSource())


def test_the_ticks_of_each_cpu() -> None:
    ticks, running, blocked = parse_stat(STAT)
    assert ticks == (CpuTicks(0, 24, 110, 10, 3), CpuTicks(2, 43, 220, 20, 0))
    assert (running, blocked) == (4, 2)


def test_old_kernels_tell_less() -> None:
    assert parse_stat("cpu  1 2 3 4\ncpu0 1 2 3 4") == ((CpuTicks(0, 6, 4, 0, 0),), None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpu  1 2 3 4\n",
        "cpu  1 2\ncpu0 1 2 3\n",
        STAT.replace("cpu2 20", "cpu2 -20"),
        STAT.replace("cpu2 20", "cpu2 x"),
        STAT.replace("cpu2 20 0", "cpu2 20"),
        STAT.replace("cpu2", "cpu99999"),
        STAT.replace("cpu2 20", "cpu2 " + "9" * 30),
        STAT.replace("cpu2 20", "cpu2 \u0662\u0660"),
    ],
)
def test_damaged_ticks_are_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_stat(text)


def test_the_largest_machine() -> None:
    lines = [f"cpu{n} {n} 0 7 {10 * n} 3 0 1 2 0 0\n" for n in range(1024)]
    text = "cpu  1 2 3 4 5 6 7 8 9 10\n" + "".join(lines) + "intr " + "0 " * 50_000 + "\nprocs_running 700\n"
    ticks, running, _ = parse_stat(text)
    assert running == 700
    assert ticks == tuple(CpuTicks(n, n + 8, 10 * n + 3, 3, 2) for n in range(1024))


def test_frequencies_are_of_few_cpus_all_over_the_machine(tmp_path: Path) -> None:
    lines = "".join(f"cpu{n} 1 1 1 1 1 1 1 1 0 0\n" for n in range(64))
    files = {f"/sys/devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq": f"{2000 + n}000\n" for n in range(64)}
    cpu = read_cpu(tree_host(tmp_path, files | {"/proc/stat": "cpu  1 1 1 1\n" + lines}))
    assert cpu is not None
    assert cpu.frequencies_khz == {n: (2000 + n) * 1000 for n in range(0, 64, 8)}


def test_numbers_are_picked_from_the_beginning_of_lines() -> None:
    text = "some pgmajfault 1\npgmajfault 22\npgmajfault_x 3\nCached:   5 kB\nSwapCached:  6 kB\nempty:\n7 kB"
    assert pick_numbers(text, ("pgmajfault ", "Cached:", "empty:", "absent ")) == {"pgmajfault ": 22, "Cached:": 5}
    assert pick_numbers("a -5\nb x\nc \u0661\nd " + "9" * 30, ("a ", "b ", "c ", "d ")) == {}


def test_memory_of_a_machine_with_two_sizes_of_huge_pages(tmp_path: Path) -> None:
    pools = "/sys/kernel/mm/hugepages/hugepages"
    files = {
        "/proc/meminfo": "MemTotal: 64 kB\nMemFree: 8 kB\nMemAvailable: 32 kB\nCached: 16 kB\nSwapCached: 1 kB\n"
        "SwapTotal: 4 kB\nSwapFree: 3 kB\nDirty: 2 kB\nHugePages_Total: 3\nHugePages_Free: 1\nHugepagesize: 2048 kB\n"
        "Hugetlb: 1054720 kB\n",
        "/proc/vmstat": "nr_free_pages 5\npswpin 3\npswpout 4\npgmajfault 9\nworkingset_refault_anon 1\n"
        "workingset_refault_file 7\n",
        f"{pools}-2048kB/nr_hugepages": "3",
        f"{pools}-2048kB/free_hugepages": "1",
        f"{pools}-1048576kB/nr_hugepages": "1",
        f"{pools}-1048576kB/free_hugepages": "0",
    }
    memory = read_memory(tree_host(tmp_path, files))
    assert memory is not None
    assert (memory.total_bytes, memory.available_bytes, memory.free_bytes) == (64 << 10, 32 << 10, 8 << 10)
    assert (memory.cached_bytes, memory.dirty_bytes) == (16 << 10, 2 << 10)
    assert (memory.swap_total_bytes, memory.swap_free_bytes) == (4 << 10, 3 << 10)
    assert (memory.hugepages_total_bytes, memory.hugepages_free_bytes) == ((6 << 20) + (1 << 30), 2 << 20)
    assert (memory.major_faults, memory.refaulted_file_bytes) == (9, 7 * PAGE)
    assert (memory.swapped_in_bytes, memory.swapped_out_bytes) == (3 * PAGE, 4 * PAGE)


def test_memory_of_an_old_kernel(tmp_path: Path) -> None:
    files = {"/proc/meminfo": "MemTotal: 64 kB\n", "/proc/vmstat": "workingset_refault 7\n"}
    memory = read_memory(tree_host(tmp_path, files))
    assert memory is not None
    assert memory.refaulted_file_bytes == 7 * PAGE
    assert (memory.hugepages_total_bytes, memory.available_bytes, memory.major_faults) == (None, None, None)


def test_stalls_of_machine_and_group(tmp_path: Path) -> None:
    text = "some avg10=1.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
    files = {"/proc/pressure/cpu": text.format(10), "/proc/pressure/io": text.partition("full")[0].format(20)}
    host = tree_host(tmp_path, files | {"/group/memory.pressure": text.format(30)})
    machine, group = read_pressure(host), read_pressure(host, "/group")
    assert (machine.cpu, machine.memory, machine.io) == (StallTotals(10, 5), None, StallTotals(20, None))
    assert (group.cpu, group.memory, group.io) == (None, StallTotals(30, 5), None)


def test_only_whole_drives_that_were_used(tmp_path: Path) -> None:
    line = "   8       0 {} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
    names = ("sda", "sda1", "nvme0n1", "nvme0n1p1", "loop0", "zram0", "ram0", "sr0", "dm-0", "md0", "cciss/c0d0")
    unused = "  43       0 nbd0 0 0 0 0 0 0 0 0 0 0 0\n"
    whole = [name.replace("/", "!") for name in names if name not in ("sda1", "nvme0n1p1")] + ["nbd0"]
    files = {f"/sys/block/{name}/queue/read_ahead_kb": "128\n" for name in whole}
    host = tree_host(tmp_path, files | {"/proc/diskstats": "".join(map(line.format, names)) + unused})
    drives = read_drives(host)
    assert [drive.name for drive in drives] == ["sda", "nvme0n1", "dm-0", "md0", "cciss/c0d0"]
    assert {drive.read_ahead_bytes for drive in drives} == {128 << 10}
    assert (drives[0].counters.sectors_read, drives[0].counters.busy_ms) == (3, 10)
    assert not host.gaps


def test_nodes_and_whom_their_pages_went_to(tmp_path: Path) -> None:
    node = "/sys/devices/system/node/node{}"
    files = {}
    for number in (0, 11):
        lines = f"Node {number} MemTotal: 64 kB\nNode {number} MemFree: 8 kB\nNode {number} FilePages: {number} kB\n"
        files[node.format(number) + "/meminfo"] = lines
    files[node.format(11) + "/numastat"] = "numa_hit 9\nlocal_node 7\nother_node 2\n"
    nodes = read_nodes(tree_host(tmp_path, files))
    assert [(n.node, n.total_bytes, n.free_bytes, n.file_bytes) for n in nodes] == [
        (0, 64 << 10, 8 << 10, 0),
        (11, 64 << 10, 8 << 10, 11 << 10),
    ]
    assert [(n.local_pages, n.foreign_pages) for n in nodes] == [(None, None), (7, 2)]


def test_this_machine_between_two_readings_of_psutil() -> None:
    before, swap_before, disks_before = (
        psutil.cpu_times(percpu=True),
        psutil.swap_memory(),
        psutil.disk_io_counters(True),
    )
    cpu, memory, drives = read_cpu(live()), read_memory(live()), read_drives(live())
    after, swap_after, disks_after = psutil.cpu_times(percpu=True), psutil.swap_memory(), psutil.disk_io_counters(True)
    assert cpu is not None
    assert memory is not None
    assert len(cpu.ticks) == len(after) == psutil.cpu_count()
    for ticks, low, high in zip(cpu.ticks, before, after, strict=True):
        assert low.iowait + low.idle - 0.1 <= ticks.idle * TICK <= high.iowait + high.idle + 0.1
        assert low.steal - TICK / 2 <= ticks.steal * TICK <= high.steal + TICK / 2
        assert low.user + low.system <= ticks.busy * TICK + TICK / 2
    assert memory.total_bytes == psutil.virtual_memory().total
    assert memory.available_bytes == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    assert memory.swap_total_bytes == swap_after.total
    assert swap_before.sin <= (memory.swapped_in_bytes or 0) <= swap_after.sin
    assert drives or not any(value.read_count for name, value in disks_after.items() if not name.startswith("loop"))
    for drive in drives:
        assert disks_before[drive.name].read_bytes <= drive.counters.sectors_read * 512
        assert drive.counters.sectors_read * 512 <= disks_after[drive.name].read_bytes
    assert read_nodes(live()) or not Path("/sys/devices/system/node/node0").exists()
    assert read_pressure(live()).cpu is not None or not Path("/proc/pressure").exists()


@settings(max_examples=30)
@given(st.data())
def test_ticks_cut_and_garbled_anywhere(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(STAT)))
    damaged = STAT[:start] + data.draw(st.text(max_size=5)) + STAT[start + data.draw(st.integers(0, 30)) :]
    try:
        ticks, running, _ = parse_stat(damaged)
    except Malformed:
        return
    assert all(min(one) >= 0 for one in ticks)
    assert running is None or running >= 0


@pytest.mark.parametrize("seed", range(60))
def test_a_machine_that_lies(seed: int) -> None:
    host = Host(LyingSource(seed, seed % 5 / 10))
    cpu, memory = read_cpu(host), read_memory(host)
    assert cpu is None or cpu.ticks
    assert memory is None or memory.total_bytes is None or memory.total_bytes >= 0
    assert all(drive.counters.busy_ms >= 0 for drive in read_drives(host))
    assert all((node.total_bytes or 0) >= 0 for node in read_nodes(host))
    stalls = read_pressure(host).cpu
    assert stalls is None or stalls.some_us >= 0
    for known in ServerFinder().find(host):
        moment = read_server(host, known)
        assert moment is None or moment.engine
    group = find_group(host, 4711)
    if group is not None:
        told = read_cgroup(host, with_limits(host, group))
        assert (told.memory_limit_bytes or 0) >= 0
        assert (told.throttled_us or 0) >= 0
    assert (ThreadWaits().read(host, 4711, 1, 100.0) or 0) >= 0

"""Every check of NUMA, memory, swap, modules and limits where it must speak and where it must be silent."""

from pathlib import Path

import pytest
from judging import judge
from test_probe_memory import END_OF_TABLE, memory_device

THP = "/sys/kernel/mm/transparent_hugepage"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB"
NODE = "/sys/devices/system/node"
VM = "/proc/sys/vm"
DMI = "/sys/firmware/dmi/tables/DMI"
MEMINFO = {"/proc/meminfo": "MemTotal: 16777216 kB\nMemFree: 8000000 kB\nMemAvailable: 12000000 kB\n"}
FULL = {"/proc/meminfo": "MemTotal: 16777216 kB\nMemFree: 80000 kB\nMemAvailable: 1000000 kB\n"}
SWAPS_HEAD = "Filename\tType\tSize\tUsed\tPriority\n"
LIMITS_HEAD = "Limit                     Soft Limit           Hard Limit           Units\n"


def nodes(first: str = "1000000", second: str = "1000000", cpus: str = "1") -> dict[str, str]:
    return {
        f"{NODE}/node0/cpulist": "0",
        f"{NODE}/node1/cpulist": cpus,
        f"{NODE}/node0/meminfo": f"Node 0 MemTotal: {first} kB\n",
        f"{NODE}/node1/meminfo": f"Node 1 MemTotal: {second} kB\n",
    }


def pressure(some: float, full: float) -> dict[str, str]:
    rows = (
        f"{kind} avg10={value:.2f} avg60=0.00 avg300=0.00 total=1" for kind, value in (("some", some), ("full", full))
    )
    return {"/proc/pressure/memory": "\n".join(rows)}


def pool(total: int, free: int) -> dict[str, str]:
    return {f"{POOL}/nr_hugepages": str(total), f"{POOL}/free_hugepages": str(free), f"{POOL}/resv_hugepages": "0"}


def limit(name: str, soft: str) -> dict[str, str]:
    return {"/proc/self/limits": f"{LIMITS_HEAD}{name:25} {soft:20} 1048576              units\n"}


CASES = [
    ("memory-available", MEMINFO, "ok"),
    ("memory-available", FULL, "warning"),
    ("memory-available", {}, "unknown"),
    ("memory-pressure", pressure(0, 0), "ok"),
    ("memory-pressure", pressure(20, 5), "warning"),
    ("memory-pressure", pressure(60, 40), "problem"),
    ("memory-pressure", {}, "not-applicable"),
    ("memory-oom-kills", {"/proc/vmstat": "oom_kill 0"}, "ok"),
    ("memory-oom-kills", {"/proc/vmstat": "oom_kill 3"}, "warning"),
    ("memory-oom-kills", {}, "unknown"),
    ("memory-thp", {f"{THP}/enabled": "always [madvise] never"}, "ok"),
    ("memory-thp", {f"{THP}/enabled": "always madvise [never]"}, "info"),
    ("memory-thp", {}, "not-applicable"),
    ("memory-thp-defrag", {f"{THP}/enabled": "[always] madvise", f"{THP}/defrag": "[always] madvise"}, "warning"),
    ("memory-thp-defrag", {f"{THP}/enabled": "always [madvise]", f"{THP}/defrag": "[always] madvise"}, "ok"),
    ("memory-thp-defrag", {f"{THP}/enabled": "[always] madvise", f"{THP}/defrag": "always [madvise]"}, "ok"),
    ("memory-thp-defrag", {f"{THP}/enabled": "[always] madvise"}, "unknown"),
    ("memory-idle-huge-pages", MEMINFO | pool(4096, 4096), "warning"),
    ("memory-idle-huge-pages", MEMINFO | pool(4096, 10), "ok"),
    ("memory-idle-huge-pages", MEMINFO | pool(0, 0), "ok"),
    ("memory-idle-huge-pages", {}, "not-applicable"),
    ("memory-overcommit", {f"{VM}/overcommit_memory": "2"}, "warning"),
    ("memory-overcommit", {f"{VM}/overcommit_memory": "0"}, "ok"),
    ("memory-overcommit", {f"{VM}/overcommit_memory": "garbage"}, "unknown"),
    ("memory-map-count", {f"{VM}/max_map_count": "65530"}, "ok"),
    ("memory-map-count", {f"{VM}/max_map_count": "1024"}, "warning"),
    ("memory-min-free", MEMINFO | {f"{VM}/min_free_kbytes": "67584"}, "ok"),
    ("memory-min-free", MEMINFO | {f"{VM}/min_free_kbytes": "2000000"}, "warning"),
    ("memory-ksm", {"/sys/kernel/mm/ksm/run": "0"}, "ok"),
    ("memory-ksm", {"/sys/kernel/mm/ksm/run": "1"}, "info"),
    ("swap-present", {"/proc/swaps": SWAPS_HEAD}, "info"),
    ("swap-present", {"/proc/swaps": SWAPS_HEAD + "/dev/sda2 partition 1024 0 -2\n"}, "ok"),
    ("swap-present", {}, "unknown"),
    ("swap-used", {"/proc/swaps": SWAPS_HEAD + "/dev/sda2 partition 1024 99 -2\n"} | pressure(0, 0), "ok"),
    ("swap-used", {"/proc/swaps": SWAPS_HEAD + "/dev/sda2 partition 1024 99 -2\n"} | pressure(5, 1), "warning"),
    ("swap-used", {"/proc/swaps": SWAPS_HEAD + "/dev/sda2 partition 1024 0 -2\n"} | pressure(5, 1), "ok"),
    ("swap-used", {"/proc/swaps": SWAPS_HEAD}, "not-applicable"),
    ("swap-swappiness", {"/proc/swaps": SWAPS_HEAD, f"{VM}/swappiness": "60"}, "not-applicable"),
    ("swap-swappiness", {"/proc/swaps": SWAPS_HEAD + "/dev/sda2 partition 9 0 -2\n", f"{VM}/swappiness": "10"}, "ok"),
    (
        "swap-swappiness",
        {"/proc/swaps": SWAPS_HEAD + "/dev/sda2 partition 9 0 -2\n", f"{VM}/swappiness": "180"},
        "info",
    ),
    ("swap-swappiness", {"/proc/swaps": SWAPS_HEAD + "/dev/zram0 partition 9 0 -2\n", f"{VM}/swappiness": "180"}, "ok"),
    ("limit-locked-memory", MEMINFO | limit("Max locked memory", "8388608"), "info"),
    ("limit-locked-memory", MEMINFO | limit("Max locked memory", "unlimited"), "ok"),
    ("limit-open-files", limit("Max open files", "65536"), "ok"),
    ("limit-open-files", limit("Max open files", "1024"), "info"),
    ("limit-open-files", limit("Max open files", "256"), "warning"),
    ("limit-shared-memory", {}, "not-applicable"),
    ("numa-topology", {}, "not-applicable"),
    ("numa-topology", nodes(), "info"),
    ("numa-balancing", nodes() | {"/proc/sys/kernel/numa_balancing": "0"}, "ok"),
    ("numa-balancing", nodes() | {"/proc/sys/kernel/numa_balancing": "1"}, "info"),
    ("numa-balancing", nodes() | {"/proc/sys/kernel/numa_balancing": "2"}, "ok"),
    ("numa-balancing", nodes(), "unknown"),
    ("numa-balancing", {"/proc/sys/kernel/numa_balancing": "1"}, "not-applicable"),
    ("numa-zone-reclaim", nodes() | {f"{VM}/zone_reclaim_mode": "1"}, "warning"),
    ("numa-zone-reclaim", nodes() | {f"{VM}/zone_reclaim_mode": "0"}, "ok"),
    ("numa-zone-reclaim", {f"{VM}/zone_reclaim_mode": "1"}, "not-applicable"),
    ("numa-node-memory", nodes(second="0"), "warning"),
    ("numa-node-memory", nodes(first="0", second="0"), "info"),
    ("numa-node-memory", nodes(), "ok"),
    ("numa-node-memory", nodes(second="junk"), "unknown"),
    ("numa-uneven", nodes(second="300000"), "info"),
    ("numa-uneven", nodes(), "ok"),
    ("numa-memory-only", nodes(cpus=""), "info"),
    ("numa-memory-only", nodes(), "ok"),
    ("memory-module-speed", {DMI: memory_device(8192, 5600, 4800, "A1") + END_OF_TABLE}, "info"),
    ("memory-module-speed", {DMI: memory_device(8192, 4800, 4800, "A1") + END_OF_TABLE}, "ok"),
    ("memory-module-speed", {}, "not-applicable"),
    (
        "memory-module-slots",
        {DMI: memory_device(8192, 1, 1, "A1") + memory_device(0, 0, 0, "A2") * 3 + END_OF_TABLE},
        "info",
    ),
    ("memory-module-slots", {DMI: memory_device(8192, 1, 1, "A1") * 2 + END_OF_TABLE}, "ok"),
]


@pytest.mark.parametrize(
    ("check_id", "files", "status"), CASES, ids=[f"{c[0]}-{c[2]}-{n}" for n, c in enumerate(CASES)]
)
def test_verdict(tmp_path: Path, check_id: str, files: dict[str, str | bytes], status: str) -> None:
    finding = judge(tmp_path, check_id, files)
    assert finding.status == status, finding.what
    if status in ("problem", "warning"):
        assert finding.evidence
        assert finding.effect
        assert finding.fix

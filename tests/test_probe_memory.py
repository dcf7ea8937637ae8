from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.dimms import parse_dimms, probe_dimms
from llmtune.probe.limits import UNLIMITED, parse_limits
from llmtune.probe.meminfo import parse_meminfo
from llmtune.probe.memory import probe_memory
from llmtune.probe.pressure import parse_pressure
from llmtune.probe.reading import Malformed
from llmtune.probe.swap import parse_swaps

MEMINFO = "MemTotal:       1000 kB\nMemAvailable:    600 kB\nHugePages_Total:       4\nHugetlb:        8192 kB\n"


def test_reads_what_the_kernel_tells(tmp_path: Path) -> None:
    memory = probe_memory(
        tree_host(
            tmp_path,
            {
                "/proc/meminfo": MEMINFO,
                "/proc/sys/vm/swappiness": "60",
                "/proc/vmstat": "pgmajfault 12\noom_kill 2\n",
                "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
                "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "4",
                "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "1",
            },
        )
    )
    assert (memory.total_bytes, memory.available_bytes, memory.hugetlb_bytes) == (1000 << 10, 600 << 10, 8 << 20)
    assert memory.settings.swappiness == 60
    assert (memory.faults.major_faults, memory.faults.oom_kills) == (12, 2)
    assert memory.thp.enabled == "madvise"
    assert [(p.page_bytes, p.total_pages, p.free_pages) for p in memory.huge_page_pools] == [(2 << 20, 4, 1)]
    assert memory.pressure.memory is None


def test_an_empty_machine_is_gaps_not_guesses(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {})
    memory = probe_memory(host)
    assert memory.total_bytes is None
    assert memory.swap.devices is None
    assert {gap.source for gap in host.gaps} == {"/proc/meminfo", "/proc/swaps"}


@pytest.mark.parametrize(
    "text", ["", "MemTotal", "MemTotal: -5 kB", "MemTotal: 99999999999999999999999 kB", "\x00\xff"]
)
def test_meminfo_that_says_nothing_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_meminfo(text)


def test_swap_kinds() -> None:
    text = (
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/dev/nvme0n1p3 partition 1024 512 -2\n/dev/zram0 partition 2048 0 100\n/swap\\040file file 4096 0 -3\n"
    )
    assert [(d.name, d.kind, d.total_bytes, d.used_bytes, d.priority) for d in parse_swaps(text)] == [
        ("/dev/nvme0n1p3", "disk", 1 << 20, 512 << 10, -2),
        ("/dev/zram0", "zram", 2 << 20, 0, 100),
        ("/swap file", "file", 4 << 20, 0, -3),
    ]


def test_pressure() -> None:
    text = "some avg10=1.50 avg60=0.20 avg300=0.00 total=1234\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=34\n"
    pressure = parse_pressure(text)
    assert pressure.some is not None
    assert (pressure.some.avg10_percent, pressure.some.total_us) == (1.5, 1234)
    for damaged in ("", "some avg10=x", "some avg10=1.2.3 avg60=0.20 avg300=0.00 total=1"):
        with pytest.raises(Malformed):
            parse_pressure(damaged)


def test_limits() -> None:
    text = (
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max open files            1024                 4096                 files\n"
        "Max locked memory         8388608              unlimited            bytes\n"
    )
    limits = parse_limits(text)
    assert limits["Max open files"].soft == 1024
    assert limits["Max locked memory"].hard == UNLIMITED


def memory_device(size_mib: int, rated: int, configured: int, locator: str) -> bytes:
    """A type 17 structure of SMBIOS 3.2, written by hand after DSP0134."""
    body = bytearray(0x5C)
    body[0], body[1] = 17, len(body)
    body[0x08:0x0C] = (64).to_bytes(2, "little") * 2
    body[0x0C:0x0E] = min(size_mib, 0x7FFF).to_bytes(2, "little")
    body[0x1C:0x20] = size_mib.to_bytes(4, "little")
    body[0x10] = 1
    body[0x12] = 0x22
    body[0x15:0x17] = rated.to_bytes(2, "little")
    body[0x20:0x22] = configured.to_bytes(2, "little")
    return bytes(body) + locator.encode() + b"\0\0"


END_OF_TABLE = bytes((127, 4, 0, 0, 0, 0))


def test_modules() -> None:
    table = memory_device(65536, 5600, 4800, "DIMM A1") + memory_device(0, 0, 0, "DIMM A2") + END_OF_TABLE
    first, second = parse_dimms(table)
    assert (first.locator, first.size_bytes, first.kind) == ("DIMM A1", 64 << 30, "DDR5")
    assert (first.rated_mt_per_s, first.configured_mt_per_s, first.data_bits) == (5600, 4800, 64)
    assert second.size_bytes == 0


def test_bandwidth_is_of_populated_channels(tmp_path: Path) -> None:
    table = memory_device(65536, 4800, 4800, "A1") + memory_device(65536, 4800, 4800, "B1") + END_OF_TABLE
    dimms = probe_dimms(tree_host(tmp_path, {"/sys/firmware/dmi/tables/DMI": table}))
    assert dimms is not None
    assert dimms.bandwidth_bytes_per_s == 2 * 4800 * 1_000_000 * 8


def test_cut_off_table_is_a_gap(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/sys/firmware/dmi/tables/DMI": memory_device(1, 1, 1, "A1")[:-2]})
    assert probe_dimms(host) is None
    assert [gap.reason for gap in host.gaps] == ["malformed"]

from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.cpu import parse_cpuinfo, probe_cpu

CPU = "/sys/devices/system/cpu"


def two_threads_one_core() -> dict[str, str]:
    files = {f"{CPU}/online": "0-1", f"{CPU}/present": "0-3"}
    for cpu in (0, 1):
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = "0-1"
        files[f"{CPU}/cpu{cpu}/topology/core_siblings_list"] = "0-1"
    return files


def test_counts_what_is_online(tmp_path: Path) -> None:
    cpu = probe_cpu(tree_host(tmp_path, two_threads_one_core()))
    assert (cpu.sockets, cpu.cores, cpu.threads, cpu.threads_per_core) == (1, 1, 2, 2)
    assert cpu.offline_cpus == (2, 3)


def test_affinity_is_of_this_process(tmp_path: Path) -> None:
    files = two_threads_one_core() | {"/proc/self/status": "Name:\tx\nCpus_allowed_list:\t1\n"}
    assert probe_cpu(tree_host(tmp_path, files)).affinity_cpus == (1,)


def test_damaged_list_is_a_gap(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {f"{CPU}/isolated": "0-99999999999"})
    assert probe_cpu(host).isolated_cpus is None
    assert [(gap.source, gap.reason) for gap in host.gaps if "isolated" in gap.source] == [
        (f"{CPU}/isolated", "malformed")
    ]


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("", set()),
        ("processor\t: 0\nmodel name\t: X\n\nprocessor\t: 1\n", {0, 1}),
        ("vendor_id       : IBM/S390\nprocessor 0: version = 00\nprocessor 1: version = 00\n", {0, 1}),
        ("processor\t: 99999999\n", {0}),
    ],
)
def test_parse_cpuinfo(text: str, cpus: set[int]) -> None:
    assert set(parse_cpuinfo(text)) == cpus

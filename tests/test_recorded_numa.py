"""The NUMA and memory probes against recorded machines and what hwloc and lsmem say of them."""

import csv
import re

import pytest
from recorded import expected_answers, machine_host, machine_names, readable_machines, recordings_folder

from llmtune.probe.memory import probe_memory
from llmtune.probe.numa import Numa, probe_numa

MATRIX = re.compile(
    r"^Relative latency matrix \(name NUMALatency.*?\n.*?index((?: +[0-9]+)+)\n((?: +[0-9]+(?: +[0-9]+)+\n?)+)", re.M
)
HWLOC_NODE = re.compile(r"NUMANode\S* L#([0-9]+) \(P#([0-9]+) local=([0-9]+)(KiB|MiB|GiB)")
UNIT = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def index_rows() -> list[tuple[str, int]]:
    folder = recordings_folder()
    if folder is None:
        return []
    with (folder / "INDEX.csv").open() as stream:
        rows = [(row["file"].removesuffix(".tar.xz"), row["numa_nodes"]) for row in csv.DictReader(stream)]
    return [(name, int(nodes)) for name, nodes in rows if nodes and name in readable_machines()]


@pytest.mark.parametrize(("name", "nodes"), index_rows())
def test_number_of_nodes(name: str, nodes: int) -> None:
    assert len(probe_numa(machine_host(name)).nodes) == nodes


def consoles() -> list[tuple[str, str]]:
    return [
        (name, title)
        for name in machine_names()
        for title, text in expected_answers(name).items()
        if title.endswith(".console") and "NUMANode" in text
    ]


@pytest.mark.parametrize(("name", "title"), consoles())
def test_distances_and_memory_as_hwloc(name: str, title: str) -> None:
    text = expected_answers(name)[title]
    numa = probe_numa(machine_host(name))
    nodes = {node.id: node for node in numa.nodes}
    for _, number, size, unit in HWLOC_NODE.findall(text):
        node = nodes.get(int(number))
        if node is not None and node.total_bytes is not None:
            # hwloc rounds, and takes huge pages of another node's pool off.
            assert abs(node.total_bytes - int(size) * UNIT[unit]) <= UNIT[unit], number
    match = MATRIX.search(text)
    if match is None:
        return
    columns = [int(word) for word in match[1].split()]
    order = {int(logical): int(number) for logical, number, _, _ in HWLOC_NODE.findall(text)}
    for line in match[2].splitlines():
        row, *distances = (int(word) for word in line.split())
        for column, distance in zip(columns, distances, strict=True):
            assert distance_between(numa, order[row], order[column]) == distance


def distance_between(numa: Numa, first: int, second: int) -> int:
    position = [node.id for node in numa.nodes].index(second)
    return next(node for node in numa.nodes if node.id == first).distances[position]


def test_huge_pages_of_a_recorded_machine() -> None:
    name = "hwloc-linux__32intel64-2p8co2t+8ve"
    if name not in machine_names():
        pytest.skip("no recorded machines at hand; name their folder in LLMTUNE_MACHINES")
    pools = {pool.page_bytes: pool.total_pages for pool in probe_memory(machine_host(name)).huge_page_pools}
    assert pools == {2 << 20: 4096, 1 << 30: 0}

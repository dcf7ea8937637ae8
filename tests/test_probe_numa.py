from pathlib import Path

from trees import tree_host

from llmtune.probe.numa import probe_numa

NODE = "/sys/devices/system/node"


def two_nodes() -> dict[str, str]:
    files = {f"{NODE}/online": "0,2"}
    for number, cpus, distances, kib in ((0, "0-1", "10 21", 1024), (2, "", "21 10", 2048)):
        files[f"{NODE}/node{number}/cpulist"] = cpus
        files[f"{NODE}/node{number}/distance"] = distances
        files[f"{NODE}/node{number}/meminfo"] = (
            f"Node {number} MemTotal:       {kib} kB\nNode {number} MemFree:        512 kB\n"
        )
        files[f"{NODE}/node{number}/hugepages/hugepages-2048kB/nr_hugepages"] = "3"
    return files


def test_nodes_and_their_memory(tmp_path: Path) -> None:
    nodes = probe_numa(tree_host(tmp_path, two_nodes())).nodes
    assert [(node.id, node.cpus, node.total_bytes, node.distances) for node in nodes] == [
        (0, (0, 1), 1 << 20, (10, 21)),
        (2, (), 2 << 20, (21, 10)),
    ]
    assert [node.memory_only for node in nodes] == [False, True]
    assert nodes[0].huge_page_pools[0].total_pages == 3


def test_no_node_directory_means_no_nodes(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {})
    assert probe_numa(host).nodes == ()
    assert host.gaps == []


def test_damaged_distance_is_a_gap(tmp_path: Path) -> None:
    host = tree_host(tmp_path, two_nodes() | {f"{NODE}/node0/distance": "10 \x00\xff"})
    assert probe_numa(host).nodes[0].distances == ()
    assert [gap.reason for gap in host.gaps] == ["malformed"]

"""Threads from affinity, quota, topology and neighbours."""

from pathlib import Path

from trees import tree_host

from llmtune.advisors.plan import Threads
from llmtune.advisors.resources import Processor
from llmtune.advisors.threads import choose_threads
from llmtune.probe.snapshot import take_snapshot

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
GIB = 1 << 30


def machine(cpus: int = 8, threads_per_core: int = 1) -> dict[str, str]:
    files = {f"{CPU}/online": f"0-{cpus - 1}", f"{CPU}/present": f"0-{cpus - 1}"}
    for cpu in range(cpus):
        first = cpu - cpu % threads_per_core
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{first}-{first + threads_per_core - 1}"
    return files


def two_nodes(remote: int = 21) -> dict[str, str]:
    files = {f"{NODE}/online": "0-1"}
    for node in (0, 1):
        files[f"{NODE}/node{node}/cpulist"] = f"{4 * node}-{4 * node + 3}"
        files[f"{NODE}/node{node}/distance"] = f"10 {remote}" if node == 0 else f"{remote} 10"
        files[f"{NODE}/node{node}/meminfo"] = (
            f"Node {node} MemTotal: {32 << 20} kB\nNode {node} MemFree: {20 << 20} kB\n"
            f"Node {node} FilePages: {4 << 20} kB\n"
        )
    return files


def choose(
    root: Path,
    files: dict[str, str],
    *,
    cpus: float | None = None,
    busy: float = 0.0,
    all_on_gpu: bool = False,
    host_bytes: int = GIB,
    gpu_node: int | None = None,
) -> Threads:
    snapshot = take_snapshot(tree_host(root, files), disk_interval_s=0)
    effective = snapshot.effective
    processor = Processor(
        cpus=cpus if cpus is not None else effective.cpus or 1.0,
        cpu_list=effective.cpu_list,
        cores=effective.cores or 1,
        bandwidth_bytes=None,
        flops=None,
        features=frozenset(),
        busy_cpus=busy,
    )
    return choose_threads(snapshot, processor, all_on_gpu=all_on_gpu, host_bytes=host_bytes, gpu_node=gpu_node)


def test_one_thread_a_core(tmp_path: Path) -> None:
    assert choose(tmp_path / "a", machine()).decode == 8
    smt = choose(tmp_path / "b", machine(8, 2))
    assert (smt.decode, smt.batch, smt.numa) == (4, 4, "none")
    assert "8 CPUs are 4 cores" in smt.why[0]


def test_affinity_and_quota_limit(tmp_path: Path) -> None:
    assert choose(tmp_path / "a", machine() | {"/proc/self/status": "Cpus_allowed_list:\t0-2\n"}).decode == 3
    assert choose(tmp_path / "b", machine(), cpus=2.5).decode == 2
    assert choose(tmp_path / "c", machine(), cpus=0.5).decode == 1


def test_neighbours_take_their_share(tmp_path: Path) -> None:
    assert choose(tmp_path / "a", machine(2), busy=1.0).decode == 1
    assert choose(tmp_path / "b", machine(2), busy=0.2).decode == 2
    assert choose(tmp_path / "c", machine(2), busy=2.0).decode == 1
    assert choose(tmp_path / "d", machine(8), busy=3.0).decode == 5


def test_only_the_fast_cores_of_a_hybrid(tmp_path: Path) -> None:
    kinds = {"/sys/devices/cpu_core/cpus": "0-3", "/sys/devices/cpu_atom/cpus": "4-7"}
    threads = choose(tmp_path, machine(8) | kinds)
    assert (threads.decode, threads.cpus) == (4, (0, 1, 2, 3))


def test_little_to_do_where_gpus_hold_everything(tmp_path: Path) -> None:
    assert choose(tmp_path, machine(8), all_on_gpu=True).decode == 4


def test_a_far_node_is_left_alone(tmp_path: Path) -> None:
    threads = choose(tmp_path, machine() | two_nodes(40), host_bytes=10 * GIB)
    assert (threads.memory_policy, len(threads.memory_nodes), threads.decode, threads.numa) == ("bind", 1, 4, "numactl")


def test_a_gpu_keeps_its_host_memory_near(tmp_path: Path) -> None:
    threads = choose(tmp_path, machine() | two_nodes(), host_bytes=10 * GIB, all_on_gpu=True, gpu_node=1)
    assert (threads.memory_nodes, threads.cpus, threads.memory_policy) == ((1,), (4, 5, 6, 7), "bind")


def test_two_sockets_give_more_than_one(tmp_path: Path) -> None:
    threads = choose(tmp_path, machine() | two_nodes(), host_bytes=10 * GIB)
    assert (threads.memory_policy, threads.memory_nodes, threads.decode) == ("interleave", (0, 1), 8)
    assert threads.numa == "distribute"
    assert "1.3 times one node's bandwidth" in threads.why[-1]


def test_what_does_not_fit_one_node_is_spread_however_far(tmp_path: Path) -> None:
    threads = choose(tmp_path, machine() | two_nodes(40), host_bytes=40 * GIB)
    assert (threads.memory_policy, threads.memory_nodes, threads.decode) == ("interleave", (0, 1), 8)

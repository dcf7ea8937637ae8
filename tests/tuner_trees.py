"""The kernel's files laid out as plain ones, for knobs that are given a folder instead of the machine.

A plain file keeps what a write does not cover, so tests that write use values of the width of those that are there.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from trees import write_tree

from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.knobs.sysctl import RANGES, path_of

THP = "/sys/kernel/mm/transparent_hugepage"
QUEUE = "/sys/block/nvme0n1/queue"
POLICIES = "/sys/devices/system/cpu/cpufreq"
POOLS = "/sys/kernel/mm/hugepages"
NODES = "/sys/devices/system/node"

_STARTS = {
    "vm.dirty_bytes": "0",
    "vm.dirty_background_bytes": "0",
    "vm.overcommit_kbytes": "0",
    "vm.swappiness": "60",
    "vm.dirty_ratio": "20",
    "vm.dirty_background_ratio": "10",
    "vm.overcommit_ratio": "50",
    "vm.min_free_kbytes": "67584",
    "vm.max_map_count": "65530",
}


def sysctl_files() -> dict[str, str]:
    """Every sysctl on the list, in a state that a kernel could be in."""
    return {path_of(key): _STARTS.get(key, str(RANGES[key].low)) + "\n" for key in RANGES}


def thp_files() -> dict[str, str]:
    """Transparent huge pages as Linux 6.18 shows them."""
    return {
        f"{THP}/enabled": "always [madvise] never\n",
        f"{THP}/defrag": "always defer defer+madvise [madvise] never\n",
        f"{THP}/shmem_enabled": "always within_size advise [never] deny force\n",
        f"{THP}/khugepaged/defrag": "1\n",
        f"{THP}/khugepaged/pages_to_scan": "4096\n",
        f"{THP}/khugepaged/scan_sleep_millisecs": "10000\n",
        f"{THP}/khugepaged/alloc_sleep_millisecs": "60000\n",
    }


def pool_files(nodes: Iterable[int] = (0, 1)) -> dict[str, str]:
    """Pools of two sizes, in all and on each node."""
    files = {"/proc/meminfo": "MemTotal:       65536000 kB\nMemFree: 60000000 kB\nHugepagesize:       2048 kB\n"}
    places = [POOLS, *(f"{NODES}/node{node}/hugepages" for node in nodes)]
    for place in places:
        for size in ("2048", "1048576"):
            files[f"{place}/hugepages-{size}kB/nr_hugepages"] = "0\n"
            files[f"{place}/hugepages-{size}kB/surplus_hugepages"] = "0\n"
    return files


def block_files(serial: str = "S1", diskseq: str = "9") -> dict[str, str]:
    """One NVMe disk under mq-deadline."""
    return {
        "/sys/block/nvme0n1/wwid": f"eui.{serial}\n",
        "/sys/block/nvme0n1/diskseq": f"{diskseq}\n",
        "/sys/block/nvme0n1/dev": "259:0\n",
        f"{QUEUE}/scheduler": "none [mq-deadline] kyber bfq\n",
        f"{QUEUE}/nr_requests": "64\n",
        f"{QUEUE}/read_ahead_kb": "128\n",
        f"{QUEUE}/nomerges": "0\n",
        f"{QUEUE}/rq_affinity": "1\n",
        f"{QUEUE}/add_random": "0\n",
        f"{QUEUE}/wbt_lat_usec": "-1\n",
        f"{QUEUE}/max_sectors_kb": "1280\n",
        f"{QUEUE}/iosched/read_expire": "124\n",
        f"{QUEUE}/iosched/front_merges": "1\n",
    }


def cpu_files(cpus: int = 4, per_policy: int = 2) -> dict[str, str]:
    """Policies of an intel_pstate machine, each of several CPUs, with two idle states a CPU."""
    files = {"/sys/devices/system/cpu/intel_pstate/no_turbo": "0\n"}
    for first in range(0, cpus, per_policy):
        policy = f"{POLICIES}/policy{first}"
        files[f"{policy}/affected_cpus"] = " ".join(str(first + n) for n in range(per_policy)) + "\n"
        files[f"{policy}/scaling_governor"] = "powersave\n"
        files[f"{policy}/scaling_available_governors"] = "performance powersave\n"
        files[f"{policy}/energy_performance_preference"] = "balance_performance\n"
        files[f"{policy}/energy_performance_available_preferences"] = (
            "default performance balance_performance balance_power power\n"
        )
        files[f"{policy}/scaling_min_freq"] = "800000\n"
        files[f"{policy}/scaling_max_freq"] = "4800000\n"
        files[f"{policy}/cpuinfo_min_freq"] = "800000\n"
        files[f"{policy}/cpuinfo_max_freq"] = "4800000\n"
    for cpu in range(cpus):
        for state in (0, 1):
            files[f"/sys/devices/system/cpu/cpu{cpu}/cpuidle/state{state}/disable"] = "0\n"
    return files


def pci_files() -> dict[str, str]:
    """One graphics card and the link policy."""
    card = "/sys/bus/pci/devices/0000:01:00.0"
    return {
        f"{card}/vendor": "0x10de\n",
        f"{card}/device": "0x2204\n",
        f"{card}/power/control": "auto\n",
        "/sys/module/pcie_aspm/parameters/policy": "[default] performance powersave powersupersave\n",
        "/dev/cpu_dma_latency": "",
    }


def swap_files(used_kib: int = 0) -> dict[str, str]:
    """A swap partition in use and a file that is no longer."""
    return {
        "/proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        f"/dev/sda2                               partition\t1000\t\t{used_kib}\t\t-2\n",
        "/dev/sda2": "",
        "/swap.old": "",
    }


def system_files() -> dict[str, str]:
    """The directories of the system's administrator."""
    return {"/etc/systemd/system/dbus.service": "", "/etc/security/limits.d/README": ""}


def whole_machine() -> dict[str, str]:
    """A machine with something of every kind."""
    files: dict[str, str] = {"/proc/sys/kernel/random/boot_id": "boot-1\n", "/etc/machine-id": "machine-1\n"}
    for part in (
        sysctl_files(),
        thp_files(),
        pool_files(),
        block_files(),
        cpu_files(),
        pci_files(),
        swap_files(),
        system_files(),
    ):
        files.update(part)
    return files


def lay_out(folder: Path, files: Mapping[str, str]) -> Tree:
    """The files below a folder, as the machine of a knob."""
    write_tree(folder, files)
    return Tree(str(folder))


def put(tree: Tree, path: str, text: str) -> None:
    """Somebody changes a file."""
    Path(tree.path(path)).write_text(text, encoding="utf-8")


def contents(tree: Tree) -> dict[str, bytes]:
    """Every file below the folder with what it holds."""
    root = Path(tree.root)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}

"""Every check of GPUs beside NVML, where it must speak and where it must be silent."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from gpu_machines import ARC, KFD, NULL, RADEON, STRIX_HALO, kfd_node, pci_device
from judging import judge
from trees import Link

from llmtune.advisors.checks import gpu_amd, gpu_place, gpu_setup
from llmtune.probe.host import Answer, Question

Files = Mapping[str, str | bytes | Link]
PLACE = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0"
SECOND = "/sys/devices/pci0000:00/0000:00:01.0/0000:04:00.0"
NODE = {f"{PLACE}/drm/renderD128/dev": "226:128\n", "/sys/class/kfd/kfd/dev": "236:0\n"}
NODES_THERE = NULL | NODE | {"/dev/kfd": "", "/dev/dri/renderD128": ""}
CONTAINER = {"/run/.containerenv": ""}
CONSOLE = pci_device(vendor="0x1a03", driver=None)
GRAPHICS = pci_device(vendor="0x8086", device="0x46a6", driver="i915")
NVIDIA_CARD = pci_device(driver="nvidia", vendor="0x10de", device="0x2684")
TWO_NODES = {
    "/sys/devices/system/cpu/online": "0-3",
    "/sys/devices/system/cpu/present": "0-3",
    "/sys/devices/system/node/node0/cpulist": "0-1",
    "/sys/devices/system/node/node1/cpulist": "2-3",
    "/proc/self/status": "Cpus_allowed_list:\t0-1\n",
}
BATTERY = {"/sys/class/power_supply/BAT0/type": "Battery", "/sys/class/power_supply/BAT0/status": "Full"}
VIRTUAL = {"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor\n\n"}
ROCBLAS = "/opt/rocm/lib/rocblas/library"
NAVI31 = {f"{ROCBLAS}/TensileLibrary_lazy_gfx1100.dat": "", f"{ROCBLAS}/Kernels.so-000-gfx1030.hsaco": ""}
RADEON_HOT = RADEON | {f"{PLACE}/hwmon/hwmon3/temp2_input": "108000\n"}
RADEON_FREE = RADEON | {
    f"{PLACE}/hwmon/hwmon3/power1_cap": "339000000\n",
    f"{PLACE}/mem_info_vis_vram_total": "25753026560\n",
}
RX6600 = pci_device() | kfd_node(gfx=100302)
NAVI44 = pci_device() | kfd_node(gfx=120000)


def asleep(files: Files) -> Files:
    return dict(files) | {f"{PLACE}/power/runtime_status": "suspended\n"}


def two_cards(kind: str | None) -> Files:
    cards = RADEON | pci_device("0000:04:00.0") | kfd_node(2, location=0x400)
    cards["/sys/kernel/iommu_groups/reserved"] = ""
    if kind:
        for place, group in ((PLACE, 7), (SECOND, 8)):
            cards[f"{place}/iommu_group"] = Link(f"../../../../kernel/iommu_groups/{group}")
            cards[f"/sys/kernel/iommu_groups/{group}/type"] = kind
    return cards


@pytest.mark.parametrize(
    ("check", "files", "status", "words"),
    [
        ("gpu-no-driver", {}, "not-applicable", "no GPU"),
        ("gpu-no-driver", CONSOLE, "not-applicable", "no GPU"),
        ("gpu-no-driver", RADEON, "ok", "every GPU"),
        ("gpu-no-driver", pci_device(driver=None, vendor="0x10de", device="0x2684"), "warning", "0000:03:00.0"),
        ("gpu-no-driver", pci_device(driver=None), "info", "a loss if it is a card"),
        ("gpu-no-driver", pci_device(driver=None, code="0x038000"), "warning", "no kernel driver"),
        ("gpu-no-driver", pci_device(vendor="0x8086", device="0x46a6", driver=None), "info", "integrated"),
        (
            "gpu-no-driver",
            pci_device(driver=None) | pci_device("0000:04:00.0", vendor="0x10de", device="0x2684", driver="nvidia"),
            "info",
            "",
        ),
        ("gpu-nouveau", pci_device(driver="nouveau", vendor="0x10de", device="0x2684"), "warning", "nouveau runs"),
        ("gpu-nouveau", pci_device(vendor="0x10de", device="0x1180", driver="nouveau"), "info", "older"),
        ("gpu-nouveau", NVIDIA_CARD, "ok", "nouveau"),
        ("gpu-nouveau", RADEON, "not-applicable", "no NVIDIA"),
        ("gpu-vfio", pci_device(driver="vfio-pci", vendor="0x10de", device="0x2684"), "info", "vfio-pci keeps"),
        ("gpu-vfio", RADEON, "ok", ""),
        ("gpu-device-nodes", RADEON, "unknown", "no /dev"),
        ("gpu-device-nodes", CONSOLE | NULL, "not-applicable", "no GPU"),
        ("gpu-device-nodes", RADEON | NODES_THERE, "unknown", "only the machine itself"),
        ("gpu-device-nodes", RADEON | NODE | NULL, "warning", "/dev/dri/renderD128, /dev/kfd is missing"),
        ("gpu-device-nodes", RADEON | NODE | NULL | CONTAINER, "info", "not given"),
        ("gpu-device-nodes", RADEON | NODE | NULL | CONTAINER | {"/dev/kfd": ""}, "warning", "/dev/dri/renderD128"),
        ("gpu-device-nodes", NVIDIA_CARD | NULL, "info", "first CUDA program"),
        ("gpu-device-nodes", NVIDIA_CARD | NULL | CONTAINER, "info", "not given"),
        ("gpu-suspended", asleep(RADEON), "info", "sleeps"),
        ("gpu-suspended", RADEON, "unknown", ""),
        ("gpu-suspended", RADEON | {f"{PLACE}/power/runtime_status": "active"}, "ok", ""),
        ("gpu-unified-memory", STRIX_HALO, "info", "AMD Strix Halo"),
        ("gpu-unified-memory", {"/proc/device-tree/model": "NVIDIA Jetson Orin Nano"}, "info", "Jetson Orin Nano"),
        ("gpu-unified-memory", {"/sys/devices/soc0/soc_id": "jep106:0426:8901"}, "info", "NVIDIA GB10"),
        ("gpu-unified-memory", GRAPHICS, "info", "Intel"),
        ("gpu-unified-memory", RADEON, "not-applicable", ""),
        ("gpu-unified-memory", {"/sys/devices/soc0/soc_id": "jep106:0070:01a1"}, "not-applicable", ""),
        ("gpu-pcie-bridge", pci_device(slot=4) | kfd_node(), "warning", "16 PCIe lanes and has 4"),
        ("gpu-pcie-bridge", pci_device(slot=1, driver="nvidia", vendor="0x10de", device="0x2684"), "warning", "has 1"),
        ("gpu-pcie-bridge", pci_device(slot=8) | kfd_node(), "info", "has 8"),
        ("gpu-pcie-bridge", pci_device(slot=4) | kfd_node() | BATTERY, "info", "has 4"),
        ("gpu-pcie-bridge", pci_device(slot=4) | kfd_node() | VIRTUAL, "not-applicable", "virtual"),
        ("gpu-pcie-bridge", RADEON, "ok", "all its lanes"),  # at 2.5 of 16 GT/s, since it is idle
        ("gpu-pcie-bridge", pci_device(slot=4) | kfd_node(gfx=110501), "not-applicable", "no GPU on a card"),
        ("gpu-pcie-bridge", pci_device(width=8, slot=16, vendor="0x10de", device="0x2684"), "ok", ""),
        ("gpu-numa-node", RADEON | TWO_NODES | {f"{PLACE}/numa_node": "1"}, "info", "node 1 (CPUs 2-3)"),
        ("gpu-numa-node", RADEON | TWO_NODES | {f"{PLACE}/numa_node": "0"}, "ok", ""),
        ("gpu-numa-node", RADEON | TWO_NODES, "unknown", "firmware"),
        ("gpu-numa-node", RADEON, "not-applicable", "one NUMA node"),
        ("gpu-iommu", two_cards("DMA-FQ"), "info", "translates"),
        ("gpu-iommu", two_cards("identity"), "ok", "through"),
        ("gpu-iommu", two_cards(None), "ok", "no IOMMU"),
        ("gpu-iommu", RADEON, "not-applicable", "fewer than two"),
        ("amd-gfx-target", RADEON | NAVI31, "ok", "gfx1100"),
        ("amd-gfx-target", RX6600 | NAVI31, "warning", "no kernels for gfx1032"),
        ("amd-gfx-target", STRIX_HALO | NAVI31, "info", "no kernels for gfx1151"),
        ("amd-gfx-target", RADEON, "info", "no rocBLAS"),
        ("amd-gfx-target", NVIDIA_CARD, "not-applicable", "no AMD GPU"),
        ("amd-power-cap", RADEON, "info", "250 W from 339 W"),
        ("amd-power-cap", RADEON_FREE, "ok", "339 W"),
        ("amd-power-cap", STRIX_HALO, "unknown", ""),
        ("amd-visible-vram", RADEON, "info", "0.25 of 24 GiB"),
        ("amd-visible-vram", RADEON_FREE, "ok", ""),
        ("amd-visible-vram", STRIX_HALO, "not-applicable", "shares"),
        ("amd-temperature", RADEON_HOT, "warning", "108 °C"),
        ("amd-temperature", RADEON, "ok", "52 °C of 110 °C"),
        ("amd-temperature", asleep(RADEON_HOT), "unknown", ""),
        ("amd-temperature", ARC, "not-applicable", "no AMD GPU"),
    ],
)
def test_judgement(tmp_path: Path, check: str, files: Files, status: str, words: str) -> None:
    finding = judge(tmp_path, check, files)
    assert (finding.status, words in finding.what) == (status, True), finding.what


def test_closed_nodes_name_their_group(tmp_path: Path) -> None:
    answers: dict[Question, Answer] = {
        ("access", "/dev/kfd"): False,
        ("access", "/dev/dri/renderD128"): True,
        ("stat", "/dev/kfd"): {"kind": "char", "size": 0, "uid": 0, "gid": 109, "mode": 0o660},
    }
    files = RADEON | NODES_THERE | {"/etc/group": "root:x:0:\nrender:x:109:\n"}
    finding = judge(tmp_path, "gpu-device-nodes", files, answers)
    assert (finding.status, finding.what) == ("warning", "this user may not open /dev/kfd")
    assert finding.fix == 'sudo usermod -aG render "$USER"   # then log in again'
    assert finding.undo == 'sudo gpasswd -d "$USER" render'


def test_a_gb10_has_no_slot(tmp_path: Path) -> None:
    files = pci_device(driver="nvidia", vendor="0x10de", device="0x2e12", slot=1)
    assert judge(tmp_path / "card", "gpu-pcie-bridge", files).status == "warning"
    files |= {"/sys/devices/soc0/soc_id": "jep106:0426:8901"}
    assert judge(tmp_path / "gb10", "gpu-pcie-bridge", files).status == "not-applicable"


def test_open_nodes_are_good(tmp_path: Path) -> None:
    answers: dict[Question, Answer] = {("access", "/dev/kfd"): True, ("access", "/dev/dri/renderD128"): True}
    assert judge(tmp_path, "gpu-device-nodes", RADEON | NODES_THERE, answers).status == "ok"


def test_override_only_where_it_can_work(tmp_path: Path) -> None:
    fix = judge(tmp_path / "a", "amd-gfx-target", RX6600 | NAVI31).fix
    assert fix is not None
    assert fix.startswith("export HSA_OVERRIDE_GFX_VERSION=10.3.0")
    fix = judge(tmp_path / "b", "amd-gfx-target", NAVI44 | NAVI31).fix
    assert fix is not None
    assert "Vulkan" in fix
    assert "HSA" not in fix


def test_power_cap_is_undone_with_the_value_found(tmp_path: Path) -> None:
    finding = judge(tmp_path, "amd-power-cap", RADEON)
    assert finding.fix is not None
    assert finding.fix.startswith("echo 339000000 | sudo tee /sys/bus/pci/devices/0000:03:00.0/hwmon")
    assert finding.undo is not None
    assert finding.undo.startswith("echo 250000000 |")


def test_a_damaged_topology_alarms_nobody(tmp_path: Path) -> None:
    files = {f"{KFD}/1/properties": "simd_count x\n", f"{KFD}/2/properties": "simd_count 4\ngfx_target_version 1\n"}
    for n, check in enumerate((*gpu_setup.CHECKS, *gpu_place.CHECKS, *gpu_amd.CHECKS)):
        assert judge(tmp_path / str(n), check.id, files).status not in ("problem", "warning")

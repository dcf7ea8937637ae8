from pathlib import Path

import pytest
from gpu_machines import ARC, PCI, RADEON, STRIX_HALO, kfd_node, pci_device
from trees import Link, tree_host

from llmtune.probe.gpu.amd import parse_dpm
from llmtune.probe.gpu.bare import find_pci_name
from llmtune.probe.gpu.gpus import probe_gpus
from llmtune.probe.gpu.intel import parse_bar_bytes
from llmtune.probe.gpu.kfd import bus_address, gfx_name
from llmtune.probe.gpu.pci import parse_generation, parse_width, read_display_devices
from llmtune.probe.gpu.setup import parse_minor
from llmtune.probe.gpu.types import Gpu
from llmtune.probe.gpu.unified import read_unified
from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.live import LiveSource
from llmtune.probe.reading import Malformed, Unreadable

Files = dict[str, str | bytes | Link]


def only_gpu(root: Path, files: Files) -> Gpu:
    host = tree_host(root, files)
    (gpu,) = probe_gpus(host).gpus
    assert host.gaps == []
    return gpu


@pytest.mark.parametrize(
    ("text", "generation"),
    [("2.5 GT/s PCIe", 1), ("5 GT/s", 2), ("8.0 GT/s PCIe", 3), ("16.0 GT/s PCIe", 4), ("32.0 GT/s PCIe", 5)],
)
def test_link_speed(text: str, generation: int) -> None:
    assert parse_generation(text) == generation


def test_unknown_links_are_none() -> None:
    assert parse_generation("Unknown") is None
    assert (parse_width("0"), parse_width("255"), parse_width("63"), parse_width("16")) == (None, None, None, 16)
    with pytest.raises(Malformed):
        parse_generation("16.0 parsecs")


@pytest.mark.parametrize(
    ("version", "name"),
    [(110000, "gfx1100"), (90010, "gfx90a"), (90012, "gfx90c"), (90402, "gfx942"), (100300, "gfx1030")],
)
def test_gfx_target(version: int, name: str) -> None:
    assert gfx_name(version) == name


@pytest.mark.parametrize("version", [1, 99, 170000000, 11_9900])
def test_gfx_target_that_cannot_be(version: int) -> None:
    with pytest.raises(Malformed):
        gfx_name(version)


def test_addresses_of_the_topology() -> None:
    assert bus_address(0, 25344) == "0000:63:00.0"
    assert bus_address(0x10000, 0xC1FB) == "10000:c1:1f.3"


def test_clock_levels() -> None:
    assert parse_dpm("S: 19Mhz *\n0: 500Mhz\n1: 2482Mhz\n") == (19, 2482)
    assert parse_dpm("0: 96Mhz *\n") == (96, 96)
    with pytest.raises(Malformed):
        parse_dpm("OD_SCLK:")


def test_names_of_pci_ids() -> None:
    ids = b"# list\n1002  AMD\n\t744c  Navi 31\n\t\t1da2 471e  NITRO\n10de  NVIDIA\n\t2684  AD102\n"
    assert find_pci_name(ids, 0x10DE, 0x2684) == "AD102"
    assert find_pci_name(ids, 0x1002, 0x744C) == "Navi 31"
    assert find_pci_name(ids, 0x1002, 0x2684) is None
    assert find_pci_name(ids, 0x8086, 0x56A0) is None


def test_third_bar() -> None:
    assert parse_bar_bytes("0 0 0\n0 0 0\n0x6000000000 0x63ffffffff 0x14220c") == 16 << 30
    for text in ("", "0 0 0", "0 0 0\n0 0 0\n9 1 0", "x\ny\nz z z"):
        with pytest.raises(Malformed):
            parse_bar_bytes(text)


def test_minor_of_nvidia() -> None:
    assert parse_minor("Model: \t\t X\nDevice Minor: \t 3\n") == 3
    with pytest.raises(Malformed):
        parse_minor("Model: X\n")


def test_bus_tells_device_and_slot(tmp_path: Path) -> None:
    (device,) = read_display_devices(tree_host(tmp_path, pci_device(slot=4, numa_node="1\n")))
    assert (device.vendor_id, device.device_id, device.driver) == (0x1002, 0x744C, "amdgpu")
    assert (device.numa_node, device.local_cpus) == (1, tuple(range(8)))
    assert (device.link.generation_now, device.link.generation_max, device.link.width_max) == (1, 4, 16)
    assert device.bridge is not None
    assert device.bridge.width_max == 4


@pytest.mark.parametrize("vendor", ["0x1a03", "0x102b", "0x1af4", "0x1b36", "0x1234", "0x1013", "0x15ad", "0x1414"])
def test_consoles_are_no_gpus(tmp_path: Path, vendor: str) -> None:
    host = tree_host(tmp_path, pci_device(vendor=vendor, driver=None))
    assert read_display_devices(host)[0].console
    assert probe_gpus(host).gpus == ()


def test_radeon(tmp_path: Path) -> None:
    gpu = only_gpu(tmp_path, RADEON)
    assert (gpu.vendor, gpu.name, gpu.architecture, gpu.integrated) == ("amd", "Radeon RX 7900 XTX", "gfx1100", False)
    assert gpu.memory.kind == "dedicated"
    assert gpu.memory.free_bytes == 25753026560 - 1073741824
    assert gpu.memory.visible_bytes == 256 << 20
    assert (gpu.power.draw_mw, gpu.power.limit_mw, gpu.power.default_limit_mw) == (25_000, 250_000, 339_000)
    assert (gpu.temperature_c, gpu.slowdown_temperature_c) == (52, 110)
    assert (gpu.clocks.core_mhz, gpu.clocks.core_max_mhz, gpu.clocks.memory_max_mhz) == (1200, 2482, 1249)
    assert gpu.utilization_percent == 3


def test_sleeping_radeon_is_left_asleep(tmp_path: Path) -> None:
    place = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0"
    host = tree_host(tmp_path, RADEON | {f"{place}/power/runtime_status": "suspended\n"})
    (gpu,) = probe_gpus(host).gpus
    asked = {str(question[1]).rpartition("/")[2] for question in host.answers if question[0] in ("read", "list")}
    assert gpu.memory.total_bytes == 25753026560
    assert gpu.temperature_c is None
    assert not asked & {"gpu_busy_percent", "pp_dpm_sclk", "hwmon", "temp1_input", "current_link_speed"}


def test_strix_halo_shares_memory(tmp_path: Path) -> None:
    host = tree_host(tmp_path, STRIX_HALO)
    gpus = probe_gpus(host).gpus
    assert (gpus[0].architecture, gpus[0].integrated, gpus[0].memory.kind) == ("gfx1151", True, "unified")
    assert gpus[0].memory.gtt_total_bytes == 66571993088
    unified = read_unified(host, gpus)
    assert unified is not None
    assert unified.kind == "AMD Strix Halo"


def test_memory_of_an_unknown_chip_is_not_called_dedicated(tmp_path: Path) -> None:
    gpu = only_gpu(tmp_path, pci_device(device="0x164e", mem_info_vram_total="536870912\n"))
    assert (gpu.integrated, gpu.memory.kind, gpu.memory.total_bytes) == (None, None, 536870912)


def test_addresses_with_long_domains_come_in_order(tmp_path: Path) -> None:
    files = pci_device("10000:01:00.0") | pci_device("0002:01:00.0")
    devices = read_display_devices(tree_host(tmp_path, files))
    assert [device.pci_address for device in devices] == ["0002:01:00.0", "10000:01:00.0"]


def test_target_from_the_graphics_core_where_there_is_no_kfd(tmp_path: Path) -> None:
    core = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0/ip_discovery/die/0/GC/0"
    gpu = only_gpu(tmp_path, pci_device() | {f"{core}/major": "10", f"{core}/minor": "3", f"{core}/revision": "4"})
    assert gpu.architecture == "gfx1032"


def test_arc(tmp_path: Path) -> None:
    gpu = only_gpu(tmp_path, ARC)
    assert (gpu.vendor, gpu.integrated, gpu.memory.kind) == ("intel", False, "dedicated")
    assert (gpu.memory.total_bytes, gpu.memory.free_bytes) == (17079205888, 16000000000)
    assert gpu.memory.visible_bytes == 16 << 30
    assert (gpu.clocks.core_mhz, gpu.clocks.core_max_mhz) == (None, 2400)
    assert gpu.power.limit_mw == 190_000


def test_intel_graphics_share_memory(tmp_path: Path) -> None:
    gpu = only_gpu(tmp_path, pci_device(vendor="0x8086", device="0x46a6", driver="i915"))
    assert (gpu.integrated, gpu.memory.kind, gpu.memory.total_bytes) == (True, "unified", None)


def test_nvidia_without_its_library(tmp_path: Path) -> None:
    gpu = only_gpu(tmp_path, pci_device(driver="nouveau", vendor="0x10de", device="0x2684"))
    assert (gpu.vendor, gpu.driver, gpu.pci_address, gpu.name) == ("nvidia", "nouveau", "0000:03:00.0", None)


def test_nvidia_that_answers_is_not_shown_twice(tmp_path: Path) -> None:
    answers: dict[Question, Answer | Unreadable] = {
        ("nvml", "nvmlDeviceGetCount"): 1,
        ("nvml", "nvmlDeviceGetPciInfo", 0): {"busId": "00000000:03:00.0"},
        ("nvml", "nvmlDeviceGetName", 0): "NVIDIA GeForce RTX 4090",
    }
    host = tree_host(tmp_path, pci_device(driver="nvidia", numa_node="1", vendor="0x10de", device="0x2684"), answers)
    (gpu,) = probe_gpus(host).gpus
    assert (gpu.name, gpu.numa_node, gpu.driver) == ("NVIDIA GeForce RTX 4090", 1, "nvidia")


def test_sleeping_nvidia_is_not_asked(tmp_path: Path) -> None:
    files = pci_device(driver="nvidia", vendor="0x10de", device="0x2684", power__runtime_status="suspended\n")
    host = tree_host(tmp_path, files, {("nvml", "nvmlDeviceGetCount"): 1})
    (gpu,) = probe_gpus(host).gpus
    assert (gpu.vendor, gpu.driver, gpu.name) == ("nvidia", "nvidia", None)
    assert not [question for question in host.answers if question[0] == "nvml"]


def test_links_of_the_topology(tmp_path: Path) -> None:
    files = kfd_node(1, location=0x100) | kfd_node(2, location=0x200) | kfd_node(3, location=0x300)
    nodes = "/sys/class/kfd/kfd/topology/nodes"
    files[f"{nodes}/1/io_links/0/properties"] = "type 11\nnode_from 1\nnode_to 2\n"
    files[f"{nodes}/1/p2p_links/0/properties"] = "type 2\nnode_from 1\nnode_to 3\n"
    files[f"{nodes}/2/io_links/0/properties"] = "type 2\nnode_from 2\nnode_to 0\n"
    system = probe_gpus(tree_host(tmp_path, files))
    assert [(pair.first, pair.second, pair.kind) for pair in system.pairs] == [(0, 1, "XGMI"), (0, 2, "PCIe")]


def test_only_the_live_machine_knows_who_may_open(tmp_path: Path) -> None:
    assert Host(LiveSource()).may_open("/dev/null") is True
    assert Host(LiveSource()).may_open(str(tmp_path / "nothing")) is False
    assert tree_host(tmp_path, {"/dev/null": ""}).may_open("/dev/null") is None


def test_no_gpu_costs_few_questions(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {f"{PCI}/0000:00:{n:02x}.0/class": "0x020000" for n in range(20)})
    assert probe_gpus(host).gpus == ()
    assert len(host.answers) < 50


def test_rocm_and_module_versions(tmp_path: Path) -> None:
    more = {"/opt/rocm/.info/version": "6.4.1-83\n", "/sys/module/amdgpu/version": "6.12.12\n", "/dev/kfd": ""}
    (stack,) = probe_gpus(tree_host(tmp_path, RADEON | more)).stacks
    assert (stack.vendor, stack.driver_version, stack.module_version) == ("amd", "6.4.1-83", "6.12.12")
    assert stack.device_nodes == ("/dev/kfd",)


def test_gb10_shares_memory(tmp_path: Path) -> None:
    files = pci_device(driver="nvidia", vendor="0x10de", device="0x2e12")
    gpu = only_gpu(tmp_path, files | {"/sys/devices/soc0/soc_id": "jep106:0426:8901"})
    assert (gpu.integrated, gpu.memory.kind) == (True, "unified")


def test_jetson(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0"})
    unified = read_unified(host, ())
    assert unified is not None
    assert unified.kind == "NVIDIA Jetson AGX Orin Developer Kit"


def test_garbage_is_a_gap_and_no_gpu_is_lost(tmp_path: Path) -> None:
    files = pci_device(
        mem_info_vram_total="-7", gpu_busy_percent="9999", pp_dpm_sclk="\x00\x01", max_link_speed="fast", numa_node="x"
    )
    files |= {f"{PCI}/not-an-address/class": "0x030000", "/sys/class/kfd/kfd/topology/nodes/1/properties": "a b\n"}
    host = tree_host(tmp_path, files)
    (gpu,) = probe_gpus(host).gpus
    assert gpu.memory.total_bytes is None
    assert gpu.utilization_percent is None
    assert {gap.reason for gap in host.gaps} == {"malformed"}


def test_intel_accelerators_are_no_gpus(tmp_path: Path) -> None:
    host = tree_host(tmp_path, pci_device(vendor="0x8086", device="0x7d1d", driver="intel_vpu", code="0x120000"))
    assert read_display_devices(host) == ()

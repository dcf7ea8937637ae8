"""One Intel GPU at several moments, from made trees."""

import time
from pathlib import Path

from gpu_machines import ARC, PCI, pci_device
from trees import Link, write_tree

from llmtune.probe.gpu.pci import read_display_devices
from llmtune.probe.host import Host
from llmtune.probe.sample.gpu_drm import DrmUsers
from llmtune.probe.sample.gpu_intel import IntelReader
from llmtune.probe.tree import TreeSource

CARD = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0"
BATTLEMAGE = pci_device(
    vendor="0x8086",
    device="0xe20b",
    driver="xe",
    tile0__physical_vram_size_bytes="0x300000000\n",
    tile0__gt0__freq0__act_freq="2300\n",
    tile0__gt0__freq0__rp0_freq="2850\n",
    tile0__gt0__freq0__throttle__status="1\n",
    tile0__gt0__freq0__throttle__reason_pl1="1\n",
    tile0__gt0__freq0__throttle__reason_thermal="0\n",
    tile0__gt0__gtidle__idle_residency_ms="100000\n",
    hwmon__hwmon4__energy1_input="5000000\n",
    hwmon__hwmon4__power1_max="190000000\n",
    hwmon__hwmon4__power1_cap="228000000\n",
    hwmon__hwmon4__temp2_label="pkg\n",
    hwmon__hwmon4__temp2_input="61000\n",
    hwmon__hwmon4__temp3_label="vram\n",
    hwmon__hwmon4__temp3_input="70000\n",
)


def reader(root: Path, files: dict[str, str | bytes | Link]) -> tuple[IntelReader, TreeSource]:
    source = TreeSource(str(write_tree(root, files)))
    (device,) = read_display_devices(Host(source))
    return IntelReader(0, device, DrmUsers()), source


def test_a_card_of_xe(tmp_path: Path) -> None:
    intel, source = reader(tmp_path, BATTLEMAGE)
    first = intel.read(Host(source))
    assert (first.memory_kind, first.total_bytes, first.used_bytes) == ("dedicated", 12 << 30, None)
    assert (first.core_mhz, first.core_max_mhz, first.temperature_c) == (2300, 2850, 61)
    assert first.throttle_reasons == first.throttle_harmful == ("power limit",)
    assert first.power_limit_mw == 190_000
    # Both are rates, of which there is none yet.
    assert (first.power_mw, first.utilization_percent) == (None, None)
    time.sleep(0.1)
    Path(source.root, CARD[1:], "hwmon/hwmon4/energy1_input").write_text("15000000\n")
    second = intel.read(Host(source))
    seconds = second.clock_s - first.clock_s
    assert second.power_mw is not None
    assert 0.5 < second.power_mw / (10_000 / seconds) < 2
    assert second.utilization_percent == 100  # It rested not one millisecond.
    time.sleep(0.1)
    Path(source.root, CARD[1:], "tile0/gt0/gtidle/idle_residency_ms").write_text("900000\n")
    assert intel.read(Host(source)).utilization_percent == 0


def test_a_card_of_i915(tmp_path: Path) -> None:
    more: dict[str, str | bytes | Link] = {
        f"{CARD}/drm/card1/gt/gt0/rps_act_freq_mhz": "0\n",
        f"{CARD}/drm/card1/gt/gt0/throttle_reason_status": "0\n",
        f"{CARD}/drm/card1/gt/gt0/throttle_reason_pl1": "0\n",
        f"{CARD}/drm/card1/gt/gt0/throttle_reason_thermal": "0\n",
        "/proc/5/comm": "ollama\n",
        "/proc/5/fd/3": Link("/dev/dri/renderD128"),
        "/proc/5/fdinfo/3": "drm-pdev: 0000:03:00.0\ndrm-client-id: 2\ndrm-resident-local0: 4096 KiB\n",
    }
    intel, source = reader(tmp_path, ARC | more)
    now = intel.read(Host(source))
    assert (now.memory_kind, now.total_bytes) == ("dedicated", 17079205888)
    assert now.used_bytes == 17079205888 - 16000000000
    assert (now.core_mhz, now.core_max_mhz) == (None, 2400)  # It rests.
    assert (now.throttle_reasons, now.power_limit_mw) == ((), 190_000)
    assert [(user.pid, user.name, user.used_bytes) for user in now.users] == [(5, "ollama", 4 << 20)]


def test_graphics_of_a_processor(tmp_path: Path) -> None:
    machine = pci_device(vendor="0x8086", device="0x7d55", driver="i915", power__runtime_status="active\n")
    memory: dict[str, str | bytes | Link] = {"/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 400 kB\n"}
    intel, source = reader(tmp_path, machine | memory)
    now = intel.read(Host(source))
    assert (now.memory_kind, now.total_bytes, now.used_bytes) == ("unified", 1000 << 10, 600 << 10)
    assert (now.throttle_reasons, now.utilization_percent, now.power_mw) == (None, None, None)
    Path(source.root, CARD[1:], "power/runtime_status").write_text("suspended\n")
    host = Host(source)
    asleep = intel.read(host)
    assert (asleep.asleep, asleep.total_bytes, asleep.used_bytes) == (True, 1000 << 10, None)
    assert list(host.answers) == [("read", f"{PCI}/0000:03:00.0/power/runtime_status")]

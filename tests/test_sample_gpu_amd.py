"""One AMD GPU at several moments, from made trees."""

import struct
from pathlib import Path

import pytest
from gpu_machines import PCI, RADEON, STRIX_HALO
from trees import Link, write_tree

from llmtune.probe.gpu.pci import read_display_devices
from llmtune.probe.host import Host
from llmtune.probe.sample.gpu_amd import AmdReader
from llmtune.probe.sample.gpu_amd_metrics import Throttling, tells_reasons
from llmtune.probe.sample.gpu_drm import DrmUsers, parse_fdinfo
from llmtune.probe.tree import TreeSource

CARD = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0"
ADDRESS = "0000:03:00.0"
FDINFO = """pos:\t0
drm-driver:\tamdgpu
drm-client-id:\t{client}
drm-pdev:\t0000:03:00.0
drm-memory-vram:\t{memory} KiB
drm-memory-gtt: \t2048 KiB
drm-engine-gfx:\t123 ns
"""


def metrics(layout: int, content: int, size: int, **values: tuple[int, int]) -> bytes:
    """A table of that size: `name=(place, value)`, eight bytes each."""
    data = bytearray(size)
    struct.pack_into("<HBB", data, 0, size, layout, content)
    for place, value in values.values():
        struct.pack_into("<Q", data, place, value)
    return bytes(data)


def counted(**counters: int) -> bytes:
    """A table of the layout v3_0, where throttling is counted."""
    data = bytearray(metrics(3, 0, 264))
    names = ("prochot", "spl", "fppt", "sppt", "core", "gfx", "soc")
    struct.pack_into("<7I", data, 228, *(counters.get(name, 7) for name in names))
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (metrics(1, 3, 120), ()),
        (metrics(1, 3, 120, bits=(112, 1 << 0 | 1 << 3 | 1 << 36)), ("power limit", "heat")),
        (metrics(2, 2, 128, bits=(120, 1 << 37 | 1 << 47)), ("heat (chip)", "processor hot")),
        (metrics(2, 4, 164, bits=(120, 1 << 22)), ("current limit",)),
        (metrics(1, 3, 120, bits=(112, (1 << 64) - 1)), None),
        (metrics(1, 3, 116), None),
        (metrics(1, 4, 300), None),
        (b"\x78\x00", None),
    ],
)
def test_throttling_in_bits(data: bytes, words: tuple[str, ...] | None) -> None:
    assert Throttling().words(data) == words


def test_throttling_in_counters() -> None:
    throttled = Throttling()
    assert throttled.words(counted()) is None  # not known yet
    assert throttled.words(counted()) == ()
    assert throttled.words(counted(fppt=9, sppt=8, gfx=8)) == ("power limit", "heat")
    assert throttled.words(counted(fppt=9, sppt=8, gfx=8)) == ()
    assert tells_reasons(counted())
    assert not tells_reasons(metrics(1, 4, 300))


def reader(root: Path, files: dict[str, str | bytes | Link]) -> tuple[AmdReader, TreeSource]:
    source = TreeSource(str(write_tree(root, files)))
    (device,) = read_display_devices(Host(source))
    return AmdReader(0, device, DrmUsers()), source


def test_a_card(tmp_path: Path) -> None:
    users: dict[str, str | bytes | Link] = {
        "/proc/77/comm": "llama-server\n",
        "/proc/77/cgroup": f"0::/system.slice/docker-{'cd' * 32}.scope\n",
        "/proc/77/fd/5": Link("/dev/dri/renderD128"),
        "/proc/77/fdinfo/5": FDINFO.format(client=3, memory=1024),
        "/proc/77/fd/6": Link("/dev/dri/renderD128"),
        "/proc/77/fdinfo/6": FDINFO.format(client=3, memory=1024),
        "/proc/77/fd/7": Link("/dev/dri/card0"),
        "/proc/77/fdinfo/7": FDINFO.format(client=4, memory=512),
        "/proc/78/comm": "compositor\n",
        "/proc/78/fd/9": Link("/dev/dri/card0"),
        "/proc/78/fdinfo/9": FDINFO.format(client=9, memory=0),
        "/proc/79/fd/1": Link("/dev/null"),
    }
    more: dict[str, str | bytes | Link] = {
        f"{CARD}/mem_busy_percent": "41\n",
        f"{CARD}/gpu_metrics": metrics(1, 3, 120, bits=(112, 1 << 35)),
        f"{CARD}/hwmon/hwmon3/freq1_input": "2371000000\n",
        f"{CARD}/hwmon/hwmon3/pwm1": "128\n",
        f"{CARD}/pcie_bw": "1000 250 256\n",
        "/sys/devices/pci0000:00/0000:00:01.0/current_link_width": "4\n",
        f"{PCI}/0000:00:01.0": Link("../../../devices/pci0000:00/0000:00:01.0"),
    }
    amd, source = reader(tmp_path, RADEON | more | users)
    assert (amd.latest.name, amd.latest.pci_address, amd.latest.link_width_max) == (None, ADDRESS, 16)
    now = amd.read(Host(source))
    assert (now.name, now.memory_kind, now.total_bytes) == ("Radeon RX 7900 XTX", "dedicated", 25753026560)
    assert (now.used_bytes, now.utilization_percent, now.memory_busy_percent) == (1073741824, 3, 41)
    assert (now.temperature_c, now.slowdown_temperature_c, now.fan_percent) == (52, 110, 50)
    assert (now.power_mw, now.power_limit_mw) == (25_000, 250_000)
    assert (now.core_mhz, now.core_max_mhz, now.memory_mhz, now.memory_max_mhz) == (2371, 2482, 96, 1249)
    assert now.throttle_reasons == now.throttle_harmful == ("heat",)
    assert (now.pcie_rx_bytes_per_s, now.pcie_tx_bytes_per_s) == (256_000, 64_000)
    assert (now.link_generation_now, now.link_width_now) == (1, 4)
    (user,) = now.users
    assert (user.pid, user.name, user.used_bytes) == (77, "llama-server", 1536 << 10)
    assert user.container == f"docker {'cd' * 6}"
    Path(source.root, CARD[1:], "gpu_busy_percent").write_text("98\n")
    Path(source.root, CARD[1:], "mem_info_vram_used").write_text("2147483648\n")
    later = amd.read(Host(source))
    assert (later.utilization_percent, later.used_bytes) == (98, 2 << 30)
    assert later.clock_s > now.clock_s


def test_a_sleeping_card(tmp_path: Path) -> None:
    amd, source = reader(tmp_path, RADEON | {f"{CARD}/power/runtime_status": "active\n"})
    awake = amd.read(Host(source))
    Path(source.root, CARD[1:], "power/runtime_status").write_text("suspended\n")
    host = Host(source)
    now = amd.read(host)
    assert (now.asleep, now.trouble, now.power_mw, now.utilization_percent) == (True, None, None, None)
    assert (now.name, now.total_bytes) == (awake.name, awake.total_bytes)
    assert list(host.answers) == [("read", f"{PCI}/{ADDRESS}/power/runtime_status")]


def test_a_processor_with_graphics(tmp_path: Path) -> None:
    more: dict[str, str | bytes | Link] = {
        f"{CARD}/mem_info_vram_used": "100000000\n",
        f"{CARD}/mem_info_gtt_used": "40000000000\n",
    }
    amd, source = reader(tmp_path, STRIX_HALO | more)
    now = amd.read(Host(source))
    assert (now.memory_kind, now.used_bytes, now.total_bytes) == ("unified", 40_100_000_000, 536870912 + 66571993088)
    assert (now.throttle_reasons, now.power_mw) == (None, None)


@pytest.mark.parametrize(
    ("text", "own", "shared"),
    [
        (
            "drm-pdev: 0000:03:00.0\ndrm-client-id: 1\ndrm-resident-vram0: 8 MiB\ndrm-total-vram0: 9 MiB\n",
            8 << 20,
            None,
        ),
        ("drm-pdev: 0000:03:00.0\ndrm-resident-local0: 64 KiB\ndrm-resident-system0: 5 KiB\n", 64 << 10, 5 << 10),
        ("drm-pdev: 0000:03:00.0\ndrm-memory-vram: 4 KiB\ndrm-resident-vram: 3 KiB\n", 3 << 10, None),
        ("drm-pdev: 0000:03:00.0\ndrm-memory-vram: lots\n", None, None),
    ],
)
def test_what_an_open_device_tells(text: str, own: int | None, shared: int | None) -> None:
    client = parse_fdinfo(text)
    assert client is not None
    assert (client.address, client.own_bytes, client.shared_bytes) == (ADDRESS, own, shared)


def test_other_open_files_are_no_clients() -> None:
    assert parse_fdinfo("pos:\t0\nflags:\t02\nmnt_id:\t9\n") is None

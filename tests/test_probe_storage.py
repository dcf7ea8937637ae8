"""Block devices and the file systems beneath models, from small trees."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import Link, tree_host

from llmtune.probe.block_devices import Device, bottom_devices, parse_link_speed
from llmtune.probe.gpu.types import PcieLink
from llmtune.probe.host import Answer, Question
from llmtune.probe.reading import Unreadable
from llmtune.probe.storage import Storage, probe_storage

Files = dict[str, str | bytes | Link]

PORT = "/sys/devices/pci0000:00/0000:00:06.0"
FUNCTION = f"{PORT}/0000:04:00.0"
NVME = f"{FUNCTION}/nvme/nvme0/nvme0n1"
NVME_FILES: Files = {
    "/sys/block/nvme0n1": Link("../devices/pci0000:00/0000:00:06.0/0000:04:00.0/nvme/nvme0/nvme0n1"),
    f"{NVME}/device": Link("../../nvme0"),
    f"{FUNCTION}/nvme/nvme0/model": "ACME 9000      \n",
    f"{FUNCTION}/nvme/nvme0/firmware_rev": "1.2\n",
    f"{FUNCTION}/nvme/nvme0/state": "live\n",
    f"{FUNCTION}/nvme/nvme0/transport": "pcie\n",
    f"{FUNCTION}/nvme/nvme0/numa_node": "1\n",
    f"{FUNCTION}/nvme/nvme0/hwmon3/temp1_input": "81850\n",
    f"{FUNCTION}/nvme/nvme0/hwmon3/temp1_max": "81850\n",
    f"{FUNCTION}/current_link_speed": "8.0 GT/s PCIe\n",
    f"{FUNCTION}/max_link_speed": "16.0 GT/s PCIe\n",
    f"{FUNCTION}/current_link_width": "2\n",
    f"{FUNCTION}/max_link_width": "4\n",
    f"{PORT}/max_link_speed": "32.0 GT/s PCIe\n",
    f"{PORT}/max_link_width": "4\n",
    f"{NVME}/dev": "259:0\n",
    f"{NVME}/size": "2000\n",
    f"{NVME}/hidden": "0\n",
    f"{NVME}/queue/scheduler": "[none] mq-deadline kyber\n",
    f"{NVME}/queue/nr_requests": "1023\n",
    f"{NVME}/queue/read_ahead_kb": "128\n",
    f"{NVME}/queue/rotational": "0\n",
    f"{NVME}/queue/logical_block_size": "512\n",
    f"{NVME}/queue/physical_block_size": "4096\n",
    f"{NVME}/queue/write_cache": "write back\n",
    f"{NVME}/nvme0n1p1/dev": "259:1\n",
    f"{NVME}/nvme0n1p3/dev": "259:3\n",
    "/sys/dev/block/259:3": Link("../.." + NVME.removeprefix("/sys") + "/nvme0n1p3"),
}
LUKS: Files = {
    "/sys/block/dm-0/dev": "253:0\n",
    "/sys/block/dm-0/dm/name": "luks-1\n",
    "/sys/block/dm-0/dm/uuid": "CRYPT-LUKS2-00-luks-1\n",
    "/sys/block/dm-0/queue/read_ahead_kb": "512\n",
    "/sys/block/dm-0/slaves/nvme0n1p3/dev": "259:3\n",
}


def storage(
    root: Path, files: Mapping[str, str | bytes | Link], answers: Mapping[Question, Answer | Unreadable] | None = None
) -> Storage:
    return probe_storage(tree_host(root, files, answers))


def models_on(mount_line: str) -> Files:
    return {"/models/a.gguf": "", "/proc/self/mountinfo": f"22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n{mount_line}\n"}


def test_nvme_drive(tmp_path: Path) -> None:
    (device,) = storage(tmp_path, NVME_FILES).devices
    assert device == Device(
        name="nvme0n1",
        kind="nvme",
        layer="pcie",
        mapped_name=None,
        device_number="259:0",
        model="ACME 9000",
        vendor=None,
        firmware="1.2",
        state="live",
        degraded_members=None,
        size_bytes=2000 * 512,
        rotational=False,
        removable=None,
        read_only=None,
        scheduler="none",
        nr_requests=1023,
        read_ahead_bytes=128 * 1024,
        logical_block_bytes=512,
        physical_block_bytes=4096,
        write_cache="write back",
        pci_address="0000:04:00.0",
        numa_node=1,
        link=PcieLink(generation_now=3, generation_max=4, width_now=2, width_max=4),
        slot=PcieLink(generation_now=None, generation_max=5, width_now=None, width_max=4),
        temperature_mc=81850,
        temperature_limit_mc=81850,
        partitions=("nvme0n1p1", "nvme0n1p3"),
        underlying=(),
        since_boot=None,
        sampled=None,
    )


def test_multipath_namespace_is_one_disk_with_its_live_controller(tmp_path: Path) -> None:
    subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0"
    files: Files = {
        "/sys/block/nvme0n1": Link(f"..{subsystem.removeprefix('/sys')}/nvme0n1"),
        "/sys/block/nvme0c0n1": Link("../devices/pci0000:00/0000:04:00.0/nvme/nvme0/nvme0c0n1"),
        "/sys/block/nvme0c1n1": Link("../devices/pci0000:00/0000:05:00.0/nvme/nvme1/nvme0c1n1"),
        f"{subsystem}/nvme0n1/size": "100\n",
        f"{subsystem}/model": "ACME\n",
        f"{subsystem}/nvme0": Link("../../../pci0000:00/0000:04:00.0/nvme/nvme0"),
        f"{subsystem}/nvme1": Link("../../../pci0000:00/0000:05:00.0/nvme/nvme1"),
        "/sys/devices/pci0000:00/0000:04:00.0/nvme/nvme0/state": "dead\n",
        "/sys/devices/pci0000:00/0000:04:00.0/nvme/nvme0/nvme0c0n1/size": "100\n",
        "/sys/devices/pci0000:00/0000:05:00.0/nvme/nvme1/state": "live\n",
        "/sys/devices/pci0000:00/0000:05:00.0/nvme/nvme1/nvme0c1n1/size": "100\n",
    }
    (device,) = storage(tmp_path, files).devices
    assert (device.name, device.pci_address, device.state) == ("nvme0n1", "0000:05:00.0", "live")


def test_loops_in_use_only_and_no_ram_disks(tmp_path: Path) -> None:
    files: Files = {f"/sys/block/{name}/stat": "0\n" for name in ("loop0", "loop1", "ram0", "fd0", "cciss!c0d0")}
    files |= {"/sys/block/loop1/loop/backing_file": "/a.img\n", "/sys/block/_list": "x"}
    assert [d.name for d in storage(tmp_path, files).devices] == ["cciss/c0d0", "loop1"]


def test_udev_is_asked_for_models_that_are_cut_off_only(tmp_path: Path) -> None:
    disk = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0"
    files: Files = {
        "/sys/block/sda": Link(f"..{disk.removeprefix('/sys')}/block/sda"),
        f"{disk}/block/sda/device": Link("../.."),
        f"{disk}/model": "KINGSTON SH103S3\n",
        f"{disk}/numa_node": "-1\n",
    }
    udev: dict[Question, Answer | Unreadable] = {
        ("udev", "block"): {"/devices/x": {"DEVNAME": "/dev/sda", "ID_MODEL": "KINGSTON_SH103S3240G"}}
    }
    (device,) = storage(tmp_path, files, udev).devices
    assert (device.model, device.kind, device.numa_node) == ("KINGSTON SH103S3240G", "sata", None)
    host = tree_host(tmp_path / "short", {**NVME_FILES}, udev)
    probe_storage(host)
    assert ("udev", "block") not in host.answers


def test_model_directory_on_a_partition(tmp_path: Path) -> None:
    line = "30 22 259:3 / /models rw,noatime - xfs /dev/nvme0n1p3 rw"
    space: dict[Question, Answer | Unreadable] = {
        ("space", "/models"): {"total_bytes": 10, "free_bytes": 5, "available_bytes": 4}
    }
    (mount,) = storage(tmp_path, NVME_FILES | models_on(line), space).mounts
    assert (mount.path, mount.mount_point, mount.file_system, mount.kind) == ("/models", "/models", "xfs", "local")
    assert (mount.device, mount.top_device, mount.disks) == ("nvme0n1p3", "nvme0n1", ("nvme0n1",))
    assert (mount.read_ahead_bytes, mount.read_ahead_source) == (131072, "/sys/block/nvme0n1/queue/read_ahead_kb")
    assert (mount.total_bytes, mount.available_bytes) == (10, 4)


def test_encrypted_btrfs_has_its_own_read_ahead(tmp_path: Path) -> None:
    line = "30 22 0:45 /home /models rw - btrfs /dev/mapper/luks-1 rw,compress=zstd:1"
    files = NVME_FILES | LUKS | models_on(line) | {"/sys/class/bdi/btrfs-1/read_ahead_kb": "4096\n"}
    found = storage(tmp_path, files)
    (mount,) = found.mounts
    assert (mount.device, mount.top_device, mount.disks) == ("dm-0", "dm-0", ("nvme0n1",))
    assert mount.read_ahead_bytes == 4 << 20
    assert next(d for d in found.devices if d.name == "dm-0").layer == "crypt"


def test_read_ahead_is_the_top_devices_not_the_drives(tmp_path: Path) -> None:
    line = "30 22 253:0 / /models rw - ext4 /dev/mapper/luks-1 rw"
    (mount,) = storage(tmp_path, NVME_FILES | LUKS | models_on(line)).mounts
    assert (mount.read_ahead_bytes, mount.read_ahead_source) == (512 * 1024, "/sys/block/dm-0/queue/read_ahead_kb")


def test_network_file_system_has_no_device_and_its_own_read_ahead(tmp_path: Path) -> None:
    line = "30 22 0:52 / /models rw - nfs4 server:/m rw"
    (mount,) = storage(tmp_path, NVME_FILES | models_on(line) | {"/sys/class/bdi/0:52/read_ahead_kb": "15360\n"}).mounts
    assert (mount.kind, mount.device, mount.top_device, mount.disks) == ("network", None, None, ())
    assert mount.read_ahead_bytes == 15360 * 1024


def test_arrays_end_at_their_drives_and_loops_end_somewhere(tmp_path: Path) -> None:
    files: Files = {
        "/sys/block/md0/slaves/sda1/x": "",
        "/sys/block/md0/slaves/sdb1/x": "",
        "/sys/block/md0/md/level": "raid1\n",
        "/sys/block/md0/md/degraded": "1\n",
        "/sys/block/sda/sda1/dev": "8:1\n",
        "/sys/block/sdb/sdb1/dev": "8:17\n",
        "/sys/block/dm-0/slaves/dm-1/x": "",
        "/sys/block/dm-1/slaves/dm-0/x": "",
    }
    devices = {d.name: d for d in storage(tmp_path, files).devices}
    everything = tuple(devices.values())
    assert [d.name for d in bottom_devices(devices["md0"], everything)] == ["sda", "sdb"]
    assert devices["md0"].layer == "raid1"
    assert devices["md0"].degraded_members == 1
    assert bottom_devices(devices["dm-0"], everything)  # Ends.


def test_damaged_files_become_gaps_not_numbers(tmp_path: Path) -> None:
    files = NVME_FILES | {
        f"{NVME}/size": "99999999999999999999\n",
        f"{NVME}/queue/read_ahead_kb": b"\xff\xfe\x00",
        f"{NVME}/queue/scheduler": "none mq-deadline\n",
        f"{FUNCTION}/current_link_speed": "fast\n",
        f"{FUNCTION}/current_link_width": "255\n",
    }
    host = tree_host(tmp_path, files)
    (device,) = probe_storage(host).devices
    assert (device.size_bytes, device.read_ahead_bytes, device.scheduler) == (None, None, None)
    assert device.link is not None
    assert device.link.generation_now is None
    assert device.link.width_now is None
    assert {gap.source.rpartition("/")[2] for gap in host.gaps if gap.reason == "malformed"} == {
        "size",
        "read_ahead_kb",
        "scheduler",
        "current_link_speed",
    }


def test_link_speeds() -> None:
    assert parse_link_speed("2.5 GT/s PCIe") == 1
    assert parse_link_speed("8 GT/s") == 3
    assert parse_link_speed("64.0 GT/s PCIe") == 6
    assert parse_link_speed("Unknown") is None


def test_health_records_are_told_as_not_asked_for(tmp_path: Path) -> None:
    host = tree_host(tmp_path, NVME_FILES)
    probe_storage(host)
    assert [(gap.reason, gap.detail) for gap in host.gaps if gap.source == "SMART data"] == [
        ("not asked", "sudo smartctl -a tells, for nvme0n1")
    ]


WHOLE = NVME_FILES | LUKS | models_on(r"30 22 0:45 /home /models rw - btrfs /dev/mapper/luks-1 rw")
DAMAGE = st.one_of(st.binary(max_size=60), st.sampled_from([b"-1\n", b"9" * 25, b"[", b"0:0\n", b"nan\n", b"\0" * 8]))


@pytest.mark.fuzz
@settings(max_examples=examples(60), deadline=None)
@given(st.dictionaries(st.sampled_from([path for path in WHOLE if not isinstance(WHOLE[path], Link)]), DAMAGE))
def test_no_damage_raises(damage: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        found = storage(Path(folder), WHOLE | damage)
        assert {device.name for device in found.devices} <= {"nvme0n1", "dm-0"}

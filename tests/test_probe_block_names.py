"""Names of block devices."""

import pytest

from llmtune.probe.block_names import block_kind, is_partition_of, pci_function


@pytest.mark.parametrize(
    ("name", "place", "kind"),
    [
        ("nvme0n1", "/sys/devices/pci0000:00/0000:00:06.0/0000:04:00.0/nvme/nvme0/nvme0n1", "nvme"),
        ("nvme0c0n1", "/sys/devices/pci0000:00/0000:04:00.0/nvme/nvme0/nvme0c0n1", None),
        ("sda", "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", "sata"),
        ("sdaa", "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/block/sdaa", "usb"),
        ("sdb", "/sys/devices/pci0000:00/0000:02:00.0/host0/port-0:0/end_device-0:0/target0:0:0/block/sdb", "sas"),
        ("sdc", "/sys/devices/css0/0.0.0107/0.0.8100/host1/rport-1:0-0/target1:0:0/block/sdc", "network"),
        ("sdd", "/sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sdd", "network"),
        ("sde", "/sys/devices/pci0000:00/0000:00:05.0/virtio2/host2/target2:0:0/block/sde", "virtio"),
        ("sdf", "/sys/devices/pseudo_0/adapter0/host6/target6:0:0/6:0:0:0/block/sdf", "scsi"),
        ("vda", "/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda", "virtio"),
        ("md127", "/sys/devices/virtual/block/md127", "md"),
        ("md_d0", "/sys/devices/virtual/block/md_d0", "md"),
        ("dm-12", "/sys/devices/virtual/block/dm-12", "dm"),
        ("mmcblk0", "/sys/devices/platform/mmc0/block/mmcblk0", "mmc"),
        ("mmcblk0boot0", "/sys/devices/platform/mmc0/block/mmcblk0boot0", None),
        ("ram0", "/sys/devices/virtual/block/ram0", None),
        ("zram1", "/sys/devices/virtual/block/zram1", "zram"),
        ("cciss!c0d0", "/sys/block/cciss!c0d0", "other"),
    ],
)
def test_kind_by_name_and_place(name: str, place: str, kind: str | None) -> None:
    assert block_kind(name, place) == kind


def test_partitions() -> None:
    assert is_partition_of("sda", "sda15")
    assert is_partition_of("nvme0n1", "nvme0n1p2")
    assert is_partition_of("cciss!c0d0", "cciss!c0d0p1")
    assert not is_partition_of("nvme0n1", "nvme0n12")
    assert not is_partition_of("sda", "sda")
    assert not is_partition_of("sda", "size")


def test_pci_function_is_the_nearest() -> None:
    place = "/sys/devices/pci0000:00/0000:00:06.0/0000:04:00.0/nvme/nvme0/nvme0n1"
    assert pci_function(place) == ("0000:04:00.0", "/sys/devices/pci0000:00/0000:00:06.0/0000:04:00.0")
    assert pci_function("/sys/devices/virtual/block/dm-0") is None

"""What kind of block device a name and its place in sysfs stand for.

Names are the drivers' (Documentation/admin-guide/devices.txt); the place, /sys/devices/..., shows the bus a SCSI disk
hangs on.
"""

import re
from typing import Literal

Kind = Literal[
    "nvme", "sata", "sas", "scsi", "usb", "virtio", "mmc", "md", "dm", "zram", "loop", "rom", "xen", "dasd",
    "pmem", "bcache", "zvol", "network", "other",
]  # fmt: skip
"""`network`: disks that are reached over a network (FC, iSCSI, nbd, rbd, DRBD, NVMe over Fabrics is `nvme`)."""

_NAMES: tuple[tuple[str, Kind], ...] = (
    (r"nvme\d+n\d+", "nvme"),
    (r"vd[a-z]+", "virtio"),
    (r"mmcblk\d+", "mmc"),
    (r"md(\d+|_.+)", "md"),
    (r"dm-\d+", "dm"),
    (r"zram\d+", "zram"),
    (r"loop\d+", "loop"),
    (r"(sr|scd)\d+", "rom"),
    (r"xvd[a-z]+", "xen"),
    (r"dasd[a-z]+", "dasd"),
    (r"pmem[\d.]+s?", "pmem"),
    (r"bcache\d+", "bcache"),
    (r"zd\d+", "zvol"),
    (r"(nbd|rbd|drbd)\d+", "network"),
    (r"hd[a-z]+", "sata"),
)
_SCSI_PLACES: tuple[tuple[str, Kind], ...] = (
    (r"/usb\d+/", "usb"),
    (r"/ata\d+/", "sata"),
    (r"/(end_device-|expander-|sas_)", "sas"),
    (r"/rport-", "network"),
    (r"/session\d+/", "network"),
    (r"/virtio\d+/", "virtio"),
)
_HIDDEN_PATH = re.compile(r"nvme\d+c\d+n\d+")
"""One path to a multipath NVMe namespace: not a disk of its own."""
_IGNORED = re.compile(r"ram\d+|fd\d+|mmcblk\d+(boot\d+|rpmb|gp\d+)|mtdblock\d+")
_PCI = re.compile(r"/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?=/|$)")


def block_kind(name: str, place: str) -> Kind | None:
    """The kind of the device `name` at the sysfs path `place`; None for what is no disk of its own."""
    if _HIDDEN_PATH.fullmatch(name) or _IGNORED.fullmatch(name):
        return None
    if re.fullmatch(r"sd[a-z]+", name):
        return next((kind for pattern, kind in _SCSI_PLACES if re.search(pattern, place)), "scsi")
    return next((kind for pattern, kind in _NAMES if re.fullmatch(pattern, name)), "other")


def is_partition_of(disk: str, name: str) -> bool:
    """Whether `name` is how the kernel calls a partition of `disk`: sda1, nvme0n1p2."""
    separator = "p" if disk[-1:].isdigit() else ""
    number = name.removeprefix(disk + separator)
    return name != disk and number != name and number.isascii() and number.isdigit()


def pci_function(place: str) -> tuple[str, str] | None:
    """The PCI function nearest to a device: (its address, its sysfs directory)."""
    matches = list(_PCI.finditer(place))
    return (matches[-1][1], place[: matches[-1].end()]) if matches else None

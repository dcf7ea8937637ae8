"""The mount table, and the file system beneath a path."""

import pytest

from llmtune.probe.mounts import Mounted, file_system_kind, mount_of, parse_mountinfo, parse_mounts
from llmtune.probe.reading import Malformed

TABLE = r"""
22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,discard
30 22 0:45 /home /home rw,relatime shared:9 - btrfs /dev/mapper/luks-1 rw,ssd,subvol=/home
31 22 8:1 / /srv/my\040models ro,noatime - xfs /dev/sda1 rw,attr2
32 22 0:50 / /net rw master:2 shared:3 - nfs4 server:/export rw,vers=4.2
33 22 8:17 / /srv rw - ext4 /dev/sdb1 rw
34 22 8:33 / /srv rw - ext4 /dev/sdc1 rw
broken line
35 22 x:y / /odd rw - proc proc
""".strip()


def test_mountinfo_lines() -> None:
    table = {mount.mount_point: mount for mount in parse_mountinfo(TABLE)}
    assert table["/"] == Mounted("/", "ext4", "/dev/nvme0n1p2", ("rw", "relatime", "discard"), "259:2")
    assert table["/home"].options == ("rw", "relatime", "ssd", "subvol=/home")
    assert table["/srv/my models"].options == ("ro", "noatime", "rw", "attr2")
    assert table["/net"].source == "server:/export"
    assert table["/odd"].device_number is None


def test_mounts_lines() -> None:
    (mount,) = parse_mounts(r"/dev/sda1 /mnt/a\040b ext3 rw,noatime 0 0")
    assert mount == Mounted("/mnt/a b", "ext3", "/dev/sda1", ("rw", "noatime"), None)


@pytest.mark.parametrize("parse", [parse_mountinfo, parse_mounts])
def test_no_table_at_all(parse) -> None:  # type: ignore[no-untyped-def]
    assert parse("") == ()
    with pytest.raises(Malformed):
        parse("nothing here")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/", "/dev/nvme0n1p2"),
        ("/homely", "/dev/nvme0n1p2"),
        ("/home", "/dev/mapper/luks-1"),
        ("/home/a/.ollama/models", "/dev/mapper/luks-1"),
        ("/srv/my models/x", "/dev/sda1"),
        ("/srv/other", "/dev/sdc1"),  # Mounted over the earlier one.
        ("/net/m", "server:/export"),
    ],
)
def test_file_system_of_a_path(path: str, source: str) -> None:
    mount = mount_of(path, parse_mountinfo(TABLE))
    assert mount is not None
    assert mount.source == source


def test_no_mount_where_the_root_is_not_listed() -> None:
    assert mount_of("/a", parse_mounts("/dev/sda1 /mnt ext3 rw 0 0")) is None


@pytest.mark.parametrize(
    ("file_system", "kind"),
    [
        ("ext4", "local"),
        ("zfs", "local"),
        ("fuseblk", "local"),
        ("nfs4", "network"),
        ("lustre", "network"),
        ("fuse.sshfs", "network"),
        ("fuse.mergerfs", "fuse"),
        ("fuse", "fuse"),
        ("virtiofs", "host"),
        ("9p", "host"),
        ("tmpfs", "memory"),
        ("overlay", "overlay"),
    ],
)
def test_kinds_of_file_systems(file_system: str, kind: str) -> None:
    assert file_system_kind(file_system) == kind

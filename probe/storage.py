"""Storage: the block devices, what they do, and the file systems that hold models.

Puts together /sys/block (`block_devices.py`), /proc/diskstats (`diskstats.py`), the mount table (`mounts.py`) and the
usual model directories (`model_dirs.py`).
"""

from .block_devices import Device, bottom_devices, disk_of, note_health_gap, read_devices
from .diskstats import SAMPLE_SECONDS, DiskSample, finish_disk_sample, rates_since_boot, start_disk_sample
from .host import Host
from .model_dirs import model_directories
from .mounts import FileSystemKind, Mounted, file_system_kind, mount_of, read_mounts
from .reading import Reading

BDI_DIR = "/sys/class/bdi"


class ModelMount(Reading):
    """The file system beneath one model directory."""

    path: str
    """The model directory."""
    mount_point: str
    file_system: str
    kind: FileSystemKind
    source: str
    options: tuple[str, ...]
    device: str | None
    """The block device or partition the file system is on; None where there is none or it is not known."""
    top_device: str | None
    """The whole device at the top of the stack: its queue settings are the ones that count."""
    disks: tuple[str, ...]
    """The devices at the bottom of the stack."""
    read_ahead_bytes: int | None
    """The file system's own read-ahead where it has one (btrfs, NFS, FUSE), else the top device's."""
    read_ahead_source: str | None
    """The file that sets it."""
    total_bytes: int | None
    available_bytes: int | None
    """What users who are not root may still fill."""


class Storage(Reading):
    """Disks and where models lie on them."""

    devices: tuple[Device, ...]
    mounts: tuple[ModelMount, ...]


def probe_storage(host: Host, start: DiskSample | None = None, interval_s: float = SAMPLE_SECONDS) -> Storage:
    """Read the storage and close the disk sample that was opened with `start`; run this probe last."""
    boot = rates_since_boot(host)
    sample = finish_disk_sample(host, start or start_disk_sample(host), interval_s)
    devices = read_devices(host, boot, sample)
    note_health_gap(host, devices)
    return Storage(devices=devices, mounts=_model_mounts(host, devices))


def drive_of(host: Host, path: str, devices: tuple[Device, ...]) -> str | None:
    """The whole drive that a file is read through; None where it lies on none, or that cannot be seen."""
    mount = mount_of(host.resolve(path) or path, read_mounts(host))
    names = _device_names(host, mount, devices) if mount is not None else ()
    top = disk_of(names[0], devices) if names else None
    return top.name if top is not None else None


def _model_mounts(host: Host, devices: tuple[Device, ...]) -> tuple[ModelMount, ...]:
    directories = model_directories(host)
    table = read_mounts(host) if directories else ()
    found = []
    for path in directories:
        mount = mount_of(host.resolve(path) or path, table)
        if mount is not None:
            found.append(_model_mount(host, path, mount, devices))
    return tuple(found)


def _model_mount(host: Host, path: str, mount: Mounted, devices: tuple[Device, ...]) -> ModelMount:
    names = _device_names(host, mount, devices)
    tops = [top for name in names if (top := disk_of(name, devices)) is not None]
    bottoms = {low.name: None for top in tops for low in bottom_devices(top, devices)}
    read_ahead, source = _read_ahead(host, mount, tops[0] if tops else None)
    space = host.space(path) or {}
    total, available = space.get("total_bytes"), space.get("available_bytes")
    return ModelMount(
        path=path,
        mount_point=mount.mount_point,
        file_system=mount.file_system,
        kind=file_system_kind(mount.file_system),
        source=mount.source,
        options=mount.options,
        device=names[0] if names else None,
        top_device=tops[0].name if tops else None,
        disks=tuple(bottoms),
        read_ahead_bytes=read_ahead,
        read_ahead_source=source,
        total_bytes=total if isinstance(total, int) else None,
        available_bytes=available if isinstance(available, int) else None,
    )


def _device_names(host: Host, mount: Mounted, devices: tuple[Device, ...]) -> tuple[str, ...]:
    """The block devices or partitions that a file system lies on, the one it was mounted by first."""
    if mount.device_number and not mount.device_number.startswith("0:"):
        for device in devices:
            if device.device_number == mount.device_number:
                return (device.name,)
        place = host.resolve(f"/sys/dev/block/{mount.device_number}")
        if place:
            return (place.rpartition("/")[2].replace("!", "/"),)
    # btrfs and bcachefs have no device number of their own; bcachefs lists its devices with colons.
    names = [name for part in mount.source.split(":") if (name := _name_in_dev(host, part, devices)) is not None]
    if mount.file_system == "btrfs" and names:
        names += [name for name in _btrfs_members(host, names[0]) if name not in names]
    return tuple(names)


def _name_in_dev(host: Host, path: str, devices: tuple[Device, ...]) -> str | None:
    if not path.startswith("/dev/"):
        return None
    for name in (path.removeprefix("/dev/"), (host.resolve(path) or "").removeprefix("/dev/")):
        if name and disk_of(name, devices) is not None:
            return name
    mapped = path.removeprefix("/dev/mapper/")
    return next((device.name for device in devices if device.mapped_name == mapped), None)


def _btrfs_members(host: Host, name: str) -> tuple[str, ...]:
    for directory in host.names("/sys/fs/btrfs"):
        members = host.names(f"/sys/fs/btrfs/{directory}/devices")
        if name in members:
            return members
    return ()


def _read_ahead(host: Host, mount: Mounted, top: Device | None) -> tuple[int | None, str | None]:
    """The read-ahead of a file system in bytes, and the file that sets it."""
    own = [f"{BDI_DIR}/{mount.device_number}"] if mount.device_number else []
    if mount.file_system in ("btrfs", "ceph", "9p", "zfs"):
        # Their entries are counted (btrfs-1), not named by device: only of use while all agree.
        own += [f"{BDI_DIR}/{n}" for n in host.names(BDI_DIR) if n.startswith(f"{mount.file_system}-")]
    values = {path: host.integer(f"{path}/read_ahead_kb", 0, 1 << 40, optional=True) for path in own}
    known = {path: value for path, value in values.items() if value is not None}
    if len(set(known.values())) == 1:
        path, value = next(iter(known.items()))
        if len(known) == 1 and top is not None and mount.device_number == top.device_number:
            path = f"/sys/block/{top.name.replace('/', '!')}/queue"
        return value * 1024, f"{path}/read_ahead_kb"
    if known or top is None or mount.file_system in ("btrfs", "zfs"):
        return None, None
    return top.read_ahead_bytes, f"/sys/block/{top.name.replace('/', '!')}/queue/read_ahead_kb"

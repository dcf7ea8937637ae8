"""Block devices and their queues.

Reads /sys/block (Documentation/ABI/stable/sysfs-block, sysfs-block-dm, admin-guide/md.rst), the PCI function and the
hardware monitor behind a drive, and udev where a SCSI disk's model is cut off at 16 characters.
"""

import re
from collections.abc import Iterator, Mapping

from .block_names import Kind, block_kind, is_partition_of, pci_function
from .diskstats import Rates
from .gpu.types import PcieLink
from .host import Host
from .parse import natural_key, parse_selected
from .reading import Malformed, Reading, Unreadable

BLOCK_DIR = "/sys/block"
MAX_DEVICES = 512
MAX_BYTES = 1 << 62
SCSI_MODEL_LENGTH = 16

_GENERATIONS = {
    "2.5": 1,
    "5.0": 2,
    "5": 2,
    "8.0": 3,
    "8": 3,
    "16.0": 4,
    "16": 4,
    "32.0": 5,
    "32": 5,
    "64.0": 6,
    "64": 6,
}
"""Gigatransfers per second -> PCIe generation."""
_DM_LAYERS = (("LVM-", "lvm"), ("CRYPT-", "crypt"), ("mpath-", "multipath"), ("DMRAID-", "raid"), ("part", "partition"))


class Device(Reading):
    """One block device; partitions are listed with their disk."""

    name: str
    """As in /dev."""
    kind: Kind
    layer: str | None
    """What a mapped device does (lvm, crypt, multipath ...), an array's RAID level, an NVMe drive's transport."""
    mapped_name: str | None
    """A mapped device's name below /dev/mapper."""
    device_number: str | None
    """major:minor."""
    model: str | None
    vendor: str | None
    firmware: str | None
    state: str | None
    """The driver's word: live, running, offline ...; an array's array_state."""
    degraded_members: int | None
    """How many members an array lacks."""
    size_bytes: int | None
    rotational: bool | None
    """What the kernel was told. Virtual disks often say so whatever is beneath."""
    removable: bool | None
    read_only: bool | None
    scheduler: str | None
    """The chosen I/O scheduler."""
    nr_requests: int | None
    read_ahead_bytes: int | None
    logical_block_bytes: int | None
    physical_block_bytes: int | None
    write_cache: str | None
    """`write back` or `write through`."""
    pci_address: str | None
    numa_node: int | None
    """None also where the firmware names no node."""
    link: PcieLink | None
    """An NVMe drive's own link; `max` is the drive's."""
    slot: PcieLink | None
    """The port above it; only its `max` is told."""
    temperature_mc: int | None
    """Of the drive's first sensor, in thousandths of a degree Celsius."""
    temperature_limit_mc: int | None
    """From where on the drive calls itself too warm and slows down."""
    partitions: tuple[str, ...]
    underlying: tuple[str, ...]
    """The devices or partitions that a mapped device or an array is made of."""
    since_boot: Rates | None
    sampled: Rates | None
    """During the sample of this snapshot."""


def read_devices(host: Host, boot: Mapping[str, Rates], sample: Mapping[str, Rates]) -> tuple[Device, ...]:
    """Every disk, array and mapped device; loop devices only where they are in use."""
    found = [
        device
        for place in list(_places(host))[:MAX_DEVICES]
        if (device := _read_device(host, place, boot, sample)) is not None
    ]
    return _full_models(host, tuple(sorted(found, key=lambda device: natural_key(device.name))))


def disk_of(name: str, devices: tuple[Device, ...]) -> Device | None:
    """The device called `name`, or the one it is a partition of."""
    return next((d for d in devices if d.name == name or name in d.partitions), None)


def bottom_devices(device: Device, devices: tuple[Device, ...], depth: int = 8) -> tuple[Device, ...]:
    """The devices at the bottom of a stack of arrays and mapped devices."""
    below = [under for name in device.underlying if (under := disk_of(name, devices)) is not None]
    if not below or depth == 0:
        return (device,)
    found = {low.name: low for under in below for low in bottom_devices(under, devices, depth - 1)}
    return tuple(found.values())


def _places(host: Host) -> Iterator[str]:
    """The sysfs directory of every device."""
    names = host.names(BLOCK_DIR)
    if names:
        yield from (f"{BLOCK_DIR}/{name}" for name in names)
        return
    # Without /sys/block, NVMe namespaces still lie below their subsystem (multipath) or controller.
    for parent in ("/sys/class/nvme-subsystem", "/sys/class/nvme"):
        for owner in host.names(parent):
            for name in host.names(f"{parent}/{owner}"):
                if re.fullmatch(r"nvme\d+n\d+", name):
                    yield f"{parent}/{owner}/{name}"


def _read_device(host: Host, path: str, boot: Mapping[str, Rates], sample: Mapping[str, Rates]) -> Device | None:
    place = host.resolve(path) or path
    entry = path.rpartition("/")[2]
    kind = block_kind(entry, place)
    if kind is None or (kind == "loop" and not host.exists(f"{path}/loop/backing_file")):
        return None
    if kind == "other" and not host.exists(f"{path}/stat"):
        return None
    if host.integer(f"{path}/hidden", 0, 1, optional=True) == 1:
        return None
    name = entry.replace("!", "/")  # sysfs cannot hold the slash of cciss/c0d0.
    queue = f"{path}/queue"
    sectors = host.integer(f"{path}/size", 0, MAX_BYTES // 512, optional=True)
    read_ahead = host.integer(f"{queue}/read_ahead_kb", 0, 1 << 40, optional=True)
    controller = _controller(host, path, place) if kind == "nvme" else f"{path}/device"
    address, function = pci_function(host.resolve(controller) or place) or pci_function(place) or (None, None)
    physical = kind not in ("md", "dm", "zram", "loop", "zvol", "bcache")
    return Device(
        name=name,
        kind=kind,
        layer=_layer(host, path, kind, controller),
        mapped_name=host.text(f"{path}/dm/name", optional=True) if kind == "dm" else None,
        device_number=host.text(f"{path}/dev", optional=True) or None,
        model=_words(host, f"{path}/device/model", f"{controller}/model", f"{path}/device/name"),
        vendor=_words(host, f"{path}/device/vendor") if kind not in ("nvme", "virtio") else None,
        firmware=_words(host, f"{controller}/firmware_rev", f"{path}/device/rev") if physical else None,
        state=_words(host, f"{path}/md/array_state") if kind == "md" else _words(host, f"{controller}/state"),
        degraded_members=host.integer(f"{path}/md/degraded", 0, 1 << 20, optional=True) if kind == "md" else None,
        size_bytes=None if sectors is None else sectors * 512,
        rotational=_flag(host, f"{queue}/rotational"),
        removable=_flag(host, f"{path}/removable"),
        read_only=_flag(host, f"{path}/ro"),
        scheduler=_scheduler(host, f"{queue}/scheduler"),
        nr_requests=host.integer(f"{queue}/nr_requests", 0, 1 << 32, optional=True),
        read_ahead_bytes=None if read_ahead is None else read_ahead * 1024,
        logical_block_bytes=host.integer(f"{queue}/logical_block_size", 1, 1 << 32, optional=True),
        physical_block_bytes=host.integer(f"{queue}/physical_block_size", 1, 1 << 32, optional=True),
        write_cache=_words(host, f"{queue}/write_cache"),
        pci_address=address if physical else None,
        numa_node=_numa_node(host, controller, function) if physical else None,
        link=_link(host, function) if kind == "nvme" and function else None,
        slot=_slot(host, function) if kind == "nvme" and function else None,
        temperature_mc=_temperature(host, controller, "temp1_input") if physical else None,
        temperature_limit_mc=_temperature(host, controller, "temp1_max") if physical else None,
        partitions=tuple(n.replace("!", "/") for n in host.names(path) if is_partition_of(entry, n)),
        underlying=tuple(n.replace("!", "/") for n in host.names(f"{path}/slaves")),
        since_boot=boot.get(name),
        sampled=sample.get(name),
    )


def _controller(host: Host, path: str, place: str) -> str:
    """The NVMe controller of a namespace; with multipath the first live one of its subsystem."""
    if "/nvme-subsystem/" not in place:
        return f"{path}/device" if host.exists(f"{path}/device") else place.rpartition("/")[0]
    subsystem = place.rpartition("/")[0]
    controllers = [f"{subsystem}/{n}" for n in host.names(subsystem) if re.fullmatch(r"nvme\d+", n)]
    live = [c for c in controllers if host.text(f"{c}/state", optional=True) == "live"]
    return (live or controllers or [subsystem])[0]


def _layer(host: Host, path: str, kind: Kind, controller: str) -> str | None:
    if kind == "md":
        return _words(host, f"{path}/md/level")
    if kind == "nvme":
        return _words(host, f"{controller}/transport")
    uuid = host.text(f"{path}/dm/uuid", optional=True) if kind == "dm" else None
    return next((layer for prefix, layer in _DM_LAYERS if uuid and uuid.startswith(prefix)), None)


def _words(host: Host, *paths: str) -> str | None:
    """The text of the first of `paths` that says something, white space made single."""
    for path in paths:
        text = " ".join((host.text(path, optional=True) or "").split())
        if text:
            return text[:200]
    return None


def _flag(host: Host, path: str) -> bool | None:
    value = host.integer(path, 0, 1, optional=True)
    return None if value is None else bool(value)


def _scheduler(host: Host, path: str) -> str | None:
    # Devices without a queue of their own have an empty file; kernels before 6.14 said "none" there.
    return host.parsed(path, parse_selected, optional=True) if host.text(path, optional=True) else None


def _numa_node(host: Host, controller: str, function: str | None) -> int | None:
    for directory in (controller, f"{controller}/device", function):
        node = host.integer(f"{directory}/numa_node", -1, 1 << 16, optional=True) if directory else None
        if node is not None and node >= 0:
            return node
    return None


def _link(host: Host, function: str) -> PcieLink | None:
    link = PcieLink(
        generation_now=host.parsed(f"{function}/current_link_speed", parse_link_speed, optional=True),
        generation_max=host.parsed(f"{function}/max_link_speed", parse_link_speed, optional=True),
        width_now=_width(host, f"{function}/current_link_width"),
        width_max=_width(host, f"{function}/max_link_width"),
    )
    return link if any(value is not None for value in link.__dict__.values()) else None


def _slot(host: Host, function: str) -> PcieLink | None:
    above = function.rpartition("/")[0]
    return _link(host, above) if pci_function(above) is not None else None


def _width(host: Host, path: str) -> int | None:
    # 0 and 255 stand for "not known".
    width = host.integer(path, 0, 255, optional=True)
    return width if width is not None and 0 < width <= 32 else None


def parse_link_speed(text: str) -> int | None:
    """`16.0 GT/s PCIe` -> 4; None for `Unknown`."""
    number = text.split()[0] if text.split() else ""
    if text.startswith("Unknown"):
        return None
    if number not in _GENERATIONS:
        raise Malformed(f"not a link speed: {text[:40]!r}")
    return _GENERATIONS[number]


def _temperature(host: Host, controller: str, file_name: str) -> int | None:
    for directory in (controller, f"{controller}/hwmon", f"{controller}/device/hwmon"):
        for name in host.names(directory):
            if re.fullmatch(r"hwmon\d+", name):
                return host.integer(f"{directory}/{name}/{file_name}", -100_000, 250_000, optional=True)
    return None


def _full_models(host: Host, devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """Ask udev, which costs time, only where the kernel cut a model's name off."""
    if not any(_cut_off(device) for device in devices):
        return devices
    models = {
        properties.get("DEVNAME", "").removeprefix("/dev/"): properties.get("ID_MODEL", "")
        for properties in host.udev("block").values()
    }
    return tuple(
        device.model_copy(update={"model": " ".join(models[device.name].replace("_", " ").split())})
        if _cut_off(device) and models.get(device.name)
        else device
        for device in devices
    )


def _cut_off(device: Device) -> bool:
    return device.kind in ("sata", "sas", "scsi", "usb") and len(device.model or "") >= SCSI_MODEL_LENGTH


def note_health_gap(host: Host, devices: tuple[Device, ...]) -> None:
    """Say that drives' own health records were not read: that takes an ioctl as root."""
    names = [device.name for device in devices if device.kind in ("nvme", "sata", "sas")]
    if names:
        host.note_gap("SMART data", Unreadable("not asked", f"sudo smartctl -a tells, for {', '.join(names)}"))

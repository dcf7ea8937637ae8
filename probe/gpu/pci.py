"""Display and accelerator devices on the PCI bus.

Reads /sys/bus/pci/devices/*/{class,vendor,device,driver,numa_node,local_cpulist,current_link_*,max_link_*,boot_vga,
iommu_group,power/runtime_status} (Documentation/ABI/testing/sysfs-bus-pci), /proc/driver/nvidia/gpus.
current_link_* ask the configuration space, so they are not read while the device sleeps.
"""

import re

from ..host import Host
from ..parse import parse_cpu_mask, parse_hex, parse_int
from ..reading import Malformed, Reading
from .types import PcieLink

PCI_DEVICES = "/sys/bus/pci/devices"
NVIDIA_GPUS = "/proc/driver/nvidia/gpus"
"""The NVIDIA driver's own list of the GPUs it drives."""
MAX_DEVICES = 4096
MAX_BRIDGES = 16

_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.ASCII)
_GENERATIONS = {"2.5": 1, "5": 2, "5.0": 2, "8": 3, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6, "128.0": 7}
_SPEED = re.compile(r"([0-9]{1,3}(?:\.[0-9])?) GT/s(?: PCIe)?", re.ASCII)

CONSOLES: dict[int, str] = {
    0x1A03: "ASPEED management controller",
    0x102B: "Matrox management controller",
    0x1AF4: "virtio display",
    0x1B36: "QXL display",
    0x1234: "Bochs display",
    0x1013: "Cirrus display",
    0x15AD: "VMware display",
    0x1414: "Hyper-V display",
    0x80EE: "VirtualBox display",
    0x126F: "Silicon Motion console",
    0x19E5: "Huawei management controller",
    0x18CA: "XGI console",
}
"""Vendors whose display devices only draw a console."""

CONSOLE_DEVICES = {(0x1002, 0x515E): "ES1000 console", (0x1002, 0x4752): "Rage XL console"}

NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086


class PcieBridge(Reading):
    """The narrowest place between a device and its root port."""

    pci_address: str
    width_max: int
    width_now: int | None


class DisplayDevice(Reading):
    """A PCI device of the classes 03 (display) and 1200 (accelerator), as sysfs tells without waking it."""

    pci_address: str
    class_code: int
    """Such as 0x030200 for a 3D controller."""
    vendor_id: int | None
    device_id: int | None
    console: str | None
    """What it is, where it only draws a console (management controllers, virtual VGA)."""
    driver: str | None
    """The kernel module bound to it; None where there is none, or where `driver_known` is False."""
    driver_known: bool
    """False for a tree too poor to tell whether a driver is bound."""
    numa_node: int | None
    local_cpus: tuple[int, ...] | None
    link: PcieLink
    bridge: PcieBridge | None
    """The upstream bridge that allows the fewest lanes."""
    boot_vga: bool | None
    runtime_status: str | None
    """`active`, `suspended` ..."""
    iommu_group: int | None


def read_display_devices(host: Host) -> tuple[DisplayDevice, ...]:
    """All display and accelerator devices, in the order of their addresses."""
    found = []
    for name in host.names(PCI_DEVICES)[:MAX_DEVICES]:
        if _ADDRESS.fullmatch(name):
            code = host.parsed(f"{PCI_DEVICES}/{name}/class", parse_class, optional=True)
            if code is not None and (code >> 16 == 0x03 or code >> 8 == 0x1200):
                device = _device(host, name, code)
                # Intel's accelerators are NPUs, which run no language models of the sizes meant here.
                if code >> 16 == 0x03 or device.vendor_id != INTEL:
                    found.append(device)
    return tuple(sorted(found, key=lambda device: address_key(device.pci_address)))


def address_key(address: str) -> tuple[int, int, int, int]:
    """`10000:e1:00.0` as numbers, for sorting; raises ValueError on anything else."""
    domain, bus, rest = address.split(":")
    slot, _, function = rest.partition(".")
    return int(domain, 16), int(bus, 16), int(slot, 16), int(function, 16)


def parse_class(text: str) -> int:
    """`0x030000` -> 0x030000."""
    return _hex_within(text, 0xFFFFFF)


def parse_id(text: str) -> int:
    """`0x10de` -> 0x10de."""
    return _hex_within(text, 0xFFFF)


def _hex_within(text: str, high: int) -> int:
    value = parse_hex(text)
    if not 0 <= value <= high:
        raise Malformed(f"out of range 0..{high:#x}: {value:#x}")
    return value


def parse_generation(text: str) -> int | None:
    """`16.0 GT/s PCIe` -> 4; None for `Unknown`, which a device without a PCIe link has."""
    if text.startswith("Unknown"):
        return None
    match = _SPEED.fullmatch(text.strip())
    if not match or match[1] not in _GENERATIONS:
        raise Malformed(f"not a link speed: {text[:40]!r}")
    return _GENERATIONS[match[1]]


def parse_width(text: str) -> int | None:
    """Lanes; None for 0 and for 255, which the kernel prints for a link that is not known."""
    width = parse_int(text, 0, 255)
    return width if 1 <= width <= 32 else None


def _device(host: Host, address: str, code: int) -> DisplayDevice:
    path = f"{PCI_DEVICES}/{address}"
    vendor = host.parsed(f"{path}/vendor", parse_id, optional=True)
    claimed = host.exists(f"{NVIDIA_GPUS}/{address}") if vendor in (None, NVIDIA) else False
    if claimed:
        vendor = NVIDIA
    device = host.parsed(f"{path}/device", parse_id, optional=True)
    driver = host.link(f"{path}/driver")
    node = host.integer(f"{path}/numa_node", -1, 65_535, optional=True)
    local = host.cpu_list(f"{path}/local_cpulist", optional=True)
    if local is None:
        local = host.parsed(f"{path}/local_cpus", parse_cpu_mask, optional=True)
    boot = host.integer(f"{path}/boot_vga", 0, 1, optional=True)
    group = (host.link(f"{path}/iommu_group") or "").rpartition("/")[2]
    speed, lanes = f"{path}/current_link_speed", f"{path}/current_link_width"
    status = (host.text(f"{path}/power/runtime_status", optional=True) or "")[:40] or None
    width = host.parsed(f"{path}/max_link_width", parse_width, optional=True)
    return DisplayDevice(
        pci_address=address,
        class_code=code,
        vendor_id=vendor,
        device_id=device,
        console=CONSOLES.get(vendor) or CONSOLE_DEVICES.get((vendor, device)) if vendor and device else None,
        driver=driver.rpartition("/")[2][:60] or None if driver else "nvidia" if claimed else None,
        # The kernel makes driver_override for every PCI device; a tree without it and without drivers is a selection.
        driver_known=driver is not None or claimed or host.exists(f"{path}/driver_override"),
        numa_node=node if node is not None and node >= 0 else None,
        local_cpus=local or None,
        link=PcieLink(
            generation_now=None if status == "suspended" else host.parsed(speed, parse_generation, optional=True),
            generation_max=host.parsed(f"{path}/max_link_speed", parse_generation, optional=True),
            width_now=None if status == "suspended" else host.parsed(lanes, parse_width, optional=True),
            width_max=width,
        ),
        bridge=_narrowest_bridge(host, path, status == "suspended") if width else None,
        boot_vga=None if boot is None else bool(boot),
        runtime_status=status,
        iommu_group=int(group) if group.isascii() and group.isdigit() and len(group) < 10 else None,
    )


def _narrowest_bridge(host: Host, path: str, asleep: bool) -> PcieBridge | None:
    real = host.resolve(path) or path
    narrowest: tuple[int, PcieBridge] | None = None
    for _ in range(MAX_BRIDGES):
        real = real.rpartition("/")[0]
        address = real.rpartition("/")[2]
        if not _ADDRESS.fullmatch(address):
            break
        most = host.parsed(f"{real}/max_link_width", parse_width, optional=True)
        now = None if asleep else host.parsed(f"{real}/current_link_width", parse_width, optional=True)
        # Many cards carry a switch: their own link is always full, and the way to the slot is that of a port above.
        if most is not None and (narrowest is None or min(most, now or most) < narrowest[0]):
            narrowest = min(most, now or most), PcieBridge(pci_address=address, width_max=most, width_now=now)
    return narrowest[1] if narrowest else None

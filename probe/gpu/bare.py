"""What is common to GPUs that only the kernel tells about: bus, sensors, name."""

from ..host import Host
from .pci import DisplayDevice
from .types import Gpu, GpuPower, Vendor, blank_gpu

PCI_IDS = ("/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids")
SENSORS = range(1, 9)


def gpu_from_bus(index: int, vendor: Vendor, device: DisplayDevice) -> Gpu:
    """A GPU of which only the PCI bus tells."""
    return blank_gpu(index, vendor).model_copy(
        update={
            "pci_address": device.pci_address,
            "driver": device.driver,
            "numa_node": device.numa_node,
            "local_cpus": device.local_cpus,
            "link": device.link,
        }
    )


def pci_name(host: Host, device: DisplayDevice) -> str | None:
    """The device's name in the distribution's list of PCI ids."""
    if device.vendor_id is None or device.device_id is None:
        return None
    for path in PCI_IDS:
        data = host.data(path, optional=True)
        if data:
            return find_pci_name(data, device.vendor_id, device.device_id)
    return None


def find_pci_name(data: bytes, vendor: int, device: int) -> str | None:
    """The name of a device in pci.ids: `vvvv  Vendor`, then lines of a tab and `dddd  Device`."""
    start = data.find(b"\n%04x  " % vendor)
    if start < 0:
        return None
    section = start + 1
    while True:
        line = data.find(b"\n", section) + 1
        if line == 0 or data[line : line + 1] not in (b"\t", b"#"):
            return None
        if data[line : line + 7] == b"\t%04x  " % device:
            return data[line + 7 : data.find(b"\n", line)].decode("utf-8", "replace").strip()[:200] or None
        section = line


def hwmon(host: Host, path: str, labels: tuple[str, ...]) -> tuple[GpuPower, int | None, int | None]:
    """Power, temperature and critical temperature (the first label that is there, else the first sensor)."""
    folder = next((f"{path}/hwmon/{name}" for name in host.names(f"{path}/hwmon") if name.startswith("hwmon")), None)
    if folder is None:
        return blank_gpu(0, "amd").power, None, None

    def milliwatts(*names: str) -> int | None:
        for name in names:
            microwatts = host.integer(f"{folder}/{name}", 0, 10**11, optional=True)
            if microwatts is not None:
                return microwatts // 1000
        return None

    power = GpuPower(
        draw_mw=milliwatts("power1_average", "power1_input"),
        # xe has both and calls the limit for bursts a cap; amdgpu has only the cap.
        limit_mw=milliwatts("power1_max", "power1_cap"),
        default_limit_mw=milliwatts("power1_cap_default", "power1_rated_max"),
        min_limit_mw=milliwatts("power1_cap_min"),
        max_limit_mw=milliwatts("power1_cap_max"),
    )
    sensors: dict[str, int] = {}
    for number in SENSORS:
        if host.exists(f"{folder}/temp{number}_input"):
            sensors.setdefault(host.text(f"{folder}/temp{number}_label", optional=True) or "", number)
    if not sensors:
        return power, None, None
    number = next((sensors[label] for label in labels if label in sensors), next(iter(sensors.values())))
    temperature = host.integer(f"{folder}/temp{number}_input", -50_000, 300_000, optional=True)
    critical = host.integer(f"{folder}/temp{number}_crit", 1, 300_000, optional=True)
    return (
        power,
        None if temperature is None else temperature // 1000,
        None if critical is None else critical // 1000,
    )

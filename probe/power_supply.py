"""What feeds the machine, and its firmware's power profile.

Reads /sys/class/power_supply (Documentation/ABI/testing/sysfs-class-power) and /sys/firmware/acpi/platform_profile
(Documentation/userspace-api/sysfs-platform_profile.rst).
"""

from .host import Host
from .parse import parse_int
from .reading import Reading

SUPPLY_DIR = "/sys/class/power_supply"
PROFILE = "/sys/firmware/acpi/platform_profile"
MAX_SUPPLIES = 32


class Battery(Reading):
    """One battery of the machine itself, not of a mouse."""

    name: str
    status: str | None
    """The kernel's word: Charging, Discharging, Full, Not charging, Unknown."""
    charge_percent: int | None


class PowerSupply(Reading):
    """Mains, batteries, profile."""

    mains_online: bool | None
    """Whether a charger or power supply feeds the machine; None where none reports."""
    batteries: tuple[Battery, ...]
    platform_profile: str | None
    platform_profiles: tuple[str, ...]
    """The profiles that can be chosen."""

    @property
    def on_battery(self) -> bool:
        """Whether a battery feeds the machine now."""
        return self.mains_online is not True and any(battery.status == "Discharging" for battery in self.batteries)


def probe_power_supply(host: Host) -> PowerSupply:
    """Read mains, batteries and profile."""
    online: list[bool] = []
    batteries: list[Battery] = []
    for name in host.names(SUPPLY_DIR)[:MAX_SUPPLIES]:
        directory = f"{SUPPLY_DIR}/{name}"
        if host.text(f"{directory}/scope", optional=True) == "Device":
            continue
        kind = host.text(f"{directory}/type", optional=True)
        status = host.text(f"{directory}/status", optional=True)
        if kind == "Battery" or (kind is None and status is not None):
            percent = host.parsed(f"{directory}/capacity", lambda text: parse_int(text, 0, 100), optional=True)
            batteries.append(Battery(name=name, status=status, charge_percent=percent))
        elif kind in ("Mains", "USB", "Wireless"):
            # 1 is online at a fixed voltage, 2 at a programmable one.
            value = host.integer(f"{directory}/online", 0, 2, optional=True)
            online += [] if value is None else [value > 0]
    return PowerSupply(
        mains_online=any(online) if online else None,
        batteries=tuple(batteries),
        platform_profile=host.text(PROFILE, optional=True) or None,
        platform_profiles=tuple((host.text(f"{PROFILE}_choices", optional=True) or "").split()[:16]),
    )

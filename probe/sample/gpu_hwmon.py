"""A GPU's sensors in hwmon, found once (Documentation/hwmon/sysfs-interface.rst)."""

import time

from ..host import Host

SENSORS = range(1, 9)
PWM_FULL = 255


class Sensors:
    """Which files there are; without a folder every answer is None."""

    def __init__(self) -> None:
        self.power: str | None = None
        self.energy: str | None = None
        self.limit: str | None = None
        self.temperature: str | None = None
        self.pwm: str | None = None
        self.frequencies: dict[int, str] = {}
        self._energy_before: tuple[float, int] | None = None

    def power_mw(self, host: Host) -> int | None:
        """Milliwatts; where only energy is counted, since the last reading."""
        if self.power:
            microwatts = host.integer(self.power, 0, 10**11, optional=True)
            return None if microwatts is None else microwatts // 1000
        microjoules = host.integer(self.energy, 0, optional=True) if self.energy else None
        if microjoules is None:
            return None
        now = time.monotonic()
        before, self._energy_before = self._energy_before, (now, microjoules)
        if before is None or now <= before[0] or microjoules < before[1]:
            return None
        return int((microjoules - before[1]) / (now - before[0]) / 1000)

    def limit_mw(self, host: Host) -> int | None:
        """The power limit in force."""
        microwatts = host.integer(self.limit, 1, 10**11, optional=True) if self.limit else None
        return None if microwatts is None else microwatts // 1000

    def temperature_c(self, host: Host) -> int | None:
        """Degrees."""
        found = host.integer(self.temperature, -50_000, 300_000, optional=True) if self.temperature else None
        return None if found is None else found // 1000

    def fan_percent(self, host: Host) -> int | None:
        """Of the highest speed."""
        found = host.integer(self.pwm, 0, PWM_FULL, optional=True) if self.pwm else None
        return None if found is None else round(found * 100 / PWM_FULL)

    def frequency_mhz(self, host: Host, number: int) -> int | None:
        """Of amdgpu: 1 is the core's, 2 the memory's."""
        path = self.frequencies.get(number)
        found = host.integer(path, 0, 10**11, optional=True) if path else None
        return None if found is None else found // 1_000_000


def find_sensors(host: Host, path: str, labels: tuple[str, ...]) -> Sensors:
    """The sensors of the device at `path`; the temperature is the first label that is there, else the first."""
    sensors = Sensors()
    folder = next((f"{path}/hwmon/{name}" for name in host.names(f"{path}/hwmon") if name.startswith("hwmon")), None)
    if folder is None:
        return sensors
    names = set(host.names(folder))

    def first(*wanted: str) -> str | None:
        return next((f"{folder}/{name}" for name in wanted if name in names), None)

    sensors.power = first("power1_average", "power1_input")
    sensors.energy = first("energy1_input", "energy2_input")
    # xe has both and calls the limit for bursts a cap; amdgpu has only the cap.
    sensors.limit = first("power1_max", "power2_max", "power1_cap")
    sensors.pwm = first("pwm1")
    sensors.frequencies = {n: f"{folder}/freq{n}_input" for n in (1, 2) if f"freq{n}_input" in names}
    found = {
        host.text(f"{folder}/temp{n}_label", optional=True) or "": f"{folder}/temp{n}_input"
        for n in reversed(SENSORS)
        if f"temp{n}_input" in names
    }
    sensors.temperature = next((found[label] for label in labels if label in found), None)
    if sensors.temperature is None:
        sensors.temperature = next((path for path in reversed(found.values())), None)
    return sensors

from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.power_supply import probe_power_supply

SUPPLY = "/sys/class/power_supply"


def supply(name: str, **files: str) -> dict[str, str]:
    return {f"{SUPPLY}/{name}/{file}": text for file, text in files.items()}


CHARGING = supply("BAT0", type="Battery", status="Charging", capacity="80") | supply("AC", type="Mains", online="1")
ON_BATTERY = supply("BAT0", type="Battery", status="Discharging", capacity="80") | supply(
    "AC", type="Mains", online="0"
)
OVER_USB = supply("BAT0", type="Battery", status="Discharging") | supply("ucsi1", type="USB", online="1")
MOUSE = supply("hid", type="Battery", scope="Device", status="Discharging", capacity="9")
OLD = supply("BAT0", status="Discharging", capacity="70")


@pytest.mark.parametrize(
    ("files", "on_battery", "batteries"),
    [
        (CHARGING, False, 1),
        (ON_BATTERY, True, 1),
        (OVER_USB, False, 1),
        (MOUSE, False, 0),
        (OLD, True, 1),
        ({}, False, 0),
    ],
)
def test_on_battery(tmp_path: Path, files: dict[str, str], on_battery: bool, batteries: int) -> None:
    read = probe_power_supply(tree_host(tmp_path, files))
    assert (read.on_battery, len(read.batteries)) == (on_battery, batteries)


def test_profile(tmp_path: Path) -> None:
    profile = "/sys/firmware/acpi/platform_profile"
    files = {profile: "balanced\n", f"{profile}_choices": "low-power balanced performance\n"}
    read = probe_power_supply(tree_host(tmp_path, files))
    assert read.platform_profile == "balanced"
    assert read.platform_profiles == ("low-power", "balanced", "performance")


def test_damaged_charge_is_a_gap(tmp_path: Path) -> None:
    host = tree_host(tmp_path, supply("BAT0", type="Battery", capacity="255"))
    assert probe_power_supply(host).batteries[0].charge_percent is None
    assert [gap.reason for gap in host.gaps] == ["malformed"]

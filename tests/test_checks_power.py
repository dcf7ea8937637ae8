from pathlib import Path

import pytest
from test_probe_cpufreq import policy
from trees import tree_host

from llmtune.advisors.checks.power import CHECKS
from llmtune.advisors.finding import Finding
from llmtune.probe.snapshot import take_snapshot

CPU = "/sys/devices/system/cpu"
SUPPLY = "/sys/class/power_supply"
PROFILE = "/sys/firmware/acpi/platform_profile"
BATTERY = {f"{SUPPLY}/BAT0/type": "Battery", f"{SUPPLY}/BAT0/status": "Discharging", f"{SUPPLY}/BAT0/capacity": "60"}


def find(root: Path, check_id: str, files: dict[str, str]) -> Finding:
    snapshot = take_snapshot(tree_host(root, {f"{CPU}/online": "0"} | files), disk_interval_s=0)
    return next(check for check in CHECKS if check.id == check_id).find(snapshot)


def old_driver(**files: str) -> dict[str, str]:
    """acpi-cpufreq: it lists frequencies below boost and names no base clock."""
    without = {"base_frequency": "", "energy_performance_preference": ""}
    listed = {"scaling_driver": "acpi-cpufreq", "scaling_available_frequencies": "2250000 1500000", **without}
    limits = {"cpuinfo_max_freq": "3414550", "scaling_max_freq": "2250000", "scaling_min_freq": "1500000"}
    return policy(0, **(listed | limits | files))


ACTIVE = policy(0) | {f"{CPU}/intel_pstate/no_turbo": "0"}
PINNED = policy(0, scaling_driver="intel_cpufreq", energy_performance_preference="")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (ACTIVE, "ok"),
        (policy(0, scaling_driver="amd-pstate-epp"), "ok"),
        (PINNED, "problem"),
        (old_driver(scaling_governor="powersave", cpuinfo_max_freq="2250000"), "warning"),
        (old_driver(scaling_governor="schedutil"), "ok"),
        (old_driver(scaling_governor="performance"), "ok"),
        (old_driver(scaling_governor="conservative"), "info"),
        ({}, "not-applicable"),
    ],
)
def test_governor(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-governor", files).status == status


def test_pinned_governor_says_how_much_and_how_to_go_back(tmp_path: Path) -> None:
    finding = find(tmp_path, "cpu-governor", PINNED)
    assert "0.8 of 4.0 GHz" in finding.what
    assert finding.effect is not None
    assert "5.0 times" in finding.effect.text
    assert finding.fix == f"echo performance | sudo tee {CPU}/cpufreq/policy*/scaling_governor"
    assert finding.undo == f"echo powersave | sudo tee {CPU}/cpufreq/policy*/scaling_governor"


def test_only_the_pinned_policies_are_written(tmp_path: Path) -> None:
    files = old_driver(scaling_governor="performance")
    for number in (1, 2):
        files |= policy(number, scaling_driver="acpi-cpufreq")
    finding = find(tmp_path, "cpu-governor", files)
    assert finding.fix == f"echo performance | sudo tee {CPU}/cpufreq/policy{{1,2}}/scaling_governor"


def test_virtual_machine_is_named(tmp_path: Path) -> None:
    files = {"/proc/cpuinfo": "processor : 0\nvendor_id : AuthenticAMD\nflags : lm hypervisor\n"}
    finding = find(tmp_path, "cpu-governor", files | {"/sys/class/dmi/id/sys_vendor": "QEMU"})
    assert (finding.status, "qemu" in finding.what) == ("not-applicable", True)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (ACTIVE, "ok"),
        (policy(0, energy_performance_preference="power"), "warning"),
        (policy(0, energy_performance_preference="power") | BATTERY, "info"),
        (policy(0, energy_performance_preference="power", scaling_governor="performance"), "ok"),
        (policy(0, energy_performance_preference="balance_power"), "info"),
        (policy(0, energy_performance_preference="default"), "ok"),
        (old_driver(), "not-applicable"),
        ({}, "not-applicable"),
    ],
)
def test_energy_preference(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-energy-preference", files).status == status


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (ACTIVE, "ok"),
        (policy(0) | {f"{CPU}/intel_pstate/no_turbo": "1"}, "warning"),
        (old_driver() | {f"{CPU}/cpufreq/boost": "0"}, "warning"),
        (old_driver() | {f"{CPU}/cpufreq/boost": "1"}, "ok"),
        (policy(0, scaling_driver="cppc_cpufreq", boost="0") | {f"{CPU}/cpufreq/boost": "0"}, "info"),
        (old_driver(), "not-applicable"),
        ({}, "not-applicable"),
    ],
)
def test_boost(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-boost", files).status == status


def test_boost_switches_are_not_mixed_up(tmp_path: Path) -> None:
    finding = find(tmp_path, "cpu-boost", policy(0) | {f"{CPU}/intel_pstate/no_turbo": "1"})
    assert finding.fix == f"echo 0 | sudo tee {CPU}/intel_pstate/no_turbo"
    assert finding.undo == f"echo 1 | sudo tee {CPU}/intel_pstate/no_turbo"


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (ACTIVE, "ok"),
        (policy(0, scaling_max_freq="3900000"), "ok"),
        (policy(0, scaling_max_freq="3600000"), "info"),
        (policy(0, scaling_max_freq="2000000"), "warning"),
        (policy(0, scaling_max_freq="2300000") | {f"{CPU}/intel_pstate/no_turbo": "1"}, "ok"),
        (old_driver() | {f"{CPU}/cpufreq/boost": "1"}, "ok"),
        (old_driver(scaling_max_freq="1500000", bios_limit="1500000"), "warning"),
        (policy(0, scaling_max_freq="garbage"), "unknown"),
        ({}, "not-applicable"),
    ],
)
def test_frequency_limit(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-frequency-limit", files).status == status


def test_limit_of_the_firmware_is_not_to_be_written(tmp_path: Path) -> None:
    finding = find(tmp_path, "cpu-frequency-limit", old_driver(scaling_max_freq="1500000", bios_limit="1500000"))
    assert "firmware" in finding.what
    assert finding.undo is None
    ours = find(tmp_path / "other", "cpu-frequency-limit", policy(0, scaling_max_freq="2000000"))
    assert ours.fix == f"echo 4000000 | sudo tee {CPU}/cpufreq/policy*/scaling_max_freq"
    assert ours.undo == f"echo 2000000 | sudo tee {CPU}/cpufreq/policy*/scaling_max_freq"


def throttled(milliseconds: int, count: int = 5) -> dict[str, str]:
    directory = f"{CPU}/cpu0/thermal_throttle"
    return {
        "/proc/uptime": "100000.00 90000.00",
        f"{directory}/package_throttle_count": str(count),
        f"{directory}/package_throttle_total_time_ms": str(milliseconds),
    }


COOLING = {
    "/sys/class/thermal/cooling_device0/type": "Processor",
    "/sys/class/thermal/cooling_device0/cur_state": "3",
    "/sys/class/thermal/cooling_device0/max_state": "10",
}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (throttled(0, 0), "ok"),
        (throttled(900_000), "info"),
        (throttled(1_000_000), "warning"),
        (COOLING, "warning"),
        ({}, "not-applicable"),
    ],
)
def test_throttling(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "cpu-thermal-throttling", files).status == status


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({PROFILE: "low-power"}, "warning"),
        ({PROFILE: "low-power"} | BATTERY, "info"),
        ({PROFILE: "quiet"}, "info"),
        ({PROFILE: "balanced"}, "ok"),
        ({}, "not-applicable"),
    ],
)
def test_platform_profile(tmp_path: Path, files: dict[str, str], status: str) -> None:
    finding = find(tmp_path, "platform-profile", files)
    assert finding.status == status
    assert (finding.fix is None) == (status in ("ok", "not-applicable"))


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (BATTERY, "warning"),
        (BATTERY | {f"{SUPPLY}/BAT0/status": "Charging"}, "ok"),
        (BATTERY | {f"{SUPPLY}/AC/type": "Mains", f"{SUPPLY}/AC/online": "1"}, "ok"),
        ({}, "not-applicable"),
    ],
)
def test_battery(tmp_path: Path, files: dict[str, str], status: str) -> None:
    assert find(tmp_path, "on-battery", files).status == status


@pytest.mark.parametrize(("disabled", "status"), [("0", "ok"), ("1", "info"), (None, "not-applicable")])
def test_idle_states(tmp_path: Path, disabled: str | None, status: str) -> None:
    state = f"{CPU}/cpu0/cpuidle/state0"
    files = {} if disabled is None else {f"{state}/name": "C6", f"{state}/latency": "133", f"{state}/disable": disabled}
    assert find(tmp_path, "cpu-idle-states", files).status == status

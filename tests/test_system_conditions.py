"""When advice must hold its tongue although doctor speaks: others that tune, batteries, heat, pools that are wanted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gpu_machines import pci_device
from test_checks_gpu_nvidia import GOOD, power
from test_checks_storage import FLASH
from test_probe_servers import process
from test_system_advise import CPUS, FREQ, POOL, QUIET, THP
from trees import Link, tree_host

from llmtune.advisors.system.advise import ADVICE, advise
from llmtune.advisors.system.owners import OWNERS
from llmtune.advisors.system.profile import Profile, Strength
from llmtune.advisors.system.setting import SystemAdvice
from llmtune.probe.snapshot import Snapshot, take_snapshot
from llmtune.tuners.knobs.catalogue import known_keys

Files = dict[str, str | bytes | Link]
GPU = "GPU-00000000-0000-0000-0000-000000000001"
INIT: Files = {"/proc/1/comm": "systemd\n"}
SUPPLY = "/sys/class/power_supply"
BATTERY: Files = {f"{SUPPLY}/BAT0/type": "Battery\n", f"{SUPPLY}/BAT0/status": "Discharging\n"}
HEAT: Files = {
    "/sys/class/thermal/cooling_device0/type": "Processor\n",
    "/sys/class/thermal/cooling_device0/cur_state": "3\n",
    "/sys/class/thermal/cooling_device0/max_state": "10\n",
}
NODES: Files = {
    **{f"/sys/devices/system/node/node{n}/cpulist": f"{4 * n}-{4 * n + 3}\n" for n in (0, 1)},
    **{f"/sys/devices/system/node/node{n}/meminfo": f"Node {n} MemTotal: 16777216 kB\n" for n in (0, 1)},
    "/sys/devices/system/node/online": "0-1\n",
    "/proc/sys/kernel/numa_balancing": "1\n",
    f"{CPUS}/online": "0-7\n",
    f"{CPUS}/possible": "0-7\n",
}
IDLE_POOL: Files = {
    f"{POOL}/nr_hugepages": "8000\n",
    f"{POOL}/free_hugepages": "8000\n",
    f"{POOL}/resv_hugepages": "0\n",
}
POLICY = f"{CPUS}/cpufreq/policy0"
SLOW_CLOCK: Files = {**FREQ, f"{POLICY}/scaling_governor": "powersave\n"}
THP_OFF: Files = {f"{THP}/enabled": "always madvise [never]\n"}
SLEEPING: dict[str, Any] = {"power__runtime_status": "suspended\n", "boot_vga": "0\n"}


def running(name: str) -> Files:
    return {**INIT, "/proc/7/comm": f"{name}\n", "/proc/7/cmdline": f"{name}\0"}


def snapshot_of(root: Path, files: Mapping[str, str | bytes | Link]) -> Snapshot:
    return take_snapshot(tree_host(root, {**QUIET, **files}))


def advised(snapshot: Snapshot, **advice: Strength) -> SystemAdvice:
    named = {name.replace("_", "-"): strength for name, strength in advice.items()}
    return advise(snapshot, Profile(name="mine", summary="", advice=named, settings={}))


def keys(found: SystemAdvice) -> list[str]:
    return [setting.key for setting in found.settings]


def reason(found: SystemAdvice, key: str) -> str:
    return next(left.reason for left in found.left_out if left.key == key)


@pytest.mark.parametrize(("files", "said"), [(BATTERY, "battery"), (HEAT, "slowed down for heat")])
def test_no_more_watts_on_battery_or_in_heat(files: Files, said: str, tmp_path: Path) -> None:
    assert keys(advised(snapshot_of(tmp_path / "a", SLOW_CLOCK), governor="warnings")) == ["cpu.governor@policy0"]
    held = advised(snapshot_of(tmp_path / "b", {**SLOW_CLOCK, **files}), governor="warnings")
    assert keys(held) == []
    assert said in reason(held, "cpu.governor")


@pytest.mark.parametrize("daemon", ["tuned", "power-profiles-", "tlp", "auto-cpufreq", "saptune"])
def test_what_another_program_sets_is_left_to_it(daemon: str, tmp_path: Path) -> None:
    found = advised(snapshot_of(tmp_path, {**SLOW_CLOCK, **running(daemon)}), governor="warnings")
    assert keys(found) == []
    assert "runs and sets it" in reason(found, "cpu.governor@policy0")
    (note,) = found.conflicts
    assert daemon.rstrip("-") in note
    assert "cpu.governor" in note


def test_what_it_does_not_set_is_ours(tmp_path: Path) -> None:
    found = advised(snapshot_of(tmp_path, {**THP_OFF, **running("power-profiles-")}), huge_pages="hints")
    assert keys(found) == ["thp.enabled"]


def test_a_profile_may_set_what_another_program_owns(tmp_path: Path) -> None:
    mine = Profile(name="mine", summary="", advice={}, settings={"cpu.governor@policy0": "performance"})
    found = advise(snapshot_of(tmp_path, {**FREQ, **running("tlp")}), mine)
    assert keys(found) == ["cpu.governor@policy0"]
    assert found.conflicts


def test_every_owner_owns_keys_that_there_are() -> None:
    known = known_keys()
    for owner in OWNERS:
        for start in owner.keys:
            assert any(key.startswith(start) for key in known), start


def test_a_container_is_named(tmp_path: Path) -> None:
    found = advised(snapshot_of(tmp_path, {**THP_OFF, "/.dockerenv": ""}), huge_pages="hints")
    assert keys(found) == ["thp.enabled"]
    assert "container (docker)" in found.conflicts[0]


@pytest.mark.parametrize(
    ("files", "speaks"),
    [
        ({}, True),
        ({"/proc/cmdline": "ro quiet hugepages=8000\n"}, False),
        ({"/etc/sysctl.d/50-db.conf": "vm.nr_hugepages = 8000\n"}, False),
    ],
)
def test_pools_that_somebody_wants_at_every_boot_are_left(files: Files, speaks: bool, tmp_path: Path) -> None:
    found = advised(snapshot_of(tmp_path, {**IDLE_POOL, **files}), idle_huge_pages="warnings")
    assert keys(found) == (["hugepages.2048kB"] if speaks else [])
    if not speaks:
        assert "at every boot" in reason(found, "hugepages")


@pytest.mark.parametrize(
    ("line", "value", "speaks"),
    [("llama-server -m /m.gguf --numa numactl", "1", True), ("llama-server -m /m.gguf --numa numactl", "2", False)],
)
def test_balancing_of_tiers_is_never_touched(line: str, value: str, speaks: bool, tmp_path: Path) -> None:
    server = process(5, "llama-server", *line.split())
    files = {**NODES, **INIT, **server, "/proc/sys/kernel/numa_balancing": f"{value}\n"}
    found = advised(snapshot_of(tmp_path, files), numa_balancing="hints")
    assert keys(found) == (["kernel.numa_balancing"] if speaks else [])


def test_balancing_stays_where_nobody_is_pinned(tmp_path: Path) -> None:
    alone = advised(snapshot_of(tmp_path / "a", {**NODES, **INIT}), numa_balancing="hints")
    assert "pinned" in reason(alone, "kernel.numa_balancing")
    # Its processes may run on CPUs 0 to 3 of 0 to 7.
    pinned = {**NODES, **INIT, **process(5, "llama-server", "llama-server", "-m", "/m.gguf")}
    assert keys(advised(snapshot_of(tmp_path / "b", pinned), numa_balancing="hints")) == ["kernel.numa_balancing"]


def test_the_scheduler_and_the_read_ahead_are_those_of_the_models_drive(tmp_path: Path) -> None:
    queue = next(path for path in FLASH if path.endswith("queue/scheduler")).removesuffix("/scheduler")
    slow = {**FLASH, f"{queue}/scheduler": "none [mq-deadline]\n", f"{queue}/read_ahead_kb": "128\n"}
    found = advised(snapshot_of(tmp_path / "a", slow), io_scheduler="hints", read_ahead="hints")
    assert {setting.key: (setting.found, setting.value) for setting in found.settings} == {
        "block.read_ahead_kb@nvme0n1": ("128", "8192"),
        "block.scheduler@nvme0n1": ("mq-deadline", "none"),
    }
    assert keys(advised(snapshot_of(tmp_path / "b", FLASH), io_scheduler="hints", read_ahead="hints")) == []


def with_gpu(root: Path, files: Files | None = None, **changes: Any) -> Snapshot:
    gpu = GOOD.model_copy(update={"uuid": GPU, **changes})
    return snapshot_of(root, files or {}).model_copy(update={"gpus": (gpu,)})


@pytest.mark.parametrize(
    ("strength", "limit", "speaks"),
    [("warnings", 150_000, True), ("warnings", 300_000, False), ("hints", 300_000, True), ("hints", 350_000, False)],
)
def test_power_limits_are_raised_to_the_default(strength: Strength, limit: int, speaks: bool, tmp_path: Path) -> None:
    found = advised(with_gpu(tmp_path, power=power(limit)), gpu_power_limit=strength)
    assert [(setting.key, setting.value) for setting in found.settings] == (
        [(f"nvidia.power_limit_w@{GPU}", "350")] if speaks else []
    )
    if strength == "warnings" and not speaks:
        assert "mends faults only" in reason(found, "nvidia.power_limit_w")


def test_persistence_mode(tmp_path: Path) -> None:
    off: dict[str, Any] = {"persistence_mode": False, "display_active": False}
    assert keys(advised(with_gpu(tmp_path / "a", **off), gpu_persistence="hints")) == [f"nvidia.persistence@{GPU}"]
    shown = with_gpu(tmp_path / "b", persistence_mode=False, display_active=True)
    assert keys(advised(shown, gpu_persistence="hints")) == []
    held = advised(with_gpu(tmp_path / "c", running("nvidia-persiste"), **off), gpu_persistence="hints")
    assert "nvidia-persistenced runs" in reason(held, "nvidia.persistence")


@pytest.mark.parametrize(
    ("files", "speaks"),
    [
        (pci_device(**SLEEPING), True),
        (pci_device(**SLEEPING) | BATTERY, False),
        (pci_device(**{**SLEEPING, "boot_vga": "1\n"}), False),
        (pci_device(driver="vfio-pci", **SLEEPING), False),
        (pci_device(power__runtime_status="active\n"), False),
    ],
)
def test_sleeping_gpus_are_kept_awake_where_nobody_looks_at_them(files: Files, speaks: bool, tmp_path: Path) -> None:
    found = advised(snapshot_of(tmp_path, files), gpu_awake="hints")
    assert keys(found) == (["pci.runtime_power@0000:03:00.0"] if speaks else [])


def test_drivers_that_choose_clocks_themselves_get_a_preference_only(tmp_path: Path) -> None:
    files: Files = {
        **FREQ,
        f"{POLICY}/scaling_driver": "intel_pstate\n",
        f"{POLICY}/scaling_governor": "powersave\n",
        f"{POLICY}/scaling_available_governors": "performance powersave\n",
        f"{POLICY}/energy_performance_preference": "balance_performance\n",
        f"{POLICY}/energy_performance_available_preferences": "default performance balance_performance power\n",
    }
    fast = advised(snapshot_of(tmp_path, files), governor="performance", energy_preference="performance")
    assert keys(fast) == ["cpu.energy_preference@policy0"]
    assert "both governors reach" in reason(fast, "cpu.governor")


def test_a_limit_of_the_firmware_is_not_written_over(tmp_path: Path) -> None:
    files = {**FREQ, f"{POLICY}/scaling_max_freq": "1200000\n", f"{POLICY}/bios_limit": "1200000\n"}
    found = advised(snapshot_of(tmp_path, files), clock_limit="warnings")
    assert keys(found) == []
    assert "firmware" in reason(found, "cpu.max_khz")


def test_deep_idle_states_only_where_asked_for(tmp_path: Path) -> None:
    states = {"0": ("POLL", "0"), "1": ("C1", "2"), "2": ("C6", "133")}
    files: Files = {"/sys/devices/system/cpu/cpuidle/current_driver": "intel_idle\n"}
    for number, (name, latency) in states.items():
        directory = f"{CPUS}/cpu0/cpuidle/state{number}"
        files |= {f"{directory}/name": name, f"{directory}/latency": latency, f"{directory}/disable": "0"}
    snapshot = snapshot_of(tmp_path, files)
    assert keys(advised(snapshot, idle_states="performance")) == ["cpu.idle_disable@cpu0.state2"]
    assert keys(advised(snapshot, idle_states="hints")) == []


def test_the_lowest_clock_only_where_asked_for(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, {**FREQ, f"{POLICY}/base_frequency": "2400000\n"})
    (found,) = advised(snapshot, lowest_clock="performance").settings
    assert (found.key, found.found, found.value) == ("cpu.min_khz@policy0", "800000", "2400000")
    assert keys(advised(snapshot, lowest_clock="hints")) == []


def test_what_a_profile_leaves_out_is_told_where_it_would_have_spoken(tmp_path: Path) -> None:
    found = advised(snapshot_of(tmp_path, THP_OFF))
    assert keys(found) == []
    assert "this profile leaves it alone (advice huge-pages)" in reason(found, "thp.enabled")
    assert not [left for left in found.left_out if left.key == "vm.overcommit_memory"]


def test_what_a_profile_sets_takes_the_place_of_advice(tmp_path: Path) -> None:
    mine = Profile(name="mine", summary="", advice={"huge-pages": "hints"}, settings={"thp.enabled": "always"})
    (found,) = advise(snapshot_of(tmp_path, THP_OFF), mine).settings
    assert (found.key, found.value) == ("thp.enabled", "always")


def test_what_could_not_be_read_is_not_called_right(tmp_path: Path) -> None:
    found = advise(
        take_snapshot(tree_host(tmp_path, {})),
        Profile(name="mine", summary="", advice={advice.name: "hints" for advice in ADVICE}, settings={}),
    )
    assert found.settings == ()
    kinds = {left.key: left.kind for left in found.left_out}
    assert kinds["vm.overcommit_memory"] == kinds["vm.dirty_bytes"] == "unknown"
    assert "right" not in {kinds[key] for key in ("vm.swappiness", "vm.max_map_count", "vm.min_free_kbytes")}

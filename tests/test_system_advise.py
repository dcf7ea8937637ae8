"""Advice for the system: for each advice a machine on which it speaks and one on which it is silent."""

from pathlib import Path

import pytest
from trees import write_tree

from llmtune.advisors.system.advise import ADVICE, advise
from llmtune.advisors.system.profile import Profile, Strength
from llmtune.probe.host import Host
from llmtune.probe.snapshot import take_snapshot
from llmtune.probe.tree import TreeSource
from llmtune.tuners.knobs.catalogue import known_keys

PROC_VM = "/proc/sys/vm"
THP = "/sys/kernel/mm/transparent_hugepage"
CPUS = "/sys/devices/system/cpu"
QUIET = {
    "/proc/meminfo": "MemTotal: 33554432 kB\nMemFree: 30000000 kB\nMemAvailable: 31000000 kB\nHugepagesize: 2048 kB\n",
    "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1000000 0 -2\n",
    "/proc/cpuinfo": "processor\t: 0\n",
    f"{PROC_VM}/swappiness": "60\n",
    f"{PROC_VM}/overcommit_memory": "0\n",
    f"{PROC_VM}/max_map_count": "65530\n",
    f"{PROC_VM}/min_free_kbytes": "67584\n",
    f"{PROC_VM}/dirty_ratio": "10\n",
    f"{PROC_VM}/dirty_bytes": "0\n",
    f"{THP}/enabled": "always [madvise] never\n",
    f"{THP}/defrag": "always defer defer+madvise [madvise] never\n",
    f"{CPUS}/online": "0\n",
    f"{CPUS}/possible": "0\n",
}
FREQ = {
    f"{CPUS}/cpufreq/policy0/scaling_driver": "acpi-cpufreq\n",
    f"{CPUS}/cpufreq/policy0/scaling_governor": "schedutil\n",
    f"{CPUS}/cpufreq/policy0/scaling_available_governors": "powersave performance schedutil\n",
    f"{CPUS}/cpufreq/policy0/affected_cpus": "0\n",
    f"{CPUS}/cpufreq/policy0/scaling_min_freq": "800000\n",
    f"{CPUS}/cpufreq/policy0/scaling_max_freq": "3600000\n",
    f"{CPUS}/cpufreq/policy0/cpuinfo_min_freq": "800000\n",
    f"{CPUS}/cpufreq/policy0/cpuinfo_max_freq": "3600000\n",
    f"{CPUS}/cpufreq/boost": "1\n",
}
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB"

CASES: list[tuple[str, Strength, dict[str, str], dict[str, str]]] = [
    ("huge-pages", "hints", {f"{THP}/enabled": "always madvise [never]\n"}, {"thp.enabled": "madvise"}),
    (
        "huge-pages-defrag",
        "warnings",
        {f"{THP}/enabled": "[always] madvise never\n", f"{THP}/defrag": "[always] defer madvise never\n"},
        {"thp.defrag": "madvise"},
    ),
    ("overcommit", "warnings", {f"{PROC_VM}/overcommit_memory": "2\n"}, {"vm.overcommit_memory": "0"}),
    ("map-count", "warnings", {f"{PROC_VM}/max_map_count": "1000\n"}, {"vm.max_map_count": "65530"}),
    ("reserve", "warnings", {f"{PROC_VM}/min_free_kbytes": "8000000\n"}, {"vm.min_free_kbytes": "262144"}),
    ("swappiness", "hints", {f"{PROC_VM}/swappiness": "180\n"}, {"vm.swappiness": "60"}),
    (
        "idle-huge-pages",
        "warnings",
        {f"{POOL}/nr_hugepages": "8000\n", f"{POOL}/free_hugepages": "7000\n", f"{POOL}/resv_hugepages": "100\n"},
        {"hugepages.2048kB": "1100"},
    ),
    (
        "write-back",
        "hints",
        {f"{PROC_VM}/dirty_ratio": "40\n"},
        {"vm.dirty_background_bytes": "1073741824", "vm.dirty_bytes": "4294967296"},
    ),
    (
        "governor",
        "warnings",
        {**FREQ, f"{CPUS}/cpufreq/policy0/scaling_governor": "powersave\n"},
        {"cpu.governor@policy0": "schedutil"},
    ),
    ("governor", "performance", FREQ, {"cpu.governor@policy0": "performance"}),
    ("boost", "warnings", {**FREQ, f"{CPUS}/cpufreq/boost": "0\n"}, {"cpu.boost": "1"}),
    (
        "clock-limit",
        "warnings",
        {**FREQ, f"{CPUS}/cpufreq/policy0/scaling_max_freq": "1200000\n"},
        {"cpu.max_khz@policy0": "3600000"},
    ),
]


def profile(name: str, strength: Strength) -> Profile:
    return Profile(name="mine", summary="", advice={name: strength}, settings={})


@pytest.mark.parametrize(("name", "strength", "files", "wanted"), CASES)
def test_where_the_machine_has_the_fault_the_setting_follows(
    name: str, strength: Strength, files: dict[str, str], wanted: dict[str, str], tmp_path: Path
) -> None:
    snapshot = take_snapshot(Host(TreeSource(str(write_tree(tmp_path / "m", {**QUIET, **files})))))
    found = advise(snapshot, profile(name, strength))
    assert {setting.key: setting.value for setting in found.settings} == wanted
    assert all(setting.reason and setting.effect.text for setting in found.settings)
    assert not advise(snapshot, profile(name, "off")).settings


@pytest.mark.parametrize("name", [advice.name for advice in ADVICE])
def test_a_machine_without_fault_is_left_alone_with_the_reason(name: str, tmp_path: Path) -> None:
    snapshot = take_snapshot(Host(TreeSource(str(write_tree(tmp_path / "m", {**QUIET, **FREQ})))))
    found = advise(snapshot, profile(name, "hints"))
    assert not found.settings
    about = next(advice.key for advice in ADVICE if advice.name == name)
    assert [left.reason for left in found.left_out if left.key == about]
    assert all(left.reason for left in found.left_out)


def test_what_a_profile_sets_is_set(tmp_path: Path) -> None:
    snapshot = take_snapshot(Host(TreeSource(str(write_tree(tmp_path / "m", QUIET)))))
    mine = Profile(name="mine", summary="", advice={}, settings={"vm.swappiness": "10"})
    assert [(found.key, found.value) for found in advise(snapshot, mine).settings] == [("vm.swappiness", "10")]


def test_every_key_that_is_advised_can_be_applied() -> None:
    known = {key.partition("@")[0].replace("SIZEkB", "") for key in known_keys()}
    for advice in ADVICE:
        assert any(key.startswith(advice.key) for key in known), advice.key

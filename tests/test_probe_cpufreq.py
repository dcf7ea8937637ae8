from pathlib import Path

import pytest
from trees import Link, tree_host

from llmtune.probe.cpufreq import parse_khz, parse_spaced_numbers, probe_cpufreq
from llmtune.probe.reading import Malformed

CPU = "/sys/devices/system/cpu"


def policy(number: int, **files: str) -> dict[str, str]:
    known = {
        "affected_cpus": str(number),
        "scaling_driver": "intel_pstate",
        "scaling_governor": "powersave",
        "scaling_available_governors": "performance powersave",
        "energy_performance_preference": "balance_performance",
        "energy_performance_available_preferences": "default performance power",
        "scaling_max_freq": "4000000",
        "scaling_min_freq": "800000",
        "cpuinfo_max_freq": "4000000",
        "cpuinfo_min_freq": "800000",
        "base_frequency": "2300000",
        "scaling_cur_freq": "984987",
        **files,
    }
    return {f"{CPU}/cpufreq/policy{number}/{name}": text for name, text in known.items()}


def test_alike_policies_are_one_group(tmp_path: Path) -> None:
    files = {f"{CPU}/cpu{n}/online": "1" for n in range(3)}
    files |= {f"{CPU}/intel_pstate/status": "active", f"{CPU}/intel_pstate/no_turbo": "1"}
    files |= policy(0) | policy(1) | policy(2, scaling_max_freq="3000000", cpuinfo_max_freq="3000000")
    freq = probe_cpufreq(tree_host(tmp_path, files))
    assert (freq.driver, freq.intel_pstate, freq.boost) == ("intel_pstate", "active", False)
    assert freq.boost_source == f"{CPU}/intel_pstate/no_turbo"
    assert freq.available_governors == ("performance", "powersave")
    assert [(g.cpus, g.max_khz, g.hardware_max_khz) for g in freq.groups] == [
        ((0, 1), 4_000_000, 4_000_000),
        ((2,), 3_000_000, 3_000_000),
    ]
    first = freq.groups[0]
    assert (first.governor, first.epp, first.base_khz, first.current_khz) == (
        "powersave",
        "balance_performance",
        2_300_000,
        984_987,
    )


def test_shared_policy_names_its_cpus(tmp_path: Path) -> None:
    files = {f"{CPU}/cpu{n}/online": "1" for n in range(4)} | policy(0, affected_cpus="0 1 2 3", boost="1")
    [group] = probe_cpufreq(tree_host(tmp_path, files)).groups
    assert (group.policies, group.cpus, group.boost) == ((0,), (0, 1, 2, 3), True)


def test_old_kernels_have_a_directory_at_each_cpu(tmp_path: Path) -> None:
    files: dict[str, str | bytes | Link] = {}
    for path, text in policy(0, affected_cpus="0 1").items():
        files[path.replace(f"{CPU}/cpufreq/policy0", f"{CPU}/cpu0/cpufreq")] = text
    files[f"{CPU}/cpu1/cpufreq"] = Link("../cpu0/cpufreq")
    freq = probe_cpufreq(tree_host(tmp_path, files))
    assert freq.driver == "intel_pstate"
    assert [(g.directory, g.cpus) for g in freq.groups] == [(f"{CPU}/cpu0/cpufreq", (0, 1))]


def test_acpi_cpufreq_lists_its_frequencies(tmp_path: Path) -> None:
    files = policy(0, scaling_available_frequencies="3250000 2300000 1500000 ", bios_limit="3250000")
    files[f"{CPU}/cpufreq/boost"] = "1"
    freq = probe_cpufreq(tree_host(tmp_path, files))
    assert (freq.boost, freq.groups[0].top_listed_khz, freq.groups[0].firmware_max_khz) == (True, 3_250_000, 3_250_000)


def test_none_in_a_virtual_machine(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {f"{CPU}/cpu0/online": "1"})
    freq = probe_cpufreq(host)
    assert (freq.driver, freq.boost, freq.groups, host.gaps) == (None, None, (), [])


@pytest.mark.parametrize("raw", ["-5", "99999999999", "fast"])
def test_damaged_clock_is_a_gap(tmp_path: Path, raw: str) -> None:
    host = tree_host(tmp_path, policy(0, scaling_max_freq=raw))
    assert probe_cpufreq(host).groups[0].max_khz is None
    assert [gap.reason for gap in host.gaps] == ["malformed"]


@pytest.mark.parametrize(("text", "khz"), [("2300000", 2_300_000), ("<unknown>", None), ("0", None), ("", None)])
def test_parse_khz(text: str, khz: int | None) -> None:
    assert parse_khz(text) == khz


def test_parse_spaced_numbers() -> None:
    assert parse_spaced_numbers("3 1 2") == (1, 2, 3)
    with pytest.raises(Malformed):
        parse_spaced_numbers("1 x")

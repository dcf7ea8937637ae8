"""Knobs of devices on laid-out machines: queues, clocks, huge page pools, PCI, swap."""

import shutil
from pathlib import Path

import pytest
from tuner_trees import (
    NODES,
    POLICIES,
    POOLS,
    QUEUE,
    block_files,
    cpu_files,
    lay_out,
    pci_files,
    pool_files,
    put,
    swap_files,
    whole_machine,
)

from llmtune.tuners.knobs.catalogue import coupled, expand, resolve
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.knobs.knob import Gone, Refused, Unavailable
from llmtune.tuners.knobs.processes import ProcessKnob
from llmtune.tuners.knobs.swap import OFF, SwapKnob
from llmtune.tuners.values_now import identities, same_things


@pytest.fixture
def machine(tmp_path: Path) -> Tree:
    return lay_out(tmp_path, whole_machine())


def first_bytes(tree: Tree, path: str, count: int) -> bytes:
    return Path(tree.path(path)).read_bytes()[:count]


def test_the_names_of_the_default_pool_are_one_knob(machine: Tree) -> None:
    aliases = {resolve(key, machine).key for key in ("vm.nr_hugepages", "hugepages.2048kB")}
    assert aliases == {"hugepages.2048kB"}
    assert resolve("vm.nr_hugepages", machine).command("8") == "sysctl -w vm.nr_hugepages=8"
    put(machine, "/proc/meminfo", "MemTotal: 65536000 kB\nHugepagesize: 1048576 kB\n")
    assert resolve("vm.nr_hugepages", machine).key == "hugepages.1048576kB"
    assert resolve("hugepages.2048kB", machine).command("8").endswith("hugepages-2048kB/nr_hugepages")


def test_a_pool_is_coupled_with_its_parts_on_the_nodes(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, pool_files(nodes=(0, 1, 10)))
    whole = ("hugepages.2048kB", "hugepages.2048kB@node0", "hugepages.2048kB@node1", "hugepages.2048kB@node10")
    assert coupled("hugepages.2048kB", machine) == whole
    assert set(coupled("hugepages.2048kB@node10", machine)) == set(whole)


def test_pools_of_two_sizes_are_apart(machine: Tree) -> None:
    put(machine, f"{NODES}/node1/hugepages/hugepages-1048576kB/nr_hugepages", "3\n")
    assert resolve("hugepages.1048576kB@node1", machine).read() == "3"
    assert resolve("hugepages.2048kB@node1", machine).read() == "0"


def test_a_pool_leaves_memory_to_the_machine(machine: Tree) -> None:
    # 90 % of 65536000 KiB are 28800 pages of 2 MiB and 56 of 1 GiB.
    assert resolve("hugepages.2048kB", machine).canonical("28800") == "28800"
    with pytest.raises(Refused, match="at most 28800"):
        resolve("hugepages.2048kB", machine).canonical("28801")
    with pytest.raises(Refused, match="at most 56"):
        resolve("hugepages.1048576kB@node0", machine).canonical("57")


def test_fewer_pages_are_a_shortfall_and_more_are_none(machine: Tree) -> None:
    pool = resolve("hugepages.2048kB", machine)
    assert pool.falls_short("9", "2")
    assert not pool.falls_short("9", "9")
    assert not pool.falls_short("9", "12")
    assert not pool.matches("9", "2")


@pytest.mark.parametrize(
    ("now", "surplus", "asked", "pending"),
    [("256", "256", "0", True), ("256", "0", "0", False), ("256", "100", "156", True), ("0", "0", "0", False)],
)
def test_pages_in_use_are_pending(machine: Tree, now: str, surplus: str, asked: str, pending: bool) -> None:
    put(machine, f"{POOLS}/hugepages-2048kB/nr_hugepages", now)
    put(machine, f"{POOLS}/hugepages-2048kB/surplus_hugepages", surplus)
    told = resolve("hugepages.2048kB", machine).pending(asked)
    assert (told is not None) is pending
    assert told is None or f"{int(now) - int(asked)} pages" in told


@pytest.mark.parametrize("key", ["hugepages.2048kB@node", "hugepages.kB", "hugepages.2048", "hugepages.2048kB@0"])
def test_a_pool_that_is_none_is_refused(machine: Tree, key: str) -> None:
    with pytest.raises(Refused):
        resolve(key, machine)


def test_a_scheduler_takes_all_that_it_resets_with_it(machine: Tree) -> None:
    keys = coupled("block.scheduler@nvme0n1", machine)
    assert keys[0] == "block.scheduler@nvme0n1"
    assert set(keys[1:]) == {
        "block.nr_requests@nvme0n1",
        "block.wbt_lat_usec@nvme0n1",
        "block.add_random@nvme0n1",
        "block.max_sectors_kb@nvme0n1",
        "block.iosched.front_merges@nvme0n1",
        "block.iosched.read_expire@nvme0n1",
    }
    assert coupled("block.read_ahead_kb@nvme0n1", machine) == ("block.read_ahead_kb@nvme0n1",)


def test_a_key_without_its_device_stands_for_all(tmp_path: Path) -> None:
    files = block_files() | {"/sys/block/sda/queue/read_ahead_kb": "128\n", "/sys/block/odd/size": "1\n"}
    machine = lay_out(tmp_path, files)
    assert expand("block.read_ahead_kb", machine) == ["block.read_ahead_kb@nvme0n1", "block.read_ahead_kb@sda"]


def test_a_key_of_devices_on_a_machine_without_any_is_refused(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, {})
    for key in ("block.read_ahead_kb", "cpu.governor", "pci.runtime_power", "cpu.idle_disable"):
        with pytest.raises(Refused, match="no device"):
            expand(key, machine)


def test_a_device_that_was_pulled_is_gone_and_not_broken(machine: Tree) -> None:
    key = "block.read_ahead_kb@nvme0n1"
    told = identities([key], machine)
    assert same_things(told, machine) is None
    shutil.rmtree(machine.path("/sys/block/nvme0n1"))
    with pytest.raises(Gone):
        resolve(key, machine).read()
    with pytest.raises(Gone):
        resolve(key, machine).identity()
    assert "no device nvme0n1" in (same_things(told, machine) or "")


@pytest.mark.parametrize("change", [{"serial": "S2"}, {"diskseq": "10"}], ids=["another-disk", "same-disk-replugged"])
def test_another_disk_under_this_name_is_told(tmp_path: Path, change: dict[str, str]) -> None:
    machine = lay_out(tmp_path / "a", block_files())
    told = identities(["block.read_ahead_kb@nvme0n1"], machine)
    other = lay_out(tmp_path / "b", block_files(**change))
    assert "another one" in (same_things(told, other) or "")


def test_a_device_without_this_setting_is_not_gone(machine: Tree) -> None:
    Path(machine.path(f"{QUEUE}/wbt_lat_usec")).unlink()
    with pytest.raises(Unavailable) as why:
        resolve("block.wbt_lat_usec@nvme0n1", machine).read()
    assert not isinstance(why.value, Gone)


def test_policies_come_in_natural_order(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, cpu_files(cpus=12, per_policy=1))
    assert expand("cpu.governor", machine) == [f"cpu.governor@policy{n}" for n in range(12)]


def test_a_governor_comes_before_the_preference_that_it_governs(machine: Tree) -> None:
    assert coupled("cpu.governor@policy2", machine) == (
        "cpu.governor@policy2",
        "cpu.energy_preference@policy2",
        "cpu.min_khz@policy2",
        "cpu.max_khz@policy2",
    )


def test_only_governors_and_preferences_that_the_driver_offers_are_taken(machine: Tree) -> None:
    governor = resolve("cpu.governor@policy0", machine)
    assert governor.canonical("performance") == "performance"
    with pytest.raises(Refused, match="performance, powersave"):
        governor.canonical("schedutil")
    preference = resolve("cpu.energy_preference@policy0", machine)
    assert preference.canonical("balance_power") == "balance_power"
    with pytest.raises(Refused):
        preference.canonical("turbo")
    assert preference.holds("128"), "the kernel may have held a number"


def test_frequencies_lie_between_what_the_hardware_can_do(machine: Tree) -> None:
    low = resolve("cpu.min_khz@policy0", machine)
    assert low.canonical("4800000") == "4800000"
    for beyond in ("799999", "4800001"):
        with pytest.raises(Refused, match="kHz"):
            low.canonical(beyond)


def test_commands_name_the_cpus_of_a_policy(machine: Tree) -> None:
    assert resolve("cpu.governor@policy2", machine).command("performance") == (
        "cpupower -c 2,3 frequency-set -g performance"
    )
    assert resolve("cpu.min_khz@policy0", machine).command("900000") == "cpupower -c 0,1 frequency-set -d 900000"


def test_no_turbo_says_the_opposite_of_boost(machine: Tree) -> None:
    path = "/sys/devices/system/cpu/intel_pstate/no_turbo"
    boost = resolve("cpu.boost", machine)
    assert boost.read() == "1"
    boost.write("0")
    assert first_bytes(machine, path, 1) == b"1"
    assert boost.read() == "0"
    boost.write("1")
    assert first_bytes(machine, path, 1) == b"0"


def test_boost_of_other_drivers_is_as_it_reads(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, {f"{POLICIES}/boost": "1\n"})
    boost = resolve("cpu.boost", machine)
    boost.write("0")
    assert boost.read() == "0"
    assert first_bytes(machine, f"{POLICIES}/boost", 1) == b"0"


def test_boost_takes_the_upper_limits_with_it(machine: Tree) -> None:
    assert coupled("cpu.boost", machine) == ("cpu.boost", "cpu.max_khz@policy0", "cpu.max_khz@policy2")


def test_each_idle_state_of_each_cpu_is_a_knob(machine: Tree) -> None:
    assert len(expand("cpu.idle_disable", machine)) == 8
    resolve("cpu.idle_disable@cpu3.state1", machine).write("1")
    assert first_bytes(machine, "/sys/devices/system/cpu/cpu3/cpuidle/state1/disable", 1) == b"1"
    assert first_bytes(machine, "/sys/devices/system/cpu/cpu2/cpuidle/state1/disable", 1) == b"0"


def test_a_pci_device_is_told_by_what_sits_in_the_slot(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, pci_files())
    key = "pci.runtime_power@0000:01:00.0"
    told = identities([key], machine)
    assert told == {key: "0x10de 0x2204"}
    put(machine, "/sys/bus/pci/devices/0000:01:00.0/device", "0x1234\n")
    assert same_things(told, machine) is not None
    assert resolve(key, machine).canonical("on") == "on"
    with pytest.raises(Refused, match="auto, on"):
        resolve(key, machine).canonical("off")
    assert resolve("pci.aspm_policy", machine).read() == "default"


def test_swap_areas_are_read_from_the_kernel(machine: Tree) -> None:
    assert resolve("swap.priority@/dev/sda2", machine).read() == "-2"
    assert resolve("swap.priority@/swap.old", machine).read() == OFF
    with pytest.raises(Gone):
        resolve("swap.priority@/swap.new", machine).read()


def test_swap_that_is_not_in_use_is_not_switched_on(machine: Tree) -> None:
    with pytest.raises(Refused, match="not in use"):
        resolve("swap.priority@/swap.old", machine).canonical("5")


@pytest.mark.parametrize("odd", ["-1", "32768", "", "1.5", "0x1", "٣", "5 "])
def test_swap_priorities_outside_the_kernel_s_are_refused(machine: Tree, odd: str) -> None:
    with pytest.raises(Refused):
        resolve("swap.priority@/dev/sda2", machine).canonical(odd)


def test_swap_that_holds_pages_is_not_switched_off(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, swap_files(used_kib=4))
    with pytest.raises(OSError, match="4 KiB are swapped out"):
        resolve("swap.priority@/dev/sda2", machine).write("5")


def test_swap_commands_say_what_happens() -> None:
    knob = resolve("swap.priority@/dev/sda2")
    assert isinstance(knob, SwapKnob)
    assert knob.command("5") == "swapoff /dev/sda2 && swapon -p 5 /dev/sda2"
    assert knob.command("-2") == "swapoff /dev/sda2 && swapon /dev/sda2"
    assert knob.command(OFF) == "swapoff /dev/sda2"
    assert not isinstance(knob, ProcessKnob)

"""All GPUs of a machine, through the true pynvml and an NVML of ours."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import nvml_machines as machines
import pytest
from gpu_machines import RADEON, pci_device
from gpu_watching import LiveTree
from trees import write_tree

from llmtune.probe.sample.gpu_events import BusEvents
from llmtune.probe.sample.gpus import GpuWatch
from llmtune.probe.tree import TreeSource

WATCHING = Path(__file__).with_name("gpu_watching.py")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return machines.build_library(tmp_path_factory.mktemp("nvml"))


def play(library: Path, folder: Path, *scenarios: str) -> dict[str, Any]:
    """What the scenarios of `gpu_watching.py` show, one after the other in one process."""
    environment = machines.environment(library, folder / "nvml.txt") | {"FAKE_NVML_LOG": str(folder / "asked")}
    command = [sys.executable, str(WATCHING), str(folder), *scenarios]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=100, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def shown(library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The scenarios that do not mind that NVML is in use already."""
    names = ("slow", "hanging", "lost", "resting", "traffic", "kinds", "plugged", "without_a_bus", "garbage")
    return play(library, tmp_path_factory.mktemp("shown"), *names, "hanging_from_the_start")


def test_eight_slow_gpus_are_read_side_by_side(shown: dict[str, Any]) -> None:
    told = shown["slow"]
    one, eight = told["took"]
    assert told["at_once"] == 8
    assert eight < 4 * one


def test_a_gpu_that_hangs_keeps_its_name_and_holds_up_no_other(shown: dict[str, Any]) -> None:
    told = shown["hanging"]
    hung = told["hung"][1]
    assert [one["trouble"] for one in told["well"]] == [None] * 3
    assert hung["trouble"].startswith("does not answer since ")
    assert (hung["name"], hung["uuid"]) == (told["well"][1]["name"], told["well"][1]["uuid"])
    assert (hung["power_mw"], hung["utilization_percent"], hung["temperature_c"], hung["users"]) == (
        None,
        None,
        None,
        [],
    )
    assert hung["total_bytes"] == told["well"][1]["total_bytes"]
    assert [one["trouble"] is None for one in told["later"]] == [True, False, True]
    assert told["later"][0]["clock_s"] > told["hung"][0]["clock_s"]
    assert [one["trouble"] for one in told["back"]] == [None] * 3


def test_gpus_that_never_answered_are_shown_by_their_place(shown: dict[str, Any]) -> None:
    told = shown["hanging_from_the_start"]
    assert [one["pci_address"] for one in told["first"]] == [f"0000:{n:02x}:00.0" for n in range(0x10, 0x18)]
    assert all(one["trouble"].startswith("does not answer") for one in told["later"])


def test_a_lost_gpu_says_so_and_comes_back(shown: dict[str, Any]) -> None:
    told = shown["lost"]
    gone = told["gone"]
    assert gone[0]["trouble"] is None
    assert gone[1]["trouble"] == "lost: GPU is lost (NVML error 15)"
    assert (gone[1]["name"], gone[1]["utilization_percent"]) == ("NVIDIA H100 80GB HBM3", None)
    assert gone[1]["uuid"].endswith("1")
    assert told["back"][1]["power_mw"] == 120000


def test_sleeping_gpus_are_not_asked(library: Path, tmp_path: Path) -> None:
    told = play(library, tmp_path, "asleep")["asleep"]
    assert [one["asleep"] for one in told["sleeping"]] == [True, True]
    assert told["asked_asleep"] == {}  # not even nvmlInit
    assert [one["asleep"] for one in told["awake"]] == [True, False]
    assert {question for question in told["asked_awake"] if question.startswith("0 ")} == {"0 init"}
    assert told["again"][1]["asleep"]
    assert told["again"][1]["power_mw"] is None
    assert told["again"][1]["name"] == "NVIDIA H100 80GB HBM3"
    assert told["asked_again"] == {}
    assert told["asked_in_all"]["0 shutdown"] == 1  # Nothing is left open that could keep it awake.


def test_a_gpu_that_would_fall_asleep_is_left_alone(shown: dict[str, Any]) -> None:
    asked = shown["resting"]
    assert asked["0 power"] * 3 < asked["1 power"]


def test_what_goes_over_the_links(shown: dict[str, Any]) -> None:
    told = shown["traffic"]
    counters, gpm, blocking = told["seen"]
    # The counter's clock is not quite ours, which matters for so short an interval.
    assert 500_000 < counters["pcie_tx_bytes_per_s"] < 50_000_000
    assert counters["pcie_rx_bytes_per_s"] == pytest.approx(14 * counters["pcie_tx_bytes_per_s"], rel=0.01)
    assert (counters["nvlink_tx_bytes"], counters["nvlink_rx_bytes"]) == (8 << 10, 16 << 10)
    assert counters["dram_percent"] is None
    assert (gpm["dram_percent"], gpm["pcie_tx_bytes_per_s"], gpm["pcie_rx_bytes_per_s"]) == (62.5, 2 << 20, 7 << 19)
    assert (gpm["nvlink_tx_bytes"], gpm["nvlink_rx_bytes"]) == (1500, 30)  # of each link
    assert (blocking["pcie_tx_bytes_per_s"], blocking["pcie_rx_bytes_per_s"]) == (100_000, 200_000)
    assert (blocking["nvlink_tx_bytes"], blocking["fan_percent"]) == (None, 31)
    asked = told["asked"]
    # What is not there is asked once, and what blocks rarely.
    assert asked["2 field.197"] == asked["2 gpm"] == asked["2 field.139"] == 1
    assert asked["2 throughput.0"] * 5 < asked["2 power"]
    assert asked["1 field.197"] == 1  # It has 32 bits, which a busy link runs through several times a second.
    assert "0 throughput.0" not in asked
    assert "1 throughput.0" not in asked


def test_kinds_of_gpus(shown: dict[str, Any]) -> None:
    told = shown["kinds"]
    shared, sliced, foreign, bare = told["seen"]
    assert (shared["memory_kind"], shared["total_bytes"], shared["used_bytes"]) == (
        "unified",
        131072000 << 10,
        31072000 << 10,
    )
    assert shared["throttle_reasons"] == ["hardware slowdown", "heat (hardware)"]
    assert shared["throttle_harmful"] == ["hardware slowdown", "heat (hardware)"]
    user = {"pid": 1, "name": "VLLM::EngineCore", "used_bytes": 60000 << 20, "container": f"docker {'ab' * 6}"}
    assert shared["users"] == [user]
    assert (sliced["utilization_percent"], sliced["memory_kind"]) == (None, "dedicated")
    assert foreign["trouble"] == "its driver vfio-pci tells nothing"
    assert bare["trouble"] == "no driver is bound to it"
    assert told["asked"]["1 utilization"] == 1
    assert told["asked"]["0 name"] == told["asked"]["1 name"] == 1


def test_gpus_come_and_go(shown: dict[str, Any]) -> None:
    told = shown["plugged"]
    assert told["counts"] == [1, 2, 1]
    assert told["last"][0]["pci_address"] == "0000:11:00.0"
    assert "gpu 0" not in told["threads"]


def test_gpus_that_no_bus_shows(shown: dict[str, Any]) -> None:
    told = shown["without_a_bus"]
    assert [(one["index"], one["pci_address"]) for one in told] == [(0, "0000:10:00.0"), (1, "0000:11:00.0")]


def test_nonsense_is_not_shown(shown: dict[str, Any]) -> None:
    (gpu,) = shown["garbage"]
    nonsense = (
        "utilization_percent",
        "memory_busy_percent",
        "dram_percent",
        "fan_percent",
        "power_mw",
        "temperature_c",
    )
    assert {name: gpu[name] for name in (*nonsense, "core_mhz", "memory_mhz", "total_bytes", "pci_address")} == (
        dict.fromkeys((*nonsense, "core_mhz", "memory_mhz", "total_bytes", "pci_address"))
    )
    assert gpu["trouble"] is None


def test_a_driver_that_is_loaded_later(library: Path, tmp_path: Path) -> None:
    told = play(library, tmp_path, "no_driver")["no_driver"]
    assert told["before"][0]["trouble"] == "NVML: Driver Not Loaded (NVML error 9)"
    assert told["before"][0]["pci_address"] == "0000:10:00.0"
    assert told["after"][0]["trouble"] is None


@pytest.mark.heavy
def test_the_kernels_events_are_heard() -> None:
    events, stopped = BusEvents(), threading.Event()
    assert not events.wait(0.1, stopped)
    device = next(Path("/sys/bus/pci/devices").iterdir())
    threading.Timer(0.2, lambda: (device / "uevent").write_text("change")).start()
    assert events.wait(20, stopped)
    assert not events.wait(0.1, stopped)


def test_without_gpus_there_are_no_threads(tmp_path: Path) -> None:
    threads = threading.active_count()
    console = pci_device(vendor="0x1a03", device="0x2000", driver="ast")
    watch = GpuWatch(LiveTree(str(write_tree(tmp_path, console))))
    watch.start()
    assert watch.moments() == ()
    assert threading.active_count() == threads
    watch.stop()


def test_a_folder_gives_one_reading(tmp_path: Path) -> None:
    threads = threading.active_count()
    watch = GpuWatch(TreeSource(str(write_tree(tmp_path, RADEON))))
    watch.start()
    (gpu,) = watch.moments()
    assert (gpu.name, gpu.power_mw, gpu.utilization_percent) == ("Radeon RX 7900 XTX", 25_000, 3)
    assert watch.moments() == (gpu,)
    assert threading.active_count() == threads
    watch.stop()

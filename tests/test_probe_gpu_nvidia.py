"""The true pynvml over our own NVML library."""

from pathlib import Path
from typing import Any

import nvml_machines as machines
import pytest
from trees import tree_host

from llmtune.probe.gpu.nvidia import parse_cuda_version, parse_module_version, read_nvidia
from llmtune.probe.gpu.nvidia_device import bus_address
from llmtune.probe.gpu.nvidia_links import nvlinks_between
from llmtune.probe.gpu.nvml_words import harmful_words, throttle_words
from llmtune.probe.host import Answer, Host, Json, Question
from llmtune.probe.reading import Malformed, Unreadable

NO_LIBRARY: dict[Question, Answer | Unreadable] = {
    ("nvml", "nvmlDeviceGetCount"): Unreadable("missing", "no such file (NVML error 12)")
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return machines.build_library(tmp_path_factory.mktemp("nvml"))


def test_eight_gpus_on_nvlink(library: Path, tmp_path: Path) -> None:
    told = machines.read(library, tmp_path, machines.NVLINK)
    assert [gpu["index"] for gpu in told["gpus"]] == list(range(8))
    first = told["gpus"][0]
    expected: dict[str, Any] = {
        "vendor": "nvidia",
        "name": "NVIDIA H100 80GB HBM3",
        "pci_address": "0000:10:00.0",
        "serial": "170000",
        "architecture": "Hopper",
        "compute_capability": "9.0",
        "link": {"generation_now": 5, "generation_max": 5, "width_now": 16, "width_max": 16},
        "power": {
            "draw_mw": 120_000,
            "limit_mw": 700_000,
            "default_limit_mw": 700_000,
            "min_limit_mw": 200_000,
            "max_limit_mw": 700_000,
        },
        "clocks": {"core_mhz": 1980, "core_max_mhz": 1980, "memory_mhz": 2619, "memory_max_mhz": 2619},
        "temperature_c": 45,
        "slowdown_temperature_c": 87,
        "throttle_reasons": ["idle"],
        "throttle_harmful": [],
        "utilization_percent": 0,
        "ecc_enabled": True,
        "ecc_uncorrected_errors": 0,
        "retired_pages_pending": False,
        "mig_enabled": False,
        "persistence_mode": True,
        "display_active": False,
        "lost": None,
    }
    assert {key: first[key] for key in expected} == expected
    memory = first["memory"]
    sizes = [
        memory[name] >> 20 for name in ("total_bytes", "reserved_bytes", "free_bytes", "used_bytes", "visible_bytes")
    ]
    assert sizes == [81559, 600, 80000, 959, 131072]
    # Process 1 is in both lists and really there; the other is not on this machine.
    init = Path("/proc/1/comm").read_text().strip()
    assert [(p["pid"], p["name"], p["used_bytes"] >> 20) for p in first["processes"]] == [
        (1, init, 60000),
        (999_999_999, None, 512),
    ]
    assert len(told["pairs"]) == 28
    assert {(pair["kind"], pair["nvlinks"], pair["peer_access"]) for pair in told["pairs"]} == {
        ("NVLink x18", 18, True)
    }
    assert (told["stack"]["driver_version"], told["stack"]["cuda_version"]) == ("570.86.15", "12.8")
    assert told["stack"]["library_error"] is None
    assert told["gaps"] == []
    assert told["calls"] <= 8 * 36 + 28 + 3


def test_bridge_between_two_of_three(library: Path, tmp_path: Path) -> None:
    pairs = machines.read(library, tmp_path, machines.BRIDGE)["pairs"]
    assert [(p["first"], p["second"], p["kind"], p["peer_access"]) for p in pairs] == [
        (0, 1, "NVLink x2", True),
        (0, 2, "same NUMA node", True),
        (1, 2, "across NUMA nodes", False),
    ]


def test_mig(library: Path, tmp_path: Path) -> None:
    told = machines.read(library, tmp_path, machines.MIG)
    (gpu,) = told["gpus"]
    assert gpu["mig_enabled"] is True
    assert gpu["utilization_percent"] is None
    assert [(m["name"], m["uuid"][-1], m["memory"]["total_bytes"] >> 20) for m in gpu["mig_instances"]] == [
        ("NVIDIA H100 MIG 3g.40gb", "1", 40448),
        ("NVIDIA H100 MIG 1g.10gb", "5", 9728),
    ]
    assert told["gaps"] == []


def test_throttling_card(library: Path, tmp_path: Path) -> None:
    free, hot = machines.read(library, tmp_path, machines.THROTTLING)["gpus"]
    assert free["throttle_harmful"] == []
    assert hot["throttle_harmful"] == ["hardware slowdown", "heat (hardware)"]
    assert (hot["temperature_c"], hot["clocks"]["core_mhz"]) == (91, 345)


def test_lost_card_does_not_hide_the_others(library: Path, tmp_path: Path) -> None:
    told = machines.read(library, tmp_path, machines.LOST)
    assert [(gpu["index"], gpu["lost"], gpu["name"]) for gpu in told["gpus"]] == [
        (0, None, "NVIDIA H100 80GB HBM3"),
        (1, "GPU is lost (NVML error 15)", None),
        (2, None, "NVIDIA H100 80GB HBM3"),
    ]
    assert [(pair["first"], pair["second"]) for pair in told["pairs"]] == [(0, 2)]


def test_card_lost_while_it_is_read(library: Path, tmp_path: Path) -> None:
    told = machines.read(library, tmp_path, machines.FALLING)
    assert [gpu["lost"] for gpu in told["gpus"]] == [None, "GPU is lost (NVML error 15)"]
    assert told["pairs"] == []


def test_hanging_call_costs_one_time_out(library: Path, tmp_path: Path) -> None:
    told = machines.read(library, tmp_path, machines.HANGING)
    assert [gpu["index"] for gpu in told["gpus"]] == [0, 1]
    assert told["gpus"][0]["temperature_c"] == 45
    assert told["stack"]["library_error"] == "nvmlDeviceGetTemperature(1, 0): no answer within 0.7 s"
    assert [(gap["source"], gap["reason"]) for gap in told["gaps"]] == [("nvmlDeviceGetTemperature(1, 0)", "timed out")]


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("0 init error 18", "RM has detected an NVML/RM version mismatch. (NVML error 18)"),
        ("0 init error 9", "Driver Not Loaded (NVML error 9)"),
        ("0 init error 4", "Insufficient Permissions (NVML error 4)"),
        ("0 init error 999", "Unknown Error (NVML error 999)"),
    ],
)
def test_library_that_does_not_start(library: Path, tmp_path: Path, description: str, words: str) -> None:
    told = machines.read(library, tmp_path, description)
    assert (told["gpus"], told["pairs"], told["stack"]["library_error"]) == ([], [], words)
    assert [gap["detail"] for gap in told["gaps"]] == [words]


def test_old_driver_and_card(library: Path, tmp_path: Path) -> None:
    (gpu,) = machines.read(library, tmp_path, machines.OLD)["gpus"]
    assert (gpu["architecture"], gpu["compute_capability"]) == ("Kepler", "3.7")
    assert (gpu["memory"]["total_bytes"] >> 20, gpu["memory"]["reserved_bytes"]) == (11441, None)
    assert gpu["throttle_reasons"] == ["power limit"]
    assert (gpu["ecc_uncorrected_errors"], gpu["retired_pages_pending"], gpu["mig_enabled"]) == (3, True, None)


def test_threshold_told_as_a_margin(library: Path, tmp_path: Path) -> None:
    more = "0 threshold.1 error 3\n0 margin 40"
    (gpu,) = machines.read(library, tmp_path, machines.machine(1, more))["gpus"]
    assert gpu["slowdown_temperature_c"] == 85


def test_nonsense_is_no_answer(library: Path, tmp_path: Path) -> None:
    (gpu,) = machines.read(library, tmp_path, machines.GARBAGE)["gpus"]
    names = ("pci_address", "architecture", "ecc_enabled", "persistence_mode", "retired_pages_pending", "mig_instances")
    assert [gpu[name] for name in names] == [None, None, None, None, None, []]
    assert gpu["temperature_c"] is None
    assert gpu["memory"]["total_bytes"] is None


def test_no_library_and_no_module_is_no_stack(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {}, NO_LIBRARY)
    assert read_nvidia(host) == ((), (), None)
    assert host.gaps == []


def test_module_without_library_is_told(tmp_path: Path) -> None:
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
    _, _, stack = read_nvidia(tree_host(tmp_path, {"/proc/driver/nvidia/version": text}, NO_LIBRARY))
    assert stack is not None
    assert (stack.module_version, stack.library_error) == ("535.104.05", "no such file (NVML error 12)")


SMI = ("command", "/usr/bin/nvidia-smi", "-q", "-x")
SMI_XML = (
    "<nvidia_smi_log><driver_version>570.10</driver_version>"
    '<gpu id="00000000:65:00.0"><product_name>Test GPU</product_name></gpu></nvidia_smi_log>'
)


@pytest.mark.parametrize(
    ("why", "names"),
    [
        (Unreadable("not asked"), ["Test GPU"]),
        (Unreadable("missing", "libnvidia-ml.so.1: no such file (NVML error 12)"), ["Test GPU"]),
        (Unreadable("missing", "pynvml: No module named 'pynvml'"), ["Test GPU"]),
        (Unreadable("missing", "Driver Not Loaded (NVML error 9)"), []),
        (Unreadable("timed out", "no answer within 5 s"), []),
    ],
)
def test_nvidia_smi_in_place_of_nvml(tmp_path: Path, why: Unreadable, names: list[str]) -> None:
    answers: dict[Question, Answer | Unreadable] = {("nvml", "nvmlDeviceGetCount"): why, SMI: SMI_XML}
    files = {"/sys/module/nvidia/version": "570.10\n"}
    gpus, pairs, stack = read_nvidia(tree_host(tmp_path, files, answers))
    assert [gpu.name for gpu in gpus] == names
    assert pairs == ()
    assert stack is not None
    assert (stack.module_version, stack.driver_version) == ("570.10", "570.10" if names else None)


def test_garbage_from_nvidia_smi_is_a_gap(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {}, {("nvml", "nvmlDeviceGetCount"): Unreadable("not asked"), SMI: "No devices"})
    assert read_nvidia(host) == ((), (), None)
    assert [(gap.source, gap.reason) for gap in host.gaps] == [("/usr/bin/nvidia-smi -q -x", "malformed")]


def test_address_of_a_lost_card_from_the_drivers_list(tmp_path: Path) -> None:
    lost = Unreadable("malformed", "GPU is lost (NVML error 15)")
    answers: dict[Question, Answer | Unreadable] = {
        ("nvml", "nvmlDeviceGetCount"): 2,
        ("nvml", "nvmlDeviceGetPciInfo", 0): {"busId": "00000000:41:00.0"},
        ("nvml", "nvmlDeviceGetPciInfo", 1): lost,
    }
    files = {f"/proc/driver/nvidia/gpus/{name}/information": "Model: x\n" for name in ("0000:41:00.0", "0000:c1:00.0")}
    gpus, _, _ = read_nvidia(tree_host(tmp_path, files, answers))
    assert [(gpu.pci_address, bool(gpu.lost)) for gpu in gpus] == [("0000:41:00.0", False), ("0000:c1:00.0", True)]


@pytest.mark.parametrize("answer", [[], {}, "", None, -1, 10**30, True, 1.5, [None] * 3, {"busId": 7, "total": "x"}])
def test_strange_recordings_do_not_raise(tmp_path: Path, answer: Any) -> None:
    class Strange:
        name, live = "strange", False

        def ask(self, question: tuple[str | int, ...]) -> Any:
            if question[0] != "nvml":
                raise Unreadable("missing")
            return 2 if question[1] == "nvmlDeviceGetCount" else answer

    gpus, pairs, _ = read_nvidia(Host(Strange()))
    assert (len(gpus), len(pairs)) == (2, 1)
    assert [gpu.model_validate(gpu.model_dump()) for gpu in gpus] == list(gpus)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\nGCC version: 12", "535.104.05"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build", "580.95.05"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  575.57.08", "575.57.08"),
    ],
)
def test_module_version(text: str, version: str) -> None:
    assert parse_module_version(text) == version


@pytest.mark.parametrize("text", ["", "NVRM version: none", "Kernel Module  x.y", "\0\xff"])
def test_no_module_version(text: str) -> None:
    with pytest.raises(Malformed):
        parse_module_version(text)


@pytest.mark.parametrize(
    ("number", "version"), [(12080, "12.8"), (13000, "13.0"), (0, None), (None, None), (10**9, None)]
)
def test_cuda_version(number: int | None, version: str | None) -> None:
    assert parse_cuda_version(number) == version


@pytest.mark.parametrize(
    ("bus_id", "address"),
    [
        ("00000000:C1:00.0", "0000:c1:00.0"),
        ("00010000:01:00.0", "10000:01:00.0"),
        ("", None),
        (5, None),
        ("0:1:2.3", None),
    ],
)
def test_bus_address(bus_id: object, address: str | None) -> None:
    assert bus_address(bus_id) == address


def test_reasons_in_words() -> None:
    assert throttle_words(0) == ()
    assert throttle_words(1 << 40) == ()
    assert throttle_words(0x1 | 0x80) == ("idle", "power brake from the power supply")
    assert harmful_words(0x1 | 0x2) == ()


def test_links_over_switches_are_the_fewer_of_both() -> None:
    link: dict[str, Json] = {"active": True, "remote_type": 2, "remote": "00000000:C0:00.0"}
    off: dict[str, Json] = {"active": False}
    assert nvlinks_between([link] * 6, "0000:11:00.0", [link] * 5 + [off], "0000:10:00.0") == 5
    assert nvlinks_between([], None, [], None) == 0

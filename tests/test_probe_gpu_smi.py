"""The parsers of nvidia-smi's XML and rocm-smi's JSON, on outputs of our own writing and on recorded ones."""

import json
from pathlib import Path

import pytest
from recorded import recordings_folder
from trees import write_tree

from llmtune.probe.gpu.rocm_json import parse_rocm_json
from llmtune.probe.gpu.smi_source import open_smi_output, read_nvidia_smi, read_rocm_smi
from llmtune.probe.gpu.smi_xml import parse_smi_xml
from llmtune.probe.gpu.types import Gpu
from llmtune.probe.host import Host
from llmtune.probe.open import open_host
from llmtune.probe.reading import Malformed

XML = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
  <driver_version>570.10</driver_version><cuda_version>12.8</cuda_version>
  <gpu id="00000000:65:00.0">
    <product_name>Test GPU</product_name><uuid>GPU-1</uuid><serial>N/A</serial>
    <persistence_mode>Enabled</persistence_mode>
    <pci><pci_gpu_link_info>
      <pcie_gen><max_link_gen>4</max_link_gen><current_link_gen>1</current_link_gen></pcie_gen>
      <link_widths><max_link_width>16x</max_link_width><current_link_width>8x</current_link_width></link_widths>
    </pci_gpu_link_info></pci>
    <clocks_event_reasons>
      <clocks_event_reason_gpu_idle>Not Active</clocks_event_reason_gpu_idle>
      <clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap>
      <clocks_event_reason_applications_clocks_setting>Active</clocks_event_reason_applications_clocks_setting>
    </clocks_event_reasons>
    <fb_memory_usage>
      <total>1024 MiB</total><reserved>24 MiB</reserved><used>N/A</used><free>700 MiB</free>
    </fb_memory_usage>
    <gpu_power_readings>
      <instant_power_draw>99.50 W</instant_power_draw><current_power_limit>250.00 W</current_power_limit>
      <default_power_limit>300.00 W</default_power_limit></gpu_power_readings>
    <processes><process_info><pid>12</pid><process_name>/usr/bin/llama-server -m x</process_name>
      <used_memory>300 MiB</used_memory></process_info></processes>
  </gpu>
</nvidia_smi_log>"""


def test_what_nvidia_smi_says() -> None:
    gpus, stack = parse_smi_xml(XML)
    gpu = gpus[0]
    assert (stack.driver_version, stack.cuda_version) == ("570.10", "12.8")
    assert (gpu.name, gpu.pci_address, gpu.serial) == ("Test GPU", "0000:65:00.0", None)
    assert (gpu.link.generation_now, gpu.link.generation_max, gpu.link.width_now, gpu.link.width_max) == (1, 4, 8, 16)
    assert gpu.throttle_reasons == ("application clocks setting", "power limit")
    assert gpu.throttle_harmful == ("power limit",)
    assert (gpu.memory.total_bytes, gpu.memory.used_bytes, gpu.memory.free_bytes) == (1 << 30, None, 700 << 20)
    assert (gpu.power.draw_mw, gpu.power.limit_mw, gpu.power.default_limit_mw) == (99_500, 250_000, 300_000)
    assert [(p.pid, p.name, p.used_bytes) for p in gpu.processes] == [(12, "llama-server", 300 << 20)]
    assert gpu.ecc_enabled is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<a/>",
        "<nvidia_smi_log>",
        '<!DOCTYPE x [<!ENTITY a "aaa">]><nvidia_smi_log>&a;</nvidia_smi_log>',
        "\0",
        "{}",
    ],
)
def test_what_is_not_nvidia_smi_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_smi_xml(text)


def gpu_with(inside: str, address: str = "00000000:65:00.0") -> Gpu:
    (gpu,), _ = parse_smi_xml(f'<nvidia_smi_log><gpu id="{address}">{inside}</gpu></nvidia_smi_log>')
    return gpu


def test_address_in_a_domain_beyond_16_bits() -> None:
    assert gpu_with("", "00010000:01:00.0").pci_address == "10000:01:00.0"


@pytest.mark.parametrize(
    ("inside", "slowdown_c"),
    [
        ("<gpu_temp>38 C</gpu_temp><gpu_temp_slow_threshold>89 C</gpu_temp_slow_threshold>", 89),
        (
            "<gpu_temp>38 C</gpu_temp><gpu_temp_tlimit>49 C</gpu_temp_tlimit>"
            "<gpu_temp_slow_tlimit_threshold>-2 C</gpu_temp_slow_tlimit_threshold>",
            89,
        ),
        ("<gpu_temp>38 C</gpu_temp><gpu_temp_tlimit>N/A</gpu_temp_tlimit>", None),
        ("<gpu_temp_tlimit>49 C</gpu_temp_tlimit>", None),
    ],
)
def test_temperature_at_which_the_clocks_go_down(inside: str, slowdown_c: int | None) -> None:
    assert gpu_with(f"<temperature>{inside}</temperature>").slowdown_temperature_c == slowdown_c


def test_numbers_that_cannot_be_are_left_out() -> None:
    gpu = gpu_with(
        "<temperature><gpu_temp>-99999 C</gpu_temp></temperature><utilization><gpu_util>700 %</gpu_util></utilization>"
    )
    assert (gpu.temperature_c, gpu.utilization_percent) == (None, None)


@pytest.mark.parametrize("inside", ["<a/>" * 500_000, "<a>" * 300_000 + "</a>" * 300_000])
def test_a_flood_of_elements_is_refused(inside: str) -> None:
    with pytest.raises(Malformed, match="elements"):
        parse_smi_xml(f"<nvidia_smi_log>{inside}</nvidia_smi_log>")


def test_what_rocm_smi_does_not_know_is_left_out() -> None:
    card = {"Card series": "0x1002", "VRAM Total Memory (B)": "-5", "PCI Bus": "0000:07:00.0"}
    (gpu,), _, _ = parse_rocm_json(json.dumps({"card0": card}))
    assert (gpu.name, gpu.memory.total_bytes) == (None, None)


def test_what_rocm_smi_says() -> None:
    card = {
        "Card series": "Test",
        "PCI Bus": "0000:0A:00.0",
        "VRAM Total Memory (B)": "1000",
        "VRAM Total Used Memory (B)": "400",
        "Average Graphics Package Power (W)": "N/A (Secondary die)",
        "Max Graphics Package Power (W)": "211.0",
        "sclk clock speed:": "(500Mhz)",
        "pcie clock level": "1 (16.0GT/s x8)",
        "0": "2.5GT/s x1",
        "1": "16.0GT/s x16 *",
        "2": "1200Mhz",
    }
    system = {"Driver version": "6.3.6", "(Topology) Link type between DRM devices 0 and 1": "XGMI"}
    gpus, pairs, stack = parse_rocm_json(json.dumps({"card0": card, "system": system}))
    gpu = gpus[0]
    assert (gpu.memory.total_bytes, gpu.memory.free_bytes) == (1000, 600)
    assert (gpu.power.draw_mw, gpu.power.limit_mw) == (None, 211_000)
    assert (gpu.link.generation_now, gpu.link.width_now, gpu.link.width_max) == (4, 8, 16)
    assert gpu.clocks.core_mhz == 500
    assert [(pair.first, pair.second, pair.kind) for pair in pairs] == [(0, 1, "XGMI")]
    assert stack.driver_version == "6.3.6"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"card0": 1}', '{"system": {}}', "[" * 100_000])
def test_what_is_not_rocm_smi_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_rocm_json(text)


def test_output_beside_proc_and_sys(tmp_path: Path) -> None:
    write_tree(tmp_path, {"/nvidia-smi.xml": XML})
    assert [gpu.name for gpu in read_nvidia_smi(open_host(str(tmp_path)))[0]] == ["Test GPU"]


def recorded_outputs() -> list[Path]:
    folder = recordings_folder()
    return sorted((folder / "smi").iterdir()) if folder and (folder / "smi").is_dir() else []


@pytest.mark.parametrize("path", recorded_outputs(), ids=lambda path: path.name)
def test_recorded_outputs(path: Path) -> None:
    text = path.read_text()
    source = open_smi_output(path.name, text)
    assert source is not None
    host = Host(source)
    gpus = read_nvidia_smi(host)[0] or read_rocm_smi(host)[0]
    assert len(gpus) == max(text.count("<gpu id="), text.count('"card'))
    for gpu in gpus:
        assert gpu.name or gpu.pci_address
        if "<total>" in text and "fb_memory_usage" in text:
            assert gpu.memory.total_bytes
        if gpu.memory.free_bytes is not None and gpu.memory.total_bytes is not None:
            assert 0 <= gpu.memory.free_bytes <= gpu.memory.total_bytes
    assert host.gaps == []

"""GPUs as `nvidia-smi -q -x` prints them, for where that output is all there is.

Every field is a text such as `320.00 W` or `N/A`; what does not have the expected form is left out.
"""

import re
from typing import TypeVar
from xml.etree.ElementTree import Element, ParseError, fromstring

from ..reading import Malformed
from .throttle import CLOCK_EVENTS
from .types import Gpu, GpuClocks, GpuMemory, GpuPower, GpuProcess, GpuStack, MigInstance, PcieLink

T = TypeVar("T")

MAX_GPUS = 64
MAX_ELEMENTS = 200_000
"""A GPU has about 400, and 10 a process."""
MAX_PROCESSES = 1000
_NUMBER = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(%|C|W|MHz|MiB|x)?", re.ASCII)
_PCI_ADDRESS = re.compile(r"([0-9A-Fa-f]{4,8}):([0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])", re.ASCII)


def parse_smi_xml(text: str) -> tuple[tuple[Gpu, ...], GpuStack]:
    """The GPUs and the driver; raises `Malformed` for anything that is not nvidia-smi's XML."""
    # The output's DOCTYPE names an outside file, which the parser ignores; entities it never declares.
    if "<!ENTITY" in text:
        raise Malformed("it declares XML entities, which nvidia-smi never does")
    # Before a tree of it is made: small tags and attributes take forty times the memory of their text.
    if text.count("<") + text.count("=") > 2 * MAX_ELEMENTS:
        raise Malformed(f"more than {MAX_ELEMENTS} XML elements")
    try:
        log = fromstring(text)  # noqa: S314  entities are refused above
    except (ParseError, ValueError, RecursionError) as error:
        raise Malformed(f"not XML: {error}") from None
    if log.tag != "nvidia_smi_log":
        raise Malformed(f"not the output of nvidia-smi -q -x: it begins with <{log.tag[:40]}>")
    gpus = tuple(_gpu(index, node) for index, node in enumerate(log.findall("gpu")[:MAX_GPUS]))
    stack = GpuStack(
        vendor="nvidia",
        driver_version=_text(log, "driver_version"),
        module_version=None,
        cuda_version=_text(log, "cuda_version"),
        library_error=None,
        device_nodes=(),
        missing_device_nodes=(),
    )
    return gpus, stack


def _gpu(index: int, node: Element) -> Gpu:
    reasons = _reasons(node)
    address = _PCI_ADDRESS.fullmatch(node.get("id", ""))
    temperature = _within(_integer(node, "temperature/gpu_temp"), -100, 300)
    return Gpu(
        index=index,
        vendor="nvidia",
        name=_text(node, "product_name"),
        pci_address=f"{int(address[1], 16):04x}:{address[2].lower()}" if address else None,
        uuid=_text(node, "uuid"),
        serial=_text(node, "serial"),
        driver="nvidia",
        numa_node=None,
        local_cpus=None,
        architecture=_text(node, "product_architecture"),
        compute_capability=None,
        integrated=None,
        memory=_memory(node, visible_bytes=_bytes(node, "bar1_memory_usage/total")),
        link=PcieLink(
            generation_now=_integer(node, "pci/pci_gpu_link_info/pcie_gen/current_link_gen"),
            generation_max=_integer(node, "pci/pci_gpu_link_info/pcie_gen/max_link_gen"),
            width_now=_integer(node, "pci/pci_gpu_link_info/link_widths/current_link_width"),
            width_max=_integer(node, "pci/pci_gpu_link_info/link_widths/max_link_width"),
        ),
        power=_power(node),
        clocks=GpuClocks(
            core_mhz=_integer(node, "clocks/sm_clock"),
            core_max_mhz=_integer(node, "max_clocks/sm_clock"),
            memory_mhz=_integer(node, "clocks/mem_clock"),
            memory_max_mhz=_integer(node, "max_clocks/mem_clock"),
        ),
        temperature_c=temperature,
        slowdown_temperature_c=_slowdown(node, temperature),
        throttle_reasons=None if reasons is None else tuple(words for words, _ in reasons),
        throttle_harmful=None if reasons is None else tuple(words for words, harmful in reasons if harmful),
        utilization_percent=_within(_integer(node, "utilization/gpu_util"), 0, 100),
        ecc_enabled=_enabled(node, "ecc_mode/current_ecc"),
        ecc_uncorrected_errors=_uncorrected(node),
        retired_pages_pending=_yes(node, "retired_pages/pending_retirement", "remapped_rows/remapped_row_pending"),
        mig_enabled=_enabled(node, "mig_mode/current_mig"),
        mig_instances=tuple(_mig(mig) for mig in node.findall("mig_devices/mig_device")[:MAX_GPUS]),
        persistence_mode=_enabled(node, "persistence_mode"),
        display_active=_enabled(node, "display_active"),
        processes=_processes(node),
        lost=None,
    )


def _memory(node: Element, visible_bytes: int | None = None) -> GpuMemory:
    return GpuMemory(
        kind=None if _bytes(node, "fb_memory_usage/total") is None else "dedicated",
        total_bytes=_bytes(node, "fb_memory_usage/total"),
        used_bytes=_bytes(node, "fb_memory_usage/used"),
        free_bytes=_bytes(node, "fb_memory_usage/free"),
        reserved_bytes=_bytes(node, "fb_memory_usage/reserved"),
        visible_bytes=visible_bytes,
    )


def _power(node: Element) -> GpuPower:
    # Before driver 530 the element was called power_readings and its draw power_draw.
    for name in ("gpu_power_readings", "power_readings"):
        readings = node.find(name)
        if readings is not None:
            draws = (_milliwatts(readings, f"{kind}power_draw") for kind in ("average_", "instant_", ""))
            return GpuPower(
                draw_mw=next((draw for draw in draws if draw is not None), None),
                limit_mw=_first(_milliwatts(readings, "current_power_limit"), _milliwatts(readings, "power_limit")),
                default_limit_mw=_milliwatts(readings, "default_power_limit"),
                min_limit_mw=_milliwatts(readings, "min_power_limit"),
                max_limit_mw=_milliwatts(readings, "max_power_limit"),
            )
    return GpuPower(draw_mw=None, limit_mw=None, default_limit_mw=None, min_limit_mw=None, max_limit_mw=None)


def _reasons(node: Element) -> list[tuple[str, bool]] | None:
    for prefix in ("clocks_event_reason", "clocks_throttle_reason"):
        reasons = node.find(f"{prefix}s")
        if reasons is not None:
            active = {
                child.tag.removeprefix(f"{prefix}_") for child in reasons if (child.text or "").strip() == "Active"
            }
            return [(event.words, event.harmful) for event in CLOCK_EVENTS if event.smi_name in active]
    return None


def _slowdown(node: Element, temperature: int | None) -> int | None:
    """Where the clocks go down. Newer cards count degrees left (`tlimit`), and slow down at a given count."""
    threshold = _within(_integer(node, "temperature/gpu_temp_slow_threshold"), 1, 300)
    margin = _within(_integer(node, "temperature/gpu_temp_tlimit"), -100, 200)
    if threshold is not None or temperature is None or margin is None:
        return threshold
    return temperature + margin - (_within(_integer(node, "temperature/gpu_temp_slow_tlimit_threshold"), -50, 50) or 0)


def _mig(node: Element) -> MigInstance:
    return MigInstance(
        name=f"GPU instance {_text(node, 'gpu_instance_id') or 'not told'}",
        uuid=_text(node, "uuid"),
        memory=_memory(node, visible_bytes=_bytes(node, "bar1_memory_usage/total")),
    )


def _processes(node: Element) -> tuple[GpuProcess, ...]:
    found = []
    for entry in node.findall("processes/process_info")[:MAX_PROCESSES]:
        pid = _integer(entry, "pid")
        if pid is not None and pid >= 0:
            name = (_text(entry, "process_name") or "").rpartition("/")[2].partition(" ")[0]
            found.append(GpuProcess(pid=pid, name=name or None, used_bytes=_bytes(entry, "used_memory")))
    return tuple(found)


def _uncorrected(node: Element) -> int | None:
    errors = node.find("ecc_errors/volatile")
    if errors is None:
        return None
    counts = [
        _number(child.text, None)
        for child in errors.iter()
        if "uncorrectable" in child.tag or child.tag == "double_bit"
    ]
    known = [int(count) for count in counts if count is not None]
    return sum(known) if known else None


def _text(node: Element, path: str) -> str | None:
    found = node.find(path)
    text = (found.text or "").strip() if found is not None else ""
    return None if text in ("", "N/A", "REDACTED") or text.startswith("Requested functionality") else text[:200]


def _number(text: str | None, unit: str | None) -> float | None:
    match = _NUMBER.fullmatch((text or "").strip())
    return float(match[1]) if match and match[2] == unit else None


def _integer(node: Element, path: str) -> int | None:
    """A whole number with whatever unit the field has."""
    match = _NUMBER.fullmatch(_text(node, path) or "")
    return int(float(match[1])) if match else None


def _within(value: int | None, low: int, high: int) -> int | None:
    return value if value is not None and low <= value <= high else None


def _bytes(node: Element, path: str) -> int | None:
    count = _number(_text(node, path), "MiB")
    return None if count is None or count < 0 else int(count) << 20


def _milliwatts(node: Element, path: str) -> int | None:
    watts = _number(_text(node, path), "W")
    return None if watts is None or watts < 0 else round(watts * 1000)


def _enabled(node: Element, path: str) -> bool | None:
    return {"Enabled": True, "Disabled": False}.get(_text(node, path) or "")


def _yes(node: Element, *paths: str) -> bool | None:
    answers = [{"Yes": True, "No": False}.get(_text(node, path) or "") for path in paths]
    return True if True in answers else _first(*answers)


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)

"""GPUs as `rocm-smi --showallinfo --json` (or `-a --json`) prints them, for where that output is all there is.

The names of the fields have changed over the years; each is looked for under all that are known.
"""

import json
import re
from collections.abc import Mapping

from ..reading import Malformed
from .types import Gpu, GpuClocks, GpuMemory, GpuPair, GpuPower, GpuStack, PcieLink, blank_gpu

MAX_GPUS = 64
_NUMBER = re.compile(r"\(?(-?[0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(?:Mhz)?\)?", re.ASCII)
_LINK = re.compile(r"\(?(?:[0-9] \()?([0-9.]+) ?GT/s x([0-9]{1,2})", re.ASCII)
_PCIE_GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
_LINK_TYPE = re.compile(r"\(Topology\) Link type between DRM devices ([0-9]{1,3}) and ([0-9]{1,3})", re.ASCII)

Card = Mapping[str, object]


def parse_rocm_json(text: str) -> tuple[tuple[Gpu, ...], tuple[GpuPair, ...], GpuStack]:
    """The GPUs, how they are linked, and the driver; raises `Malformed` for anything that is not rocm-smi's JSON."""
    try:
        cards = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(cards, dict):
        raise Malformed("not the output of rocm-smi: no object of cards")
    numbered = {
        int(name.removeprefix("card")): card
        for name, card in cards.items()
        if re.fullmatch("card[0-9]{1,3}", name) and isinstance(card, dict)
    }
    if not numbered:
        raise Malformed("not the output of rocm-smi: it names no card")
    system = cards.get("system")
    system = system if isinstance(system, dict) else {}
    gpus = tuple(_gpu(index, numbered[index]) for index in sorted(numbered)[:MAX_GPUS])
    return gpus, _pairs(system), _stack(system)


def _gpu(index: int, card: Card) -> Gpu:
    total, used = _bytes(card, "VRAM Total Memory (B)"), _bytes(card, "VRAM Total Used Memory (B)")
    address = _text(card, "PCI Bus")
    speeds = _links(card)
    known = {
        "name": _name(card),
        "pci_address": address.lower() if address else None,
        "uuid": _text(card, "Unique ID"),
        "serial": _text(card, "Serial Number"),
        "driver": "amdgpu",
        "numa_node": _node(card),
        "architecture": _text(card, "GFX Version"),
        "memory": GpuMemory(
            kind=None,
            total_bytes=total,
            used_bytes=used,
            free_bytes=None if total is None or used is None else max(0, total - used),
            gtt_total_bytes=_bytes(card, "GTT Total Memory (B)"),
            gtt_used_bytes=_bytes(card, "GTT Total Used Memory (B)"),
            visible_bytes=_bytes(card, "VIS_VRAM Total Memory (B)"),
        ),
        "link": _link(card, speeds),
        "power": _power(card),
        "clocks": GpuClocks(
            core_mhz=_integer(card, "sclk clock speed:"),
            core_max_mhz=None,
            memory_mhz=_integer(card, "mclk clock speed:"),
            memory_max_mhz=None,
        ),
        "temperature_c": _integer(card, "Temperature (Sensor junction) (C)", "Temperature (Sensor edge) (C)"),
        "utilization_percent": _integer(card, "GPU use (%)"),
    }
    return blank_gpu(index, "amd").model_copy(update=known)


def _power(card: Card) -> GpuPower:
    draw = _number(card, "Average Graphics Package Power (W)", "Current Socket Graphics Package Power (W)")
    limit = _number(card, "Max Graphics Package Power (W)")
    return GpuPower(
        draw_mw=None if draw is None else round(draw * 1000),
        limit_mw=None if limit is None else round(limit * 1000),
        default_limit_mw=None,
        min_limit_mw=None,
        max_limit_mw=None,
    )


def _links(card: Card) -> list[tuple[int | None, int, bool]]:
    """Generation, width and whether chosen, of the numbered entries that are link speeds."""
    found = []
    for key, value in card.items():
        match = _LINK.match(str(value)) if key.isascii() and key.isdigit() else None
        if match:
            found.append((_PCIE_GENERATIONS.get(match[1]), int(match[2]), str(value).endswith("*")))
    return found


def _link(card: Card, speeds: list[tuple[int | None, int, bool]]) -> PcieLink:
    now = re.search(r"\(([0-9.]+)GT/s x([0-9]{1,2})\)", _text(card, "pcie clock level") or "")
    generations = [generation for generation, _, _ in speeds if generation]
    return PcieLink(
        generation_now=_PCIE_GENERATIONS.get(now[1]) if now else None,
        generation_max=max(generations, default=None),
        width_now=int(now[2]) if now else None,
        width_max=max((width for _, width, _ in speeds), default=None),
    )


def _pairs(system: Card) -> tuple[GpuPair, ...]:
    pairs = []
    for key, value in system.items():
        match = _LINK_TYPE.fullmatch(key)
        if match:
            kind = "PCIe" if value == "PCIE" else str(value)[:40]
            pairs.append(GpuPair(first=int(match[1]), second=int(match[2]), kind=kind, nvlinks=0, peer_access=None))
    return tuple(sorted(pairs, key=lambda pair: (pair.first, pair.second)))


def _stack(system: Card) -> GpuStack:
    return GpuStack(
        vendor="amd",
        driver_version=_text(system, "Driver version"),
        module_version=None,
        cuda_version=None,
        library_error=None,
        device_nodes=(),
        missing_device_nodes=(),
    )


def _node(card: Card) -> int | None:
    node = _integer(card, "(Topology) Numa Node")
    return node if node is not None and node >= 0 else None


def _name(card: Card) -> str | None:
    """The card's name; where the PCI database lacks it rocm-smi prints a number such as `0x1002`, which is none."""
    name = _text(card, "Card series", "Card Series")
    return None if name and re.fullmatch("0x[0-9a-fA-F]+", name) else name


def _bytes(card: Card, name: str) -> int | None:
    count = _integer(card, name)
    return None if count is None or count < 0 else count


def _text(card: Card, *names: str) -> str | None:
    for name in names:
        value = card.get(name)
        if isinstance(value, str) and value.strip() and not value.startswith("N/A"):
            return value.strip()[:200]
    return None


def _number(card: Card, *names: str) -> float | None:
    for name in names:
        match = _NUMBER.fullmatch(_text(card, name) or "")
        if match:
            return float(match[1])
    return None


def _integer(card: Card, *names: str) -> int | None:
    number = _number(card, *names)
    return None if number is None else int(number)

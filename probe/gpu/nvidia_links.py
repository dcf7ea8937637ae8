"""How NVIDIA's GPUs are connected: NVLink where there is, else the way over PCIe."""

from collections.abc import Mapping, Sequence

from ..host import Json
from .nvidia_device import bus_address
from .nvml_ask import Asker
from .nvml_words import TOPOLOGY_WORDS
from .types import Gpu, GpuPair

REMOTE_SWITCH = 2  # nvmlIntNvLinkDeviceType_t
P2P_READ = 0  # nvmlGpuP2PCapsIndex_t
P2P_OK = 0


def read_pairs(nvml: Asker, gpus: Sequence[Gpu]) -> tuple[GpuPair, ...]:
    """Every pair of GPUs that answer."""
    alive = [gpu for gpu in gpus if not gpu.lost]
    if len(alive) < 2:
        return ()
    links = {gpu.index: _links(nvml, gpu.index) for gpu in alive}
    pairs: list[GpuPair] = []
    for place, first in enumerate(alive):
        for second in alive[place + 1 :]:
            count = nvlinks_between(links[first.index], second.pci_address, links[second.index], first.pci_address)
            kind = f"NVLink x{count}" if count else _pcie_way(nvml, first.index, second.index)
            status = nvml.integer("nvmlDeviceGetP2PStatus", first.index, second.index, P2P_READ)
            if nvml.hung:
                return tuple(pairs)
            access = None if status is None else status == P2P_OK
            pairs.append(GpuPair(first=first.index, second=second.index, kind=kind, nvlinks=count, peer_access=access))
    return tuple(pairs)


def nvlinks_between(
    first: Sequence[Mapping[str, Json]],
    second_address: str | None,
    second: Sequence[Mapping[str, Json]],
    back: str | None,
) -> int:
    """Links that lead straight to the other; over NVSwitch as many as both have to the switches."""
    direct = max(_leading_to(first, second_address), _leading_to(second, back))
    return direct or min(_to_switches(first), _to_switches(second))


def _links(nvml: Asker, index: int) -> list[Mapping[str, Json]]:
    answer = nvml.ask("nvlinks", index)
    return [entry for entry in answer[:64] if isinstance(entry, dict)] if isinstance(answer, list) else []


def _leading_to(links: Sequence[Mapping[str, Json]], address: str | None) -> int:
    if address is None:
        return 0
    return sum(1 for link in links if link.get("active") is True and bus_address(link.get("remote")) == address)


def _to_switches(links: Sequence[Mapping[str, Json]]) -> int:
    return sum(1 for link in links if link.get("active") is True and link.get("remote_type") == REMOTE_SWITCH)


def _pcie_way(nvml: Asker, first: int, second: int) -> str:
    level = nvml.integer("nvmlDeviceGetTopologyCommonAncestor", first, second)
    return TOPOLOGY_WORDS.get(-1 if level is None else level, "not told")

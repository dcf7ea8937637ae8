"""The topology that AMD's compute driver tells.

Reads /sys/class/kfd/kfd/topology/nodes/*/{properties,name,mem_banks/*/properties,io_links/*/properties,
p2p_links/*/properties} (drivers/gpu/drm/amd/amdkfd/kfd_topology.c). Nothing here wakes a GPU.
"""

from collections.abc import Mapping

from ..host import Host
from ..parse import parse_int
from ..reading import Malformed, Reading
from .types import GpuPair

KFD_NODES = "/sys/class/kfd/kfd/topology/nodes"
MAX_NODES = 256
MAX_LINKS = 64
FRAME_BUFFER_HEAPS = (1, 2)
"""HSA_MEM_HEAP_TYPE_FB_PUBLIC and _PRIVATE."""
LINK_KINDS = {2: "PCIe", 11: "XGMI"}
"""CRAT_IOLINK_TYPE_PCIEXPRESS and _XGMI of kfd_crat.h."""


class KfdGpu(Reading):
    """A GPU node of the topology."""

    node: int
    name: str | None
    """The kernel's code name."""
    gfx: str | None
    """Such as gfx1100."""
    pci_address: str | None
    render_minor: int | None
    unique_id: str | None
    with_cpu: bool
    """The node has CPU cores too: an APU."""
    memory_bytes: int | None
    """The GPU's own memory."""
    max_mhz: int | None
    links: Mapping[int, str]
    """Other node -> PCIe or XGMI."""


def read_kfd(host: Host) -> tuple[KfdGpu, ...]:
    """The GPUs of the topology in its order, which is HIP's."""
    gpus = []
    for number, path in list(host.numbered(KFD_NODES, "").items())[:MAX_NODES]:
        properties = host.parsed(f"{path}/properties", parse_properties, optional=True)
        if properties and properties.get("simd_count", 0) > 0:
            gpus.append(_gpu(host, number, path, properties))
    return tuple(gpus)


def parse_properties(text: str) -> dict[str, int]:
    """Lines of `name number`."""
    found = {}
    for line in text.splitlines()[:500]:
        name, _, value = line.strip().partition(" ")
        if name:
            found[name] = parse_int(value, 0)
    return found


def gfx_name(version: int) -> str:
    """90010 -> gfx90a: major, then minor and stepping as one hexadecimal digit each."""
    major, minor, stepping = version // 10_000, version // 100 % 100, version % 100
    if not 6 <= major <= 99 or minor > 15 or stepping > 15:
        raise Malformed(f"not a gfx_target_version: {version}")
    return f"gfx{major}{minor:x}{stepping:x}"


def bus_address(domain: int, location: int) -> str:
    """(0, 25344) -> 0000:63:00.0."""
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"


def kfd_pairs(gpus: tuple[KfdGpu, ...], index_of: Mapping[int, int]) -> tuple[GpuPair, ...]:
    """The links between GPUs; node -> index. KFD lists a link only where the peers can reach each other."""
    pairs = {}
    for gpu in gpus:
        for other, kind in gpu.links.items():
            if gpu.node in index_of and other in index_of and other != gpu.node:
                first, second = sorted((index_of[gpu.node], index_of[other]))
                pairs[first, second] = GpuPair(first=first, second=second, kind=kind, nvlinks=0, peer_access=True)
    return tuple(pairs[place] for place in sorted(pairs))


def _gpu(host: Host, number: int, path: str, properties: Mapping[str, int]) -> KfdGpu:
    version, location = properties.get("gfx_target_version", 0), properties.get("location_id", 0)
    gfx = None
    if version:  # Kernels before 5.14 do not tell it.
        try:
            gfx = gfx_name(version)
        except Malformed as why:
            host.note_gap(f"{path}/properties", why)
    unique, domain = properties.get("unique_id", 0), properties.get("domain", 0)
    minor = properties.get("drm_render_minor", 0)
    return KfdGpu(
        node=number,
        name=(host.text(f"{path}/name", optional=True) or "")[:60] or None,
        gfx=gfx,
        pci_address=bus_address(domain, location) if location <= 0xFFFF and domain <= 0xFFFFFFFF else None,
        render_minor=minor if 128 <= minor <= 4096 else None,
        unique_id=f"{unique:016x}" if unique else None,
        with_cpu=properties.get("cpu_cores_count", 0) > 0,
        memory_bytes=_memory(host, path) or properties.get("local_mem_size") or None,
        max_mhz=properties.get("max_engine_clk_fcompute") or None,
        links=_links(host, path),
    )


def _memory(host: Host, path: str) -> int:
    banks = host.numbered(f"{path}/mem_banks", "")
    told = (host.parsed(f"{bank}/properties", parse_properties, optional=True) for bank in list(banks.values())[:16])
    return sum(bank.get("size_in_bytes", 0) for bank in told if bank and bank.get("heap_type") in FRAME_BUFFER_HEAPS)


def _links(host: Host, path: str) -> dict[int, str]:
    links = {}
    # io_links last: a direct link counts more than the way through the CPU.
    for folder in ("p2p_links", "io_links"):
        for link in list(host.numbered(f"{path}/{folder}", "").values())[:MAX_LINKS]:
            told = host.parsed(f"{link}/properties", parse_properties, optional=True) or {}
            kind = LINK_KINDS.get(told.get("type", 0))
            if kind and "node_to" in told:
                links[told["node_to"]] = kind
    return links

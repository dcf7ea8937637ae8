"""py-cpuinfo's view of the processor beside ours. It costs more than a second, so only `snapshot` asks for it.

It executes the CPUID instruction and reads lscpu, sysctl and dmesg: what it says does not come from the same files.
"""

from collections.abc import Mapping

from .cpu import Cpu, parse_cpuinfo
from .host import Host, Json
from .isa import instruction_sets
from .reading import Reading

_OTHER_NAMES = {"sse4.1": "sse4_1", "sse4.2": "sse4_2", "avx512vnni": "avx512_vnni"}
MAX_FLAGS = 2000


class CpuCrosscheck(Reading):
    """What py-cpuinfo says, and where it differs from `cpu`."""

    version: str | None
    """py-cpuinfo's own."""
    brand: str | None
    """The model's name; it names processors that /proc/cpuinfo does not."""
    vendor: str | None
    advertised_hz: int | None
    instruction_sets: tuple[str, ...] | None
    differences: tuple[str, ...]
    """In words; empty: both agree."""


def check_cpu(host: Host, cpu: Cpu) -> CpuCrosscheck | None:
    """Ask py-cpuinfo; None where it was not asked (trees, and recordings of others)."""
    answer = host.cpuinfo()
    return compare_cpu(answer, cpu, read_flags(host)) if answer is not None else None


def read_flags(host: Host) -> frozenset[str]:
    """The flags of the first CPU in /proc/cpuinfo."""
    first = next(iter(parse_cpuinfo(host.text("/proc/cpuinfo") or "").values()), {})
    return frozenset((first.get("flags") or first.get("Features") or "").split())


def compare_cpu(answer: Mapping[str, Json], cpu: Cpu, flags: frozenset[str]) -> CpuCrosscheck:
    """py-cpuinfo's answer, and in words what it says otherwise than `cpu`."""
    brand, vendor = _text(answer.get("brand_raw")), _text(answer.get("vendor_id_raw"))
    listed = answer.get("flags")
    theirs = (
        frozenset(_OTHER_NAMES.get(f, f) for f in listed[:MAX_FLAGS] if isinstance(f, str))
        if isinstance(listed, list)
        else None
    )
    sets = instruction_sets(cpu.architecture, theirs, "") if theirs else None
    return CpuCrosscheck(
        version=_text(answer.get("cpuinfo_version_string")),
        brand=brand,
        vendor=vendor,
        advertised_hz=_first_number(answer.get("hz_advertised")),
        instruction_sets=sets,
        differences=tuple(_differences(cpu, brand, vendor, sets, flags)),
    )


def _differences(
    cpu: Cpu, brand: str | None, vendor: str | None, sets: tuple[str, ...] | None, flags: frozenset[str]
) -> list[str]:
    found = []
    for what, ours, theirs in (("model", cpu.model_name, brand), ("vendor", cpu.vendor, vendor)):
        if theirs and not ours:
            found.append(f"{what}: py-cpuinfo says {theirs!r}, /proc/cpuinfo nothing")
        elif theirs and ours and " ".join(theirs.split()) != " ".join(ours.split()):
            found.append(f"{what}: py-cpuinfo says {theirs!r}, /proc/cpuinfo {ours!r}")
    if sets is not None and cpu.instruction_sets is not None and flags:
        only_theirs = [name for name in sets if name not in cpu.instruction_sets]
        only_ours = [name for name in cpu.instruction_sets if name not in sets]
        if only_theirs:
            names = ", ".join(only_theirs)
            found.append(f"instruction sets that only py-cpuinfo sees (the kernel may have switched them off): {names}")
        if only_ours:
            found.append(f"instruction sets that only the kernel lists: {', '.join(only_ours)}")
    return found


def _text(value: Json) -> str | None:
    return " ".join(value.split())[:300] or None if isinstance(value, str) else None


def _first_number(value: Json) -> int | None:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, int) and not isinstance(first, bool) and 0 < first < 10**12 else None

"""CPUs: what they are, how they are arranged, which of them are usable.

Reads /proc/cpuinfo, /sys/devices/system/cpu (Documentation/ABI/testing/sysfs-devices-system-cpu) and this process'
affinity in /proc/self/status. Counts are of what is online, as lscpu counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from .arm_names import arm_core_name
from .caches import Cache, read_caches
from .host import Host
from .isa import instruction_sets
from .parse import MAX_CPU_NUMBER, parse_cpu_list, parse_cpu_mask, parse_key_values
from .reading import Malformed, Reading

CPU_DIR = "/sys/devices/system/cpu"
Groups = tuple[tuple[int, ...], ...]


class CoreKind(Reading):
    """One kind of core of a hybrid CPU."""

    name: str
    """`performance`, `efficient` or `low-power` on x86; the core's name or its capacity on ARM."""
    cpus: tuple[int, ...]
    capacity: int | None
    """Relative single-thread speed, 1024 for the fastest (sysfs cpu_capacity)."""
    max_khz: int | None


class Cpu(Reading):
    """The processors of a machine."""

    architecture: str | None
    vendor: str | None
    model_name: str | None
    family: str | None
    model: str | None
    stepping: str | None
    microcode: str | None
    hypervisor: bool | None
    """Whether the CPU says that it is virtual (x86 only)."""
    sockets: int | None
    cores: int | None
    threads: int | None
    threads_per_core: int | None
    """The most online threads that one core has."""
    smt: Literal["on", "off", "forceoff", "notsupported", "notimplemented"] | None
    online_cpus: tuple[int, ...]
    offline_cpus: tuple[int, ...]
    isolated_cpus: tuple[int, ...] | None
    nohz_full_cpus: tuple[int, ...] | None
    affinity_cpus: tuple[int, ...] | None
    """Where this process may run."""
    core_cpus: Groups
    """The online threads of each core."""
    socket_cpus: Groups
    kinds: tuple[CoreKind, ...]
    """Empty where all cores are alike."""
    instruction_sets: tuple[str, ...] | None
    """Those of `isa.py` that all CPUs have; None where the kernel does not list them."""
    caches: tuple[Cache, ...]
    vulnerabilities: dict[str, str]
    """Name -> the kernel's words, from the vulnerabilities directory."""


def probe_cpu(host: Host) -> Cpu:
    """Read the processors."""
    blocks = parse_cpuinfo(host.text("/proc/cpuinfo") or "")
    directories = host.numbered(CPU_DIR, "cpu")
    online = _online(host, blocks, directories)
    present = host.cpu_list(f"{CPU_DIR}/present", optional=True) or tuple(directories) or online
    core_cpus = _groups(host, online, ("core_cpus_list", "thread_siblings_list", "core_cpus", "thread_siblings"))
    if not core_cpus:
        core_cpus = _groups_in_cpuinfo(blocks, online, ("physical id", "core id"))
    if not core_cpus and any(host.exists(f"{CPU_DIR}/cpu{cpu}/topology") for cpu in online[:1]):
        # Architectures without threads tell nothing of cores: then each CPU is one, as lscpu has it.
        core_cpus = tuple((cpu,) for cpu in online)
    socket_cpus = _groups(host, online, ("package_cpus_list", "core_siblings_list", "package_cpus", "core_siblings"))
    if not socket_cpus:
        socket_cpus = _sockets_by_id(host, online) or _groups_in_cpuinfo(blocks, online, ("physical id",))
    first: Mapping[str, str] = next(iter(blocks.values()), {})
    architecture = host.text("/proc/sys/kernel/arch", optional=True) or guess_architecture(first)
    flags = _common_flags(blocks.values())
    words = first.get("isa") or first.get("cpu") or ""
    return Cpu(
        architecture=architecture,
        vendor=first.get("vendor_id") or first.get("CPU implementer") or first.get("mvendorid"),
        model_name=_model_name(first),
        family=first.get("cpu family") or first.get("CPU Family"),
        model=first.get("model") or first.get("CPU part"),
        stepping=first.get("stepping") or first.get("CPU revision"),
        microcode=first.get("microcode"),
        hypervisor=("hypervisor" in flags) if flags and architecture in ("x86_64", "i686") else None,
        sockets=len(socket_cpus) or None,
        cores=len(core_cpus) or None,
        threads=len(online) or None,
        threads_per_core=max((len(core) for core in core_cpus), default=None),
        smt=host.parsed(f"{CPU_DIR}/smt/control", _parse_smt, optional=True),
        online_cpus=online,
        offline_cpus=tuple(sorted(set(present) - set(online))),
        isolated_cpus=host.cpu_list(f"{CPU_DIR}/isolated", optional=True),
        nohz_full_cpus=host.parsed(f"{CPU_DIR}/nohz_full", _parse_nohz, optional=True),
        affinity_cpus=read_affinity(host),
        core_cpus=core_cpus,
        socket_cpus=socket_cpus,
        kinds=_kinds(host, online, blocks),
        instruction_sets=instruction_sets(architecture, flags, words) if flags or words else None,
        caches=read_caches(host, online),
        vulnerabilities=_vulnerabilities(host),
    )


def parse_cpuinfo(text: str) -> dict[int, dict[str, str]]:
    """/proc/cpuinfo -> CPU number -> its lines; lines common to all CPUs (s390, POWER) go to every one."""
    common: dict[str, str] = {}
    cpus: dict[int, dict[str, str]] = {}
    for block in text.split("\n\n"):
        pairs = {key: value for key, value in parse_key_values(block).items() if key}
        number = pairs.get("processor", pairs.get("cpu number", ""))
        if number.isascii() and number.isdigit() and int(number) <= MAX_CPU_NUMBER:
            cpus[int(number)] = {**cpus.get(int(number), {}), **pairs}
            continue
        for key, value in pairs.items():
            name, _, index = key.rpartition(" ")
            if name == "processor" and index.isdigit() and int(index) <= MAX_CPU_NUMBER:
                cpus.setdefault(int(index), {})  # s390: "processor 0: version = 00, ..."
            else:
                common[key] = value
    return {number: common | pairs for number, pairs in cpus.items()} or ({0: common} if common else {})


def guess_architecture(first: Mapping[str, str]) -> str | None:
    """The architecture from the shape of its cpuinfo, for kernels before 6.1 (no /proc/sys/kernel/arch)."""
    if "vendor_id" in first and "flags" in first:
        return "x86_64" if "lm" in first["flags"].split() else "i686"
    if "CPU implementer" in first:
        return "aarch64" if first.get("CPU architecture", "").strip() in ("8", "9", "AArch64") else "armv7l"
    if first.get("vendor_id") == "IBM/S390":
        return "s390x"
    if "isa" in first and "hart" in first:
        return "riscv64" if first["isa"].startswith("rv64") else "riscv32"
    if "power" in first.get("cpu", "").lower() or "altivec" in first.get("cpu", ""):
        return "ppc64"
    if "loongson" in " ".join(first.values()).lower():
        return "loongarch64"
    return "ia64" if first.get("arch") == "IA-64" else None


def read_affinity(host: Host) -> tuple[int, ...] | None:
    """The CPUs on which this process may run; `taskset -pc $$` tells the same."""
    status = parse_key_values(host.text("/proc/self/status", optional=True) or "")
    listed = status.get("Cpus_allowed_list")
    if listed is None:
        return None
    try:
        return parse_cpu_list(listed)
    except Malformed as why:
        host.note_gap("/proc/self/status", why)
        return None


def _online(host: Host, blocks: Mapping[int, object], directories: Mapping[int, str]) -> tuple[int, ...]:
    # The directories tell exactly; the `online` list is what a recording without them still has.
    answers = {n: host.integer(f"{path}/online", 0, 1, optional=True) for n, path in directories.items()}
    if any(answer is not None for answer in answers.values()):
        topologies = {n for n, path in directories.items() if answers[n] is None and host.exists(f"{path}/topology")}
        return tuple(n for n, answer in answers.items() if answer == 1 or n in topologies)
    listed = host.cpu_list(f"{CPU_DIR}/online", optional=True)
    if listed:
        return listed
    if blocks and set(blocks) >= {n for n, path in directories.items() if host.exists(f"{path}/topology")}:
        return tuple(sorted(blocks))
    return tuple(directories)


def _groups(host: Host, online: Sequence[int], file_names: Sequence[str]) -> Groups:
    """The distinct sets of online CPUs that the first existing of the topology files names."""
    for file_name in file_names:
        parse = parse_cpu_list if file_name.endswith("_list") else parse_cpu_mask
        groups: dict[tuple[int, ...], None] = {}
        members: set[int] = set()
        wanted = set(online)
        for cpu in online:
            if cpu in members:
                continue
            if not groups and cpu != online[0]:
                break  # This kernel does not have the file.
            listed = host.parsed(f"{CPU_DIR}/cpu{cpu}/topology/{file_name}", parse, optional=True)
            if listed is None:
                continue
            group = tuple(n for n in listed if n in wanted and n not in members)
            group = group if cpu in group else (cpu,)
            groups[group] = None
            members.update(group)
        if groups and len(members) == len(wanted):
            return tuple(groups)
    return ()


def _sockets_by_id(host: Host, online: Sequence[int]) -> Groups:
    sockets: dict[tuple[int | None, ...], list[int]] = {}
    for cpu in online:
        package, book, drawer = (
            host.integer(f"{CPU_DIR}/cpu{cpu}/topology/{level}_id", -1, optional=True)
            for level in ("physical_package", "book", "drawer")
        )
        if package is None or package < 0:
            return ()
        sockets.setdefault((drawer, book, package), []).append(cpu)
    return tuple(tuple(cpus) for cpus in sockets.values())


def _groups_in_cpuinfo(blocks: Mapping[int, Mapping[str, str]], online: Sequence[int], keys: Sequence[str]) -> Groups:
    groups: dict[tuple[str, ...], list[int]] = {}
    for cpu in online:
        block = blocks.get(cpu, {})
        if not all(key in block for key in keys):
            return ()
        groups.setdefault(tuple(block[key] for key in keys), []).append(cpu)
    return tuple(tuple(cpus) for cpus in groups.values())


def _common_flags(blocks: Iterable[Mapping[str, str]]) -> frozenset[str]:
    texts = {block.get("flags") or block.get("Features") or block.get("features") or "" for block in blocks}
    sets = [frozenset(text.split()) for text in texts]
    return frozenset.intersection(*sets) if sets else frozenset()


def _model_name(first: Mapping[str, str]) -> str | None:
    for key in ("model name", "Model Name", "cpu model", "cpu", "uarch"):
        if first.get(key):
            return " ".join(first[key].split())
    implementer, part = first.get("CPU implementer"), first.get("CPU part")
    return arm_core_name(implementer, part) if implementer and part else None


def _kinds(host: Host, online: Sequence[int], blocks: Mapping[int, Mapping[str, str]]) -> tuple[CoreKind, ...]:
    groups: dict[str, tuple[int, ...]] = {}
    for name, pmu in (("performance", "cpu_core"), ("efficient", "cpu_atom"), ("low-power", "cpu_lowpower")):
        cpus = host.cpu_list(f"/sys/devices/{pmu}/cpus", optional=True)
        members = tuple(n for n in cpus or () if n in set(online))
        if members:
            groups[name] = members
    if not groups:
        for cpu in online:
            block = blocks.get(cpu, {})
            implementer, part = block.get("CPU implementer"), block.get("CPU part")
            if implementer and part:
                name = arm_core_name(implementer, part) or f"part {part}"
                groups[name] = (*groups.get(name, ()), cpu)
    if len(groups) < 2:
        return ()
    return tuple(
        CoreKind(
            name=name,
            cpus=cpus,
            capacity=host.integer(f"{CPU_DIR}/cpu{cpus[0]}/cpu_capacity", 1, 1024, optional=True),
            max_khz=host.integer(f"{CPU_DIR}/cpu{cpus[0]}/cpufreq/cpuinfo_max_freq", 1, optional=True),
        )
        for name, cpus in groups.items()
    )


def _vulnerabilities(host: Host) -> dict[str, str]:
    directory = f"{CPU_DIR}/vulnerabilities"
    found = {name: host.text(f"{directory}/{name}", optional=True) for name in host.names(directory)}
    return {name: words for name, words in found.items() if words is not None}


def _parse_smt(text: str) -> Literal["on", "off", "forceoff", "notsupported", "notimplemented"]:
    match text:
        case "on" | "off" | "forceoff" | "notsupported" | "notimplemented":
            return text
    raise Malformed(f"unknown SMT state: {text[:40]!r}")


def _parse_nohz(text: str) -> tuple[int, ...]:
    return () if text == "(null)" else parse_cpu_list(text)

"""CPU frequency scaling: driver, governors, energy preference, limits, boost.

Reads /sys/devices/system/cpu/cpufreq/policy*, the boost switches and the pstate drivers' status
(Documentation/admin-guide/pm/{cpufreq,intel_pstate,amd-pstate}.rst). `scaling_cur_freq` is read once a group only:
older x86 kernels take 10 ms a CPU for it.
"""

from collections.abc import Mapping

from .host import Host
from .parse import MAX_CPU_NUMBER, parse_int
from .reading import Malformed, Reading

CPU_DIR = "/sys/devices/system/cpu"
MAX_KHZ = 100_000_000
"""100 GHz: beyond any clock, so a larger number is damage."""
MAX_WORDS = 64


class FrequencyGroup(Reading):
    """Policies (CPUs that share a clock) whose governor, preference and upper limit are alike."""

    policies: tuple[int, ...]
    directory: str
    """Of the first policy; the numbers that are not compared are read there."""
    cpus: tuple[int, ...]
    governor: str | None
    epp: str | None
    """energy_performance_preference; None where the driver has none."""
    available_epps: tuple[str, ...]
    hardware_min_khz: int | None
    hardware_max_khz: int | None
    """The highest clock, with boost where the driver counts it in."""
    min_khz: int | None
    max_khz: int | None
    """The limit in force, set by people, firmware or cooling."""
    base_khz: int | None
    """The clock without boost, where the driver tells (intel_pstate)."""
    top_listed_khz: int | None
    """The highest of the frequencies that can be asked for (acpi-cpufreq): boost lies above it."""
    firmware_max_khz: int | None
    """bios_limit: what the firmware allows now."""
    current_khz: int | None
    boost: bool | None
    """The policy's own boost switch."""


class CpuFreq(Reading):
    """How the clocks of all CPUs are controlled."""

    driver: str | None
    """None: no frequency scaling is exposed (virtual machines, some servers)."""
    available_governors: tuple[str, ...]
    boost: bool | None
    """Whether boost is on, from whichever switch there is; None where there is no switch."""
    boost_source: str | None
    intel_pstate: str | None
    """active, passive or off."""
    amd_pstate: str | None
    """active, passive, guided or disable."""
    groups: tuple[FrequencyGroup, ...]


def probe_cpufreq(host: Host) -> CpuFreq:
    """Read frequency scaling."""
    directories = host.numbered(f"{CPU_DIR}/cpufreq", "policy")
    alone = len(directories) == len(host.numbered(CPU_DIR, "cpu"))
    if not directories:
        directories, alone = _by_cpu(host), False
    first = next(iter(directories.values()), None)
    boost, boost_source = _boost(host)
    return CpuFreq(
        driver=host.text(f"{first}/scaling_driver", optional=True) or None if first else None,
        available_governors=_words(host, f"{first}/scaling_available_governors") if first else (),
        boost=boost,
        boost_source=boost_source,
        intel_pstate=host.text(f"{CPU_DIR}/intel_pstate/status", optional=True) or None,
        amd_pstate=host.text(f"{CPU_DIR}/amd_pstate/status", optional=True) or None,
        groups=_groups(host, directories, alone),
    )


def _by_cpu(host: Host) -> dict[int, str]:
    """Before Linux 4.3 each CPU had its own directory, or a link to that of the CPU it shares a clock with."""
    found: dict[int, str] = {}
    covered: set[int] = set()
    for number, (cpu, path) in enumerate(host.numbered(CPU_DIR, "cpu").items()):
        if number == 2 and not found:
            break  # CPU 0 may be offline, but two in a row without it are a machine without it.
        if cpu not in covered and host.exists(f"{path}/cpufreq/scaling_driver"):
            found[cpu] = f"{path}/cpufreq"
            covered.update(_cpus(host, found[cpu]))
    return found


def _cpus(host: Host, directory: str) -> tuple[int, ...]:
    return host.parsed(f"{directory}/affected_cpus", parse_spaced_numbers, optional=True) or ()


def parse_spaced_numbers(text: str) -> tuple[int, ...]:
    """`0 1 2 3` -> numbers."""
    words = text.split()
    if len(words) > MAX_CPU_NUMBER:
        raise Malformed(f"{len(words)} numbers")
    return tuple(sorted({parse_int(word, 0, MAX_CPU_NUMBER) for word in words}))


def parse_words(text: str) -> tuple[str, ...]:
    """Words between spaces, a bounded number."""
    return tuple(text.split()[:MAX_WORDS])


def _words(host: Host, path: str) -> tuple[str, ...]:
    return host.parsed(path, parse_words, optional=True) or ()


def _groups(host: Host, directories: Mapping[int, str], alone: bool) -> tuple[FrequencyGroup, ...]:
    alike: dict[tuple[str | None, str | None, int | None], list[int]] = {}
    for policy, directory in directories.items():
        governor = host.text(f"{directory}/scaling_governor", optional=True) or None
        epp = host.text(f"{directory}/energy_performance_preference", optional=True) or None
        alike.setdefault((governor, epp, _khz(host, f"{directory}/scaling_max_freq")), []).append(policy)
    found = []
    for (governor, epp, max_khz), policies in alike.items():
        directory = directories[policies[0]]
        cpus = policies if alone else sorted({cpu for p in policies for cpu in (_cpus(host, directories[p]) or (p,))})
        listed = host.parsed(f"{directory}/scaling_available_frequencies", parse_khz_list, optional=True) or ()
        found.append(
            FrequencyGroup(
                policies=tuple(policies),
                directory=directory,
                cpus=tuple(cpus),
                governor=governor,
                epp=epp,
                available_epps=_words(host, f"{directory}/energy_performance_available_preferences"),
                hardware_min_khz=_khz(host, f"{directory}/cpuinfo_min_freq"),
                hardware_max_khz=_khz(host, f"{directory}/cpuinfo_max_freq"),
                min_khz=_khz(host, f"{directory}/scaling_min_freq"),
                max_khz=max_khz,
                base_khz=_khz(host, f"{directory}/base_frequency"),
                top_listed_khz=max(listed, default=None),
                firmware_max_khz=_khz(host, f"{directory}/bios_limit"),
                current_khz=_khz(host, f"{directory}/scaling_cur_freq"),
                boost=_switch(host, f"{directory}/boost"),
            )
        )
    return tuple(found)


def parse_khz_list(text: str) -> tuple[int, ...]:
    """Frequencies between spaces."""
    return tuple(parse_int(word, 1, MAX_KHZ) for word in text.split()[:MAX_WORDS])


def _khz(host: Host, path: str) -> int | None:
    # Some drivers say <unknown> or 0 for a clock they cannot tell; that is no damage.
    return host.parsed(path, parse_khz, optional=True)


def parse_khz(text: str) -> int | None:
    """A frequency; `<unknown>`, nothing and 0 are drivers' words for not telling."""
    return None if text in ("", "<unknown>", "0") else parse_int(text, 1, MAX_KHZ)


def _switch(host: Host, path: str) -> bool | None:
    value = host.integer(path, 0, 1, optional=True)
    return None if value is None else value == 1


def _boost(host: Host) -> tuple[bool | None, str | None]:
    for source, on in ((f"{CPU_DIR}/intel_pstate/no_turbo", 0), (f"{CPU_DIR}/cpufreq/boost", 1)):
        value = host.integer(source, 0, 1, optional=True)
        if value is not None:
            return value == on, source
    return None, None

"""Advice on clocks of CPUs."""

from collections.abc import Iterator

from ...probe.cpufreq import FrequencyGroup
from ...probe.snapshot import Snapshot
from ..checks.clocks import LOWERED, SELF_SCALING, ceiling_of
from ..finding import Effect
from .advice import Advice, Wanted

_LONG_WAKE_US = 50
"""As TuneD's low-latency profiles bound it; C1 takes 1 to 3 us, C6 from 60 to 900."""
_SHORT_WORK = Effect(
    text="decoding waits for memory and gains little; prompts and the start of an answer may gain where the clock is "
    "raised late",
    basis="not known",
)


def _policies(group: FrequencyGroup, key: str, value: str, found: str | None) -> Iterator[Wanted]:
    for policy in group.policies:
        yield Wanted(f"{key}@policy{policy}", value, found)


def _governor(snapshot: Snapshot) -> Iterator[Wanted]:
    freq = snapshot.cpufreq
    if freq.driver in SELF_SCALING:
        return
    better = next((name for name in ("schedutil", "ondemand", "performance") if name in freq.available_governors), None)
    for group in freq.groups:
        if group.governor == "powersave" and better is not None:
            yield from _policies(group, "cpu.governor", better, group.governor)


def _fastest_governor(snapshot: Snapshot) -> Iterator[Wanted]:
    for group in snapshot.cpufreq.groups:
        if snapshot.cpufreq.driver in SELF_SCALING and group.epp is not None:
            continue  # the energy preference does it, and either governor can reach the highest clock
        if group.governor not in (None, "performance") and "performance" in snapshot.cpufreq.available_governors:
            yield from _policies(group, "cpu.governor", "performance", group.governor)


def _preference(snapshot: Snapshot) -> Iterator[Wanted]:
    for group in snapshot.cpufreq.groups:
        if group.epp in ("power", "balance_power") and group.governor != "performance":
            yield from _policies(group, "cpu.energy_preference", "balance_performance", group.epp)


def _fastest_preference(snapshot: Snapshot) -> Iterator[Wanted]:
    for group in snapshot.cpufreq.groups:
        if group.epp not in (None, "performance") and "performance" in group.available_epps:
            yield from _policies(group, "cpu.energy_preference", "performance", group.epp)


def _boost(snapshot: Snapshot) -> Iterator[Wanted]:
    if snapshot.cpufreq.boost is False:
        yield Wanted("cpu.boost", "1", "0")


def _limit(snapshot: Snapshot) -> Iterator[Wanted]:
    for group in snapshot.cpufreq.groups:
        now, most = group.max_khz, ceiling_of(snapshot, group)
        if group.firmware_max_khz and now and group.firmware_max_khz <= now:
            continue  # the firmware's limit stays whatever is written
        if now and most and now < LOWERED * most:
            yield from _policies(group, "cpu.max_khz", str(most), str(now))


def _lowest(snapshot: Snapshot) -> Iterator[Wanted]:
    """Never below the clock without boost."""
    for group in snapshot.cpufreq.groups:
        base = group.base_khz or group.top_listed_khz or group.hardware_max_khz
        wanted = min(base, group.max_khz or base) if base else None
        if wanted and group.min_khz and group.min_khz < LOWERED * wanted:
            yield from _policies(group, "cpu.min_khz", str(wanted), str(group.min_khz))


def _deep_states(snapshot: Snapshot) -> Iterator[Wanted]:
    """The states that take long to wake from, on the CPUs that are like the one that was looked at."""
    idle, cpu = snapshot.cpuidle, snapshot.cpu
    alike = next((kind.cpus for kind in cpu.kinds if idle.cpu in kind.cpus), cpu.online_cpus)
    for number, state in enumerate(idle.states):
        if number and state.disabled is False and (state.latency_us or 0) > _LONG_WAKE_US:
            for n in alike:
                yield Wanted(f"cpu.idle_disable@cpu{n}.state{number}", "1", "0")


def _none(snapshot: Snapshot) -> Iterator[Wanted]:
    del snapshot
    yield from ()


def _hold_back(snapshot: Snapshot) -> str | None:
    """Where more clock is not wanted, or ends in less."""
    if snapshot.power_supply.on_battery:
        return "the machine runs on battery"
    if snapshot.thermal.coolers:
        return "the CPUs are being slowed down for heat, and more watts would make that worse"
    return None


ADVICE = (
    Advice(
        "governor",
        "cpu-governor",
        "cpu.governor",
        _governor,
        fastest=_fastest_governor,
        fastest_effect=_SHORT_WORK,
        hold_back=_hold_back,
        risk="more watts when idle; a machine that is limited by heat may end up slower",
    ),
    Advice(
        "energy-preference",
        "cpu-energy-preference",
        "cpu.energy_preference",
        _preference,
        fastest=_fastest_preference,
        fastest_effect=_SHORT_WORK,
        hold_back=_hold_back,
        risk="more watts",
    ),
    Advice("boost", "cpu-boost", "cpu.boost", _boost, hold_back=_hold_back, risk="more heat and noise"),
    Advice(
        "clock-limit",
        "cpu-frequency-limit",
        "cpu.max_khz",
        _limit,
        hold_back=_hold_back,
        risk="more heat and noise; whoever lowered it may have had a reason",
    ),
    Advice(
        "lowest-clock",
        "cpu-frequency-limit",
        "cpu.min_khz",
        _none,
        fastest=_lowest,
        fastest_effect=_SHORT_WORK,
        hold_back=_hold_back,
        risk="more watts when idle",
    ),
    Advice(
        "idle-states",
        "cpu-idle-states",
        "cpu.idle_disable",
        _none,
        fastest=_deep_states,
        fastest_effect=_SHORT_WORK,
        hold_back=_hold_back,
        risk="many more watts when idle, and less of them left for boost: it may slow decoding down",
    ),
)

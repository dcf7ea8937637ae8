"""Advice on clocks of CPUs."""

from collections.abc import Iterator

from ...probe.cpufreq import FrequencyGroup
from ...probe.snapshot import Snapshot
from ..checks.clocks import LOWERED, SELF_SCALING
from ..finding import Effect
from .advice import Advice, Wanted

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
        now, most = group.max_khz, group.hardware_max_khz
        if now and most and now < LOWERED * most:
            yield from _policies(group, "cpu.max_khz", str(most), str(now))


ADVICE = (
    Advice(
        "governor",
        "cpu-governor",
        "cpu.governor",
        _governor,
        fastest=_fastest_governor,
        fastest_effect=_SHORT_WORK,
        risk="more watts when idle; a machine that is limited by heat may end up slower",
    ),
    Advice(
        "energy-preference",
        "cpu-energy-preference",
        "cpu.energy_preference",
        _preference,
        fastest=_fastest_preference,
        fastest_effect=_SHORT_WORK,
        risk="more watts",
    ),
    Advice("boost", "cpu-boost", "cpu.boost", _boost, risk="more heat and noise"),
    Advice("clock-limit", "cpu-frequency-limit", "cpu.max_khz", _limit, risk="more heat and noise"),
)

"""From a snapshot and a profile to settings: conditional advice, never a list of constants."""

from collections.abc import Mapping

from ...probe.snapshot import Snapshot
from ..checks.all import CHECKS
from ..finding import NOT_KNOWN, Effect, Finding
from . import clocks, gpus, memory, storage
from .advice import Advice, Wanted
from .profile import Profile, Strength
from .setting import LeftOut, SystemAdvice, SystemSetting

ADVICE: tuple[Advice, ...] = (*gpus.ADVICE, *clocks.ADVICE, *storage.ADVICE, *memory.ADVICE)
"""In the order in which settings are made: a GPU's persistence before its limits, a governor before its preference."""
KNOWN: Mapping[str, tuple[Strength, ...]] = {advice.name: advice.strengths for advice in ADVICE}
_SPEAKS: Mapping[Strength, frozenset[str]] = {
    "off": frozenset(),
    "warnings": frozenset({"warning", "problem"}),
    "hints": frozenset({"warning", "problem", "info"}),
    "performance": frozenset({"warning", "problem", "info"}),
}
_CHECKS = {check.id: check for check in CHECKS}
_CONFLICTS = ("kernel-tuning-daemons", "kernel-irqbalance")


def advise(snapshot: Snapshot, profile: Profile) -> SystemAdvice:
    """What the profile means on this machine."""
    settings: dict[str, SystemSetting] = {}
    left_out = []
    for advice in ADVICE:
        strength = profile.advice.get(advice.name, "off")
        if strength == "off":
            continue
        finding = None if advice.check is None else _CHECKS[advice.check].find(snapshot)
        made = _settings(advice, strength, finding, snapshot)
        settings.update({setting.key: setting for setting in made})
        if not made:
            why = advice.else_why if finding is None else _why_not(finding, strength)
            left_out.append(LeftOut(key=advice.key, reason=why))
    for key, value in profile.settings.items():
        settings[key] = SystemSetting(
            key=key, value=value, found=None, reason=f"the profile {profile.name} sets it", effect=NOT_KNOWN
        )
    found = (_CHECKS[check].find(snapshot) for check in _CONFLICTS)
    conflicts = tuple(finding.what for finding in found if finding.status in ("warning", "info", "problem"))
    return SystemAdvice(
        profile=profile.name, settings=tuple(settings.values()), left_out=tuple(left_out), conflicts=conflicts
    )


def _settings(advice: Advice, strength: Strength, finding: Finding | None, snapshot: Snapshot) -> list[SystemSetting]:
    wanted: list[Wanted] = []
    reason, effect = advice.reason, NOT_KNOWN
    if finding is not None:
        reason, effect = finding.what, finding.effect or NOT_KNOWN
    if finding is None or finding.status in _SPEAKS[strength]:
        wanted = list(advice.settings(snapshot))
    if strength == "performance" and advice.fastest is not None:
        wanted = list(advice.fastest(snapshot))
        reason = "the profile wants the fastest there is"
        effect = advice.fastest_effect or Effect(text="not known", basis="not known")
    return [
        SystemSetting(
            key=item.key,
            value=item.value,
            found=item.found,
            reason=reason,
            effect=effect,
            risk=advice.risk,
            at_least=advice.at_least,
        )
        for item in wanted
    ]


def _why_not(finding: Finding, strength: Strength) -> str:
    """In the words of the check."""
    if finding.status in _SPEAKS[strength]:
        return f"{finding.what}; no setting mends that"
    if finding.status == "unknown":
        return f"it could not be looked at: {finding.what}"
    return finding.what

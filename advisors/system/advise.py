"""From a snapshot and a profile to settings: conditional advice, never a list of constants."""

from collections.abc import Mapping

from ...probe.snapshot import Snapshot
from ..checks.all import CHECKS
from ..finding import NOT_KNOWN, Finding, Status
from . import clocks, gpus, memory, servers, storage
from .advice import Advice, Wanted
from .no_gain import NO_GAIN
from .owners import conflicts, owner_of
from .profile import Profile, Strength
from .setting import Kind, LeftOut, SystemAdvice, SystemSetting

ADVICE: tuple[Advice, ...] = (*gpus.ADVICE, *clocks.ADVICE, *storage.ADVICE, *memory.ADVICE, *servers.ADVICE)
"""In the order in which settings are made: a GPU's persistence before its limits, a governor before its preference."""
KNOWN: Mapping[str, tuple[Strength, ...]] = {advice.name: advice.strengths for advice in ADVICE}
_SPEAKS: Mapping[Strength, frozenset[str]] = {
    "off": frozenset(),
    "warnings": frozenset({"warning", "problem"}),
    "hints": frozenset({"warning", "problem", "info"}),
    "performance": frozenset({"warning", "problem", "info"}),
}
_KINDS: Mapping[Status, Kind] = {"ok": "right", "not-applicable": "not-applicable", "unknown": "unknown"}
_CHECKS = {check.id: check for check in CHECKS}


def advise(snapshot: Snapshot, profile: Profile) -> SystemAdvice:
    """What the profile means on this machine."""
    settings: dict[str, SystemSetting] = {}
    left_out: dict[str, LeftOut] = {}
    for advice in ADVICE:
        strength = profile.advice.get(advice.name, "off")
        made = _judged(advice, "hints" if strength == "off" else strength, snapshot)
        if isinstance(made, LeftOut):
            # What is off and would not have spoken need not be told.
            if strength != "off":
                left_out[made.key] = made
            continue
        for setting in made:
            off = f"this profile leaves it alone (advice {advice.name})" if strength == "off" else None
            why_not = off or owner_of(snapshot, setting.key)
            if why_not is None:
                settings[setting.key] = setting
            else:
                left_out[setting.key] = LeftOut(key=setting.key, reason=f"{setting.reason}; but {why_not}")
    for key, value in profile.settings.items():
        settings.pop(key, None)
        left_out.pop(key, None)
        settings[key] = SystemSetting(
            key=key, value=value, found=None, reason=f"the profile {profile.name} sets it", effect=NOT_KNOWN
        )
    return SystemAdvice(
        profile=profile.name,
        settings=tuple(settings.values()),
        left_out=(*left_out.values(), *NO_GAIN),
        conflicts=conflicts(snapshot),
    )


def _judged(advice: Advice, strength: Strength, snapshot: Snapshot) -> list[SystemSetting] | LeftOut:
    """The settings, or why there are none."""
    finding = None if advice.check is None else _CHECKS[advice.check].find(snapshot)
    made = _settings(advice, strength, finding, snapshot)
    if made:
        held = advice.hold_back(snapshot) if advice.hold_back else None
        return made if held is None else LeftOut(key=advice.key, reason=f"{made[0].reason}; but {held}")
    if finding is not None:
        return _why_not(advice.key, finding, strength)
    if advice.can_tell is not None and not advice.can_tell(snapshot):
        return LeftOut(key=advice.key, reason="this machine does not tell what is needed to judge it", kind="unknown")
    return LeftOut(key=advice.key, reason=advice.else_why, kind="right")


def _settings(advice: Advice, strength: Strength, finding: Finding | None, snapshot: Snapshot) -> list[SystemSetting]:
    wanted: list[Wanted] = []
    reason = advice.reason or (finding.what if finding else "")
    effect = advice.effect or (finding.effect if finding else None) or NOT_KNOWN
    if finding is None or finding.status in _SPEAKS[strength]:
        wanted = list(advice.settings(snapshot))
    if strength == "performance" and advice.fastest is not None:
        wanted = list(advice.fastest(snapshot))
        reason = f"{finding.what if finding else advice.key}; this profile wants the fastest there is"
        effect = advice.fastest_effect or NOT_KNOWN
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


def _why_not(key: str, finding: Finding, strength: Strength) -> LeftOut:
    """In the words of the check."""
    if finding.status in _SPEAKS[strength]:
        return LeftOut(key=key, reason=f"{finding.what}; no setting mends that")
    if finding.status == "info":
        return LeftOut(key=key, reason=f"{finding.what}; no fault, and this profile mends faults only")
    return LeftOut(key=key, reason=finding.what, kind=_KINDS.get(finding.status, "declined"))

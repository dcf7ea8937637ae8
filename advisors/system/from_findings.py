"""Settings of the system that help a plan: the findings of `doctor` that have a command."""

from ...probe.snapshot import Snapshot
from ..diagnose import diagnose
from ..plan import SystemSetting

_TOPICS = frozenset({"cpu", "numa", "memory", "power", "limits", "gpu", "kernel"})


def system_settings(snapshot: Snapshot | None) -> tuple[SystemSetting, ...]:
    """What `doctor` would change on this machine, worst first."""
    if snapshot is None:
        return ()
    return tuple(
        SystemSetting(what=finding.what, command=finding.fix, why=finding.why, undo=finding.undo)
        for finding in diagnose(snapshot)
        if finding.status in ("problem", "warning") and finding.topic in _TOPICS and finding.fix
    )

"""Settings that guides name and llmtune leaves alone on every machine, with the reason."""

from .setting import LeftOut

_UNMEASURED = "no measurement shows a gain for language models; '--set' changes it all the same"

NO_GAIN = (
    *(LeftOut(key=key, reason=_UNMEASURED) for key in ("kernel.timer_migration", "kernel.nmi_watchdog")),
    LeftOut(key="kernel.sched_autogroup_enabled", reason=_UNMEASURED),
    LeftOut(key="thp.khugepaged_pages_to_scan", reason=_UNMEASURED),
)

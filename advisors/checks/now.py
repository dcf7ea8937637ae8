"""What binds the servers that run, at this moment: the monitor's verdict, from two moments."""

from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Status, Verdict, not_applicable, ok, unknown

_STATUSES: dict[str, Status] = {"bad": "warning", "notice": "info", "good": "ok"}


def _now(snapshot: Snapshot) -> Verdict:
    if snapshot.engines.servers is None:
        return unknown("the processes of this machine cannot be seen")
    if not snapshot.engines.servers:
        return not_applicable("no inference server runs")
    if len(snapshot.moments) < 2:
        return not_applicable("a directory tree or an older recording tells no rates")
    # Only where servers run: all else starts faster without.
    from ..bottleneck.from_snapshot import facts_from
    from ..bottleneck.judge import judge

    verdicts = judge(snapshot.moments, facts_from(snapshot, {}))
    first = verdicts[0]
    seconds = snapshot.moments[-1].clock_s - snapshot.moments[0].clock_s
    also = ", ".join(
        dict.fromkeys(other.kind for other in verdicts if other.badness == "bad" and other.kind != first.kind)
    )
    more = f"; also {also}" if also else ""
    what = f"{first.what}{more} (in {seconds:.1f} s; {first.confidence} confidence)"
    if first.badness == "good":
        return ok(what, *first.evidence)
    return Verdict(
        status=_STATUSES[first.badness],
        what=what,
        evidence=(*first.evidence, *(each for other in verdicts[1:4] for each in other.evidence[:1])),
        effect=NOT_KNOWN,
        fix=first.helps or "llmtune monitor",
    )


CHECKS = (
    Check(
        id="server-now",
        topic="serving",
        title="What binds now",
        why="Settings help only against what holds a server back; that differs from moment to moment.",
        explanation=(
            "The verdict of `llmtune monitor` on two moments half a second apart: disk, memory, CPU quota, threads, "
            "neighbours, queue. A server's slots are not asked for, for they hold what users wrote, and models are not "
            "opened, so that memory bandwidth is judged by the monitor only. Nothing waits where no server runs."
        ),
        judge=_now,
        sources=("proc_pid_stat(5)", "Documentation/scheduler/sched-stats.rst", "Documentation/accounting/psi.rst"),
    ),
)

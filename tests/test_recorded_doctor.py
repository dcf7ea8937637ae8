"""`doctor` on every recorded machine: it must read all of them, and every alarm it raises must be a true one."""

import functools
import json
from collections import Counter

import pytest
from recorded import machine_snapshot, readable_machines
from true_alarms import TRUE_ALARMS

from llmtune.advisors.checks.all import CHECKS
from llmtune.advisors.diagnose import diagnose, summarize
from llmtune.advisors.finding import Finding
from llmtune.reports.diagnosis import Diagnosis
from llmtune.reports.headline import headline
from llmtune.reports.markdown import render_markdown
from llmtune.reports.terminal import render_terminal


@functools.cache
def diagnosis_of(name: str) -> Diagnosis:
    snapshot = machine_snapshot(name)
    findings = diagnose(snapshot)
    return Diagnosis(
        machine=snapshot.machine,
        headline=headline(snapshot),
        findings=findings,
        gaps=snapshot.gaps,
        summary=summarize(findings),
    )


def alarms(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.status in ("problem", "warning")]


@pytest.mark.parametrize("name", readable_machines())
def test_every_recording_is_read_and_shown(name: str) -> None:
    diagnosis = diagnosis_of(name)
    assert [finding.id for finding in diagnosis.findings] == [check.id for check in CHECKS]
    assert render_terminal(diagnosis, verbose=True)
    assert render_markdown(diagnosis)
    assert json.loads(diagnosis.model_dump_json())["schema_version"] == 1
    false = [f"{f.id}: {f.what}" for f in alarms(diagnosis.findings) if name not in TRUE_ALARMS.get(f.id, ())]
    assert not false, "alarms that nobody has looked at and found true"


def test_count_of_false_alarms_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    if not readable_machines():
        pytest.skip("no recorded machines at hand; name their folder in LLMTUNE_MACHINES")
    raised: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for name in readable_machines():
        for finding in alarms(diagnosis_of(name).findings):
            raised[finding.id] += 1
            false[finding.id] += name not in TRUE_ALARMS.get(finding.id, ())
    with capsys.disabled():
        print(f"\n{len(readable_machines())} recordings, {sum(raised.values())} alarms, {sum(false.values())} false:")
        for check_id, count in raised.most_common():
            print(f"  {check_id:32} {count:3} raised {false[check_id]:3} false")
    assert sum(false.values()) == 0

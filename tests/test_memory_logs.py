"""Caches against what real runs logged."""

import pytest
from memory_logs import FILE, runs


@pytest.mark.skipif(not FILE.exists(), reason="no measurements at hand")
def test_caches_of_real_runs() -> None:
    found = [run for run in runs() if not run.note]
    assert len(found) > 40
    wrong = [run for run in found if abs(run.ours - run.logged) > 0.001 * run.logged + 0.1]
    for run in wrong:
        print(f"{run.name} {run.architecture}: logged {run.logged:.2f} MiB, ours {run.ours:.2f} MiB")
    assert len(wrong) <= 1

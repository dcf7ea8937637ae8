"""Advice for recorded machines: each one gets some, and each setting says why."""

import pytest
from recorded import machine_snapshot, readable_machines

from llmtune.advisors.system.advise import ADVICE, advise
from llmtune.advisors.system.profile import Profile


@pytest.mark.skipif(not readable_machines(), reason="needs recorded machines: LLMTUNE_MACHINES")
def test_recorded_machines_get_advice_that_says_why() -> None:
    every = Profile(
        name="all", summary="", advice={advice.name: advice.strengths[-1] for advice in ADVICE}, settings={}
    )
    spoken = 0
    for machine in readable_machines():
        found = advise(machine_snapshot(machine), every)
        spoken += len(found.settings)
        for setting in found.settings:
            assert setting.reason, (machine, setting)
            assert setting.effect.text, (machine, setting)
        assert all(left.reason for left in found.left_out)
    assert spoken

"""Usable CPUs and memory nodes of recorded machines against what hwloc says is allowed."""

import re

import pytest
from recorded import expected_answers, machine_host, machine_names, machine_snapshot

from llmtune.probe.parse import parse_cpu_mask

ALLOWED = re.compile(r'allowed_cpuset="([^"]*)".*allowed_nodeset="([^"]*)"')
PU = re.compile(r"PU L#\d+ \(P#(\d+)\)(?! \(disallowed)")
NODE = re.compile(r"NUMANode(?:\(\w+\))? L#\d+ \(P#(\d+)[^)]*\)(?! \(disallowed)")

GPU_NODES = {"nvidiagpunumanodes.console": set(range(250, 256))}
"""Memory of GPUs, which hwloc leaves out unless told to keep it."""


def answers(ending: str, pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return [
        (name, title)
        for name in machine_names()
        for title, text in expected_answers(name).items()
        if title.endswith(ending) and pattern.search(text)
    ]


def bits(mask: str) -> tuple[int, ...]:
    """hwloc writes 0x00000001,0x0000ffff; the kernel's masks have no 0x."""
    return parse_cpu_mask(mask.replace("0x", ""))


@pytest.mark.parametrize(("name", "title"), answers(".xml", ALLOWED))
def test_allowed_as_hwloc_says(name: str, title: str) -> None:
    match = ALLOWED.search(expected_answers(name)[title])
    assert match
    snapshot = machine_snapshot(name)
    assert snapshot.effective.cpu_list == bits(match[1])
    if snapshot.cgroup.mems is not None:
        assert set(bits(match[2])) <= set(snapshot.cgroup.mems)


@pytest.mark.parametrize(("name", "title"), answers(".console", PU))
def test_listed_as_hwloc_lists(name: str, title: str) -> None:
    text = expected_answers(name)[title]
    snapshot = machine_snapshot(name)
    assert set(snapshot.effective.cpu_list) == {int(number) for number in PU.findall(text)}
    if snapshot.cgroup.mems is not None:
        # A kernel's list may name nodes that are not there.
        directories = machine_host(name).numbered("/sys/devices/system/node", "node")
        listed = {int(number) for number in NODE.findall(text)}
        assert listed == set(snapshot.cgroup.mems) & set(directories) - GPU_NODES.get(title, set())

"""The CPU probe against recorded machines of other projects and what lscpu and hwloc say of them."""

import re
from collections import Counter

import pytest
from recorded import expected_answers, machine_host, machine_names

from llmtune.probe.cpu import probe_cpu

HWLOC_COUNT = re.compile(r"^\s*depth\s+\d+:\s+(\d+) (\S+) \(type", re.MULTILINE)
HWLOC_OFFLINE = re.compile(r"^\d+ processors not represented in topology: 0x([0-9a-f]+)$", re.MULTILINE)
HWLOC_NAMES = {"L1d": (1, "data"), "L1i": (1, "instruction"), "L2": (2, "unified"), "L3": (3, "unified")}
# hwloc merges or renames things there on purpose: a package without known PCI locality, one-CPU cgroups, conflicts.
HWLOC_DIFFERS = {
    "hwloc-linux__40intel64-4n10c+pci-conflicts": {"Package", "L3"},
    "hwloc-linux__16amd64-4n4c-cgroup-distance-merge": {"Package", "Core", "PU", "L3", "L2", "L1d", "L1i"},
    "hwloc-linux__4fake-4gr1nu1pu": {"PU"},
    "hwloc-linux__16amd64-8n2c-cpusets": {"Package"},
}


def hwloc_consoles() -> list[tuple[str, str]]:
    """Machine and hwloc's picture of it; where a cpuset disallows CPUs, the one that shows them all."""
    found = []
    for name in machine_names():
        consoles = sorted(
            (t for t in expected_answers(name) if t.endswith(".console")), key=lambda t: "disallowed" not in t
        )
        found += [(name, title) for title in consoles[:1]]
    return found


@pytest.mark.parametrize(("name", "title"), hwloc_consoles())
def test_counts_as_hwloc(name: str, title: str) -> None:
    cpu = probe_cpu(machine_host(name))
    caches = Counter((cache.level, cache.kind) for cache in cpu.caches)
    ours = {"Package": cpu.sockets, "Core": cpu.cores, "PU": cpu.threads}
    expected = {
        kind.removesuffix("Cache"): int(count) for count, kind in HWLOC_COUNT.findall(expected_answers(name)[title])
    }
    for kind, count in expected.items():
        if kind in HWLOC_DIFFERS.get(name, ()):
            continue
        if kind in ours:
            assert ours[kind] == count, kind
        elif kind in HWLOC_NAMES:
            assert caches[HWLOC_NAMES[kind]] == count, kind  # type: ignore[index]


def lscpu_outputs() -> list[tuple[str, str]]:
    return [(name, title) for name in machine_names() for title in expected_answers(name) if title.startswith("lscpu")]


@pytest.mark.parametrize(("name", "title"), lscpu_outputs())
def test_counts_as_lscpu(name: str, title: str) -> None:
    text = expected_answers(name)[title]
    cpu = probe_cpu(machine_host(name))
    tables = text.split("# CPU,")
    # The first table numbers what is physical; s390 in a logical partition adds a second one of its own view.
    rows = [line.split(",") for line in tables[1].splitlines()[1:] if re.match(r"\d+,", line)]
    assert cpu.threads == len(rows)
    assert cpu.online_cpus == tuple(int(row[0]) for row in rows)
    if "arm-A510" not in name:  # lscpu numbers cores and sockets anew for each kind of core there.
        assert cpu.cores == len({row[1] for row in rows})
        assert cpu.sockets == len({row[2] for row in rows})
    header = tables[1].splitlines()[0].split(",")
    for column, title in enumerate(header, 1):
        name = title.strip()
        if re.fullmatch(r"L[1-4][di]?", name):
            kind = {"d": "data", "i": "instruction"}.get(name[-1], "unified")
            ours = [c for c in cpu.caches if c.level == int(name[1]) and c.kind == kind]
            assert len(ours) == len({row[column] for row in rows if row[column]}), name
    sizes = re.findall(r"^(L[1-4][di]?) cache:\s+([\d.]+) (KiB|MiB)(?: \((\d+) instances?\))?", text, re.MULTILINE)
    for name, size, unit, instances in sizes:
        if not instances:
            continue  # s390 prints the machine's, not the partition's.
        kind = {"d": "data", "i": "instruction"}.get(name[-1], "unified")
        ours = [c for c in cpu.caches if c.level == int(name[1]) and c.kind == kind]
        assert len(ours) == int(instances)
        assert sum(c.size_bytes or 0 for c in ours) == int(float(size) * {"KiB": 1 << 10, "MiB": 1 << 20}[unit])


def test_there_is_something_to_compare_with() -> None:
    if not machine_names():
        pytest.skip("no recorded machines at hand; name their folder in LLMTUNE_MACHINES")
    assert len(hwloc_consoles()) >= 10
    assert len(lscpu_outputs()) >= 10

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trees import tree_host

import llmtune
from llmtune.probe.cpu import probe_cpu
from llmtune.probe.cpuinfo_check import check_cpu, compare_cpu
from llmtune.probe.host import Json
from llmtune.probe.snapshot import take_snapshot

CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon  X\nflags\t: lm avx2 fma\n"


@pytest.mark.parametrize(
    ("answer", "differences"),
    [
        ({}, ()),
        ({"brand_raw": "Xeon X", "vendor_id_raw": "GenuineIntel", "flags": ["lm", "avx2", "fma"]}, ()),
        ({"brand_raw": "Other"}, ("model: py-cpuinfo says 'Other', /proc/cpuinfo 'Xeon X'",)),
        ({"flags": ["avx2"]}, ("instruction sets that only the kernel lists: FMA",)),
        ({"brand_raw": 7, "flags": "avx2", "hz_advertised": [-5], "vendor_id_raw": None}, ()),
        ({"flags": [None, 1, ["avx2"]]}, ()),
    ],
)
def test_differences(tmp_path: Path, answer: dict[str, Json], differences: tuple[str, ...]) -> None:
    host = tree_host(tmp_path, {"/proc/cpuinfo": CPUINFO}, {("cpuinfo",): answer})
    check = check_cpu(host, probe_cpu(host))
    assert check is not None
    assert check.differences == differences


def test_sees_what_the_kernel_has_switched_off(tmp_path: Path) -> None:
    cpu = probe_cpu(tree_host(tmp_path, {"/proc/cpuinfo": CPUINFO}))
    check = compare_cpu({"flags": ["avx2", "fma", "avx512f"]}, cpu, frozenset({"avx2", "fma"}))
    assert [words.rpartition(": ")[2] for words in check.differences] == ["AVX-512 F"]


def test_names_a_processor_that_the_kernel_does_not_name(tmp_path: Path) -> None:
    cpu = probe_cpu(tree_host(tmp_path, {"/proc/cpuinfo": "processor\t: 0\n"}))
    check = compare_cpu({"brand_raw": "Kunpeng-920", "hz_advertised": [2600000000, 0]}, cpu, frozenset())
    assert check.brand == "Kunpeng-920"
    assert check.advertised_hz == 2_600_000_000
    assert check.differences == ("model: py-cpuinfo says 'Kunpeng-920', /proc/cpuinfo nothing",)


def test_only_asked_where_it_is_wanted(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/cpuinfo": CPUINFO}, {("cpuinfo",): {"brand_raw": "X"}})
    assert take_snapshot(host).cpu_crosscheck is None
    assert ("cpuinfo",) not in host.answers
    assert take_snapshot(host, crosscheck=True).cpu_crosscheck is not None


def test_a_tree_that_cannot_answer_has_no_gap_for_it(tmp_path: Path) -> None:
    snapshot = take_snapshot(tree_host(tmp_path, {}), crosscheck=True)
    assert snapshot.cpu_crosscheck is None
    assert not [gap for gap in snapshot.gaps if gap.probe == "cpuinfo" and "py-cpuinfo" in gap.source]


def test_runs_no_program_that_a_user_has_put_into_the_path(tmp_path: Path) -> None:
    marker = tmp_path / "was-run"
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("lscpu", "sysctl", "dmesg", "cpufreq-info", "isainfo", "sestatus", "cat", "lsprop", "python3"):
        program = programs / name
        program.write_text(f"#!/bin/sh\necho {name} >> {marker}\n")
        program.chmod(0o755)
    (tmp_path / "json.py").write_text(f"open({str(marker)!r}, 'a').write('json')\nraise ImportError\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "llmtune", "snapshot", "--format", "json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(llmtune.__file__).absolute().parent.parent),
        },
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"cpu_crosscheck": {' in done.stdout
    assert not marker.exists()

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import Link, tree_host

from llmtune.advisors.checks import blas, builds
from llmtune.advisors.finding import Finding
from llmtune.probe.blas import blas_kind, probe_blas
from llmtune.probe.builds import inspect_build, parse_constant_function, probe_builds
from llmtune.probe.elf import read_elf, symbol
from llmtune.probe.elf_libraries import parse_cache
from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.reading import Malformed, Unreadable
from llmtune.probe.snapshot import take_snapshot

CHECKS = (*builds.CHECKS, *blas.CHECKS)
CC = shutil.which("cc")
compiled = pytest.mark.skipif(CC is None, reason="no C compiler")
X86 = "#define F(n, v) int ggml_cpu_has_##n(void) { return v; }\nint ggml_backend_cpu_reg(void) { return 7; }\n"
FLAGS = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: lm avx avx2 fma f16c bmi2 {}\n"
GENERIC = {"avx": 0, "avx2": 0, "fma": 0, "f16c": 0, "bmi2": 0, "avx512": 0}
HASWELL = dict.fromkeys(GENERIC, 1) | {"avx512": 0}
LIBRARY = "/usr/local/lib/libggml-cpu.so"


def compile_library(folder: Path, source: str, *options: str) -> bytes:
    assert CC
    (folder / "x.c").write_text(source)
    out = folder / "x.so"
    subprocess.run([CC, "-O1", "-shared", "-fPIC", "-o", out, folder / "x.c", *options], check=True)
    return out.read_bytes()


def ggml(folder: Path, functions: dict[str, int], *options: str) -> bytes:
    return compile_library(folder, X86 + "\n".join(f"F({n}, {v})" for n, v in functions.items()) + "\n", *options)


def machine(root: Path, library: bytes, more_flags: str = "") -> Host:
    files: dict[str, str | bytes | Link] = {
        LIBRARY: library,
        "/proc/cpuinfo": FLAGS.format(more_flags),
        "/proc/sys/kernel/arch": "x86_64",
    }
    return tree_host(root / "machine", files)


def finding(host: Host, check_id: str) -> Finding:
    return next(check for check in CHECKS if check.id == check_id).find(take_snapshot(host, disk_interval_s=0))


@compiled
@pytest.mark.parametrize("options", [(), ("-fcf-protection=full",), ("-O0", "-fcf-protection=full"), ("-s",)])
def test_reads_constants_of_exported_functions(tmp_path: Path, options: tuple[str, ...]) -> None:
    build = inspect_build(machine(tmp_path, ggml(tmp_path, HASWELL, *options)), LIBRARY)
    assert build is not None
    assert build.compiled_sets == ("AVX", "AVX2", "FMA", "F16C", "BMI2")
    assert build.absent_sets == ("AVX-512 F",)


@compiled
def test_build_without_avx2_is_a_problem_where_the_cpu_has_it(tmp_path: Path) -> None:
    host = machine(tmp_path, ggml(tmp_path, GENERIC))
    found = finding(host, "build-instruction-sets")
    assert found.status == "problem"
    assert "AVX2, FMA, F16C" in found.what
    assert finding(host, "build-illegal-instruction").status == "ok"


@compiled
def test_build_that_uses_the_cpu_is_fine(tmp_path: Path) -> None:
    host = machine(tmp_path, ggml(tmp_path, HASWELL))
    assert finding(host, "build-instruction-sets").status == "ok"
    assert finding(host, "build-illegal-instruction").status == "ok"


@compiled
def test_missing_avx512_is_told_only(tmp_path: Path) -> None:
    assert finding(machine(tmp_path, ggml(tmp_path, HASWELL), "avx512f"), "build-instruction-sets").status == "info"


@compiled
def test_build_for_a_newer_cpu_is_a_problem(tmp_path: Path) -> None:
    found = finding(machine(tmp_path, ggml(tmp_path, HASWELL | {"avx512": 1})), "build-illegal-instruction")
    assert found.status == "problem"
    assert "AVX-512 F" in found.what


@compiled
def test_build_without_exported_functions_is_unknown(tmp_path: Path) -> None:
    host = machine(tmp_path, ggml(tmp_path, {}))
    assert finding(host, "build-instruction-sets").status == "unknown"


def test_no_build_is_not_applicable(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/cpuinfo": FLAGS})
    assert {check.find(take_snapshot(host, disk_interval_s=0)).status for check in CHECKS} <= {"not-applicable", "ok"}


@pytest.mark.parametrize(
    ("code", "machine_name", "value"),
    [
        (b"\xb8\x01\0\0\0\xc3", "x86_64", True),
        (b"\x31\xc0\xc3", "x86_64", False),
        (b"\xf3\x0f\x1e\xfa\x55\x48\x89\xe5\xb8\0\0\0\0\x5d\xc3", "x86_64", False),
        (b"\xb8\x02\0\0\0\xc3", "x86_64", None),
        (b"\x31\xc0\x90\xc3", "x86_64", None),
        (b"\x20\x00\x80\x52\xc0\x03\x5f\xd6", "aarch64", True),
        (b"\x5f\x24\x03\xd5\x00\x00\x80\x52\xc0\x03\x5f\xd6", "aarch64", False),
        (b"", "aarch64", None),
    ],
)
def test_constant_functions(code: bytes, machine_name: str, value: bool | None) -> None:
    assert parse_constant_function(code, machine_name) is value


def cache(*entries: tuple[str, str]) -> bytes:
    strings, table = b"", b""
    base = 48 + 24 * len(entries)
    for name, path in entries:
        at = base + len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        table += struct.pack("<IIIIQ", 0x0303, at, at + len(name) + 1, 0, 0)
    return b"glibc-ld.so.cache1.1" + struct.pack("<II20x", len(entries), len(strings)) + table + strings


def test_cache_is_read_and_damage_is_malformed() -> None:
    assert parse_cache(cache(("libx.so.1", "/lib/libx.so.1"))) == {("libx.so.1", 0x0300): "/lib/libx.so.1"}
    with pytest.raises(Malformed):
        parse_cache(cache(("libx.so.1", "/lib/libx.so.1"))[:60])


@compiled
def test_missing_library_is_a_problem_until_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "y").mkdir()
    compile_library(tmp_path / "y", "int y(void) { return 1; }", "-Wl,-soname,liby.so.1")
    library = ggml(tmp_path, HASWELL, "-Wl,--no-as-needed", "-nostdlib", f"{tmp_path}/y/x.so")
    files = {LIBRARY: library, "/etc/ld.so.cache": cache(("libz.so.1", "/lib/libz.so.1"))}
    without = tree_host(tmp_path / "without", files)
    assert probe_builds(without)[0].missing_libraries == ("liby.so.1",)
    assert finding(without, "build-missing-library").status == "problem"
    present = tree_host(tmp_path / "with", files | {"/usr/local/lib/liby.so.1": "x"})
    assert finding(present, "build-missing-library").status == "ok"


@compiled
@pytest.mark.parametrize(
    ("real", "status"),
    [("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3", "warning"), ("/opt/openblas-pthread/libblas.so.3", "ok")],
)
def test_alternatives_are_followed_to_the_real_blas(tmp_path: Path, real: str, status: str) -> None:
    (tmp_path / "y").mkdir()
    compile_library(tmp_path / "y", "int y(void) { return 1; }", "-Wl,-soname,libblas.so.3")
    library = ggml(tmp_path, HASWELL, "-Wl,--no-as-needed", "-nostdlib", f"{tmp_path}/y/x.so")
    files: dict[str, str | bytes | Link] = {
        LIBRARY: library,
        "/usr/lib/x86_64-linux-gnu/libblas.so.3": Link("/etc/alternatives/libblas.so.3"),
        "/etc/alternatives/libblas.so.3": Link(real),
        real: "x",
    }
    host = tree_host(tmp_path / "m", files)
    assert probe_blas(host).linked[0].library == real
    assert finding(host, "blas-reference").status == status


def test_names_of_blas_libraries() -> None:
    assert blas_kind("/x/numpy.libs/libscipy_openblas64_-1.so") == "OpenBLAS"
    assert blas_kind("/x/libmkl_rt.so.2") == "MKL"
    assert blas_kind("/usr/lib/libm.so.6") is None


@pytest.mark.parametrize(
    ("variables", "status"),
    [
        ({}, "ok"),
        ({"OMP_NUM_THREADS": "2"}, "ok"),
        ({"OMP_NUM_THREADS": "64"}, "warning"),
        ({"OMP_NUM_THREADS": "many"}, "warning"),
        ({"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "1"}, "info"),
    ],
)
def test_thread_variables(tmp_path: Path, variables: dict[str, str], status: str) -> None:
    answers: dict[Question, Answer | Unreadable] = {("environment", n): v for n, v in variables.items()}
    host = tree_host(tmp_path, {"/sys/devices/system/cpu/online": "0-1", "/proc/cpuinfo": ""}, answers)
    assert finding(host, "blas-threads-conflict").status == status


@compiled
@pytest.mark.fuzz
def test_damaged_elf_never_raises(tmp_path: Path) -> None:
    good = ggml(tmp_path, HASWELL)
    place = tmp_path / "machine" / LIBRARY.lstrip("/")
    machine(tmp_path, good)

    @settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12), st.integers(0, len(good)))
    def damaged(changes: list[tuple[int, int]], length: int) -> None:
        data = bytearray(good[: length if length % 2 else len(good)])
        for at, value in changes:
            data[at : at + 1] = bytes([value]) if at < len(data) else b""
        place.write_bytes(data)
        host = tree_host(tmp_path / "machine", {})
        elf = read_elf(host, LIBRARY)
        if elf is not None:
            symbol(host, elf, "ggml_cpu_has_avx2")
        inspect_build(host, LIBRARY)

    damaged()

import struct
from pathlib import Path

import pytest
from gpu_machines import ARC, RADEON, STRIX_HALO, pci_device
from made_elf import (
    AARCH64,
    AVX2_CODE,
    FMA_CODE,
    I686,
    PPC64,
    SOURCES,
    arm_functions,
    make_elf,
    x86_functions,
)
from trees import Link, tree_host

from llmtune.advisors.checks import blas, builds
from llmtune.advisors.finding import Finding
from llmtune.probe.builds import inspect_build, probe_builds
from llmtune.probe.elf import read_elf
from llmtune.probe.elf_symbols import any_symbol
from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.reading import Unreadable
from llmtune.probe.snapshot import take_snapshot

X86 = {"/proc/sys/kernel/arch": "x86_64"}
FLAGS = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: lm sse4_2 avx avx2 fma f16c bmi2{}\n"
ALL = {"avx": 1, "avx2": 1, "fma": 1, "f16c": 1, "bmi2": 1}
NONE = dict.fromkeys(ALL, 0)
LIBRARY = "/usr/local/lib/libggml-cpu.so"
SERVER = "/usr/local/bin/llama-server"
Files = dict[str, str | bytes | Link]


def x86(more: Files, flags: str = "") -> Files:
    return {**X86, "/proc/cpuinfo": FLAGS.format(flags), **more}


def find(host: Host, check_id: str) -> Finding:
    checks = (*builds.CHECKS, *blas.CHECKS)
    return next(check for check in checks if check.id == check_id).find(take_snapshot(host, disk_interval_s=0))


@pytest.mark.parametrize("symbols", ["gnu", "sysv", "table"])
@pytest.mark.parametrize(("wide", "order"), [(True, "<"), (True, ">"), (False, "<"), (False, ">")])
def test_symbols_of_every_class_order_and_table(tmp_path: Path, symbols: str, wide: bool, order: str) -> None:
    data = make_elf(x86_functions(avx=1, avx2=0), wide=wide, order=order, symbols=symbols)
    host = tree_host(tmp_path, {"/x.so": data})
    elf = read_elf(host, "/x.so")
    assert elf
    address = any_symbol(host, elf, "ggml_cpu_has_avx2")
    assert address
    assert data[address : address + 6] == b"\xb8\0\0\0\0\xc3"
    assert any_symbol(host, elf, "ggml_cpu_has_sme") is None
    assert not host.gaps


def test_arm_build_without_dotprod_is_told(tmp_path: Path) -> None:
    cpu = {
        "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU architecture: 8\n",
        "/proc/sys/kernel/arch": "aarch64",
    }
    without = make_elf(arm_functions(neon=1, dotprod=0), machine=AARCH64)
    with_it = make_elf(arm_functions(neon=1, dotprod=1), machine=AARCH64)
    found = find(tree_host(tmp_path / "a", {**cpu, LIBRARY: without}), "build-instruction-sets")
    assert (found.status, "dotprod" in found.what) == ("warning", True)
    assert find(tree_host(tmp_path / "b", {**cpu, LIBRARY: with_it}), "build-instruction-sets").status == "ok"


@pytest.mark.parametrize(
    ("code", "status", "named"),
    [
        (SOURCES + b"\x90" * 5000, "problem", "AVX2, FMA"),
        (SOURCES + AVX2_CODE, "warning", "FMA"),
        (SOURCES + AVX2_CODE + FMA_CODE, "ok", ""),
        (SOURCES + AVX2_CODE[:100] + FMA_CODE[:100], "unknown", "does not tell"),
        (b"\x90" * 5000, "unknown", "does not tell"),
        (AVX2_CODE + FMA_CODE, "unknown", "does not tell"),
    ],
)
def test_stripped_programs_are_judged_by_their_instructions(
    tmp_path: Path, code: bytes, status: str, named: str
) -> None:
    host = tree_host(tmp_path, x86({SERVER: make_elf(symbols="none", code=code)}))
    found = find(host, "build-instruction-sets")
    assert found.status == status
    assert named in found.what


def test_unreadable_build_beside_a_good_one_is_told(tmp_path: Path) -> None:
    good, silent = make_elf(x86_functions(**ALL)), make_elf(symbols="none")
    found = find(tree_host(tmp_path, x86({LIBRARY: good, SERVER: silent})), "build-instruction-sets")
    assert found.status == "unknown"
    assert SERVER in found.what
    assert find(tree_host(tmp_path, {}), "build-illegal-instruction").status == "unknown"


def test_build_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    good, closed = make_elf(x86_functions(**ALL)), make_elf(x86_functions(**NONE))
    denied: dict[Question, Answer | Unreadable] = {
        ("span", SERVER, 0, length): Unreadable("denied", "Permission denied") for length in (4, 64)
    }
    host = tree_host(tmp_path / "a", x86({LIBRARY: good, SERVER: closed}), denied)
    for check in ("build-instruction-sets", "build-illegal-instruction", "build-missing-library"):
        found = find(host, check)
        assert found.status == "unknown"
        assert SERVER in found.what
    script = tree_host(tmp_path / "b", x86({LIBRARY: good, SERVER: "#!/bin/sh\nexec docker run llama\n"}))
    assert find(script, "build-instruction-sets").status == "ok"


@pytest.mark.parametrize(("machine", "order"), [(AARCH64, "<"), (I686, "<"), (PPC64, ">")])
def test_build_for_another_machine_is_not_called_good(tmp_path: Path, machine: int, order: str) -> None:
    data = make_elf(x86_functions(**ALL), machine=machine, order=order, wide=machine != I686)
    assert find(tree_host(tmp_path, x86({LIBRARY: data})), "build-instruction-sets").status == "unknown"


def variant_files(**variants: dict[str, int]) -> Files:
    files: Files = {"/usr/lib/ollama/libggml-base.so": make_elf({"ggml_init": b"\xc3"})}
    for name, sets in variants.items():
        files[f"/usr/lib/ollama/libggml-cpu-{name}.so"] = make_elf(x86_functions(**sets))
    return files


@pytest.mark.parametrize(
    ("variants", "sets", "illegal"),
    [
        ({"x64": NONE | {"avx512": 0}, "haswell": ALL | {"avx512": 0}, "skylakex": ALL | {"avx512": 1}}, "ok", "ok"),
        ({"x64": NONE, "sandybridge": NONE | {"avx": 1}}, "problem", "ok"),
        ({"skylakex": ALL | {"avx512": 1}}, "ok", "problem"),
        ({"haswell": ALL, "odd": {}}, "unknown", "unknown"),
    ],
)
def test_best_variant_for_the_cpu_is_judged(
    tmp_path: Path, variants: dict[str, dict[str, int]], sets: str, illegal: str
) -> None:
    host = tree_host(tmp_path, x86(variant_files(**variants)))
    assert find(host, "build-instruction-sets").status == sets
    assert find(host, "build-illegal-instruction").status == illegal


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({}, "unknown"),
        ({"/lib/ld-musl-x86_64.so.1": "x"}, "problem"),
        ({"/lib/ld-musl-x86_64.so.1": "x", "/usr/lib/liby.so.1": "x"}, "ok"),
        ({"/opt/y/liby.so.1": "x", "/etc/ld.so.cache": b"glibc-ld.so.cache1.1" + b"\0" * 28}, "unknown"),
    ],
)
def test_without_a_cache_nothing_is_claimed(tmp_path: Path, files: Files, status: str) -> None:
    library = make_elf(x86_functions(**ALL), needed=("liby.so.1",))
    assert find(tree_host(tmp_path, x86({LIBRARY: library, **files})), "build-missing-library").status == status


def test_runpath_and_origin_are_searched(tmp_path: Path) -> None:
    library = make_elf(x86_functions(**ALL), needed=("liby.so.1",), runpath="$ORIGIN/../share/y:/nowhere")
    files = x86({LIBRARY: library, "/usr/local/share/y/liby.so.1": "x", "/lib/ld-musl-x86_64.so.1": "x"})
    host = tree_host(tmp_path, files)
    assert probe_builds(host)[0].missing_libraries == ()


def test_llama_with_blas_back_end_is_told_only(tmp_path: Path) -> None:
    files = x86({LIBRARY: make_elf(x86_functions(**ALL))})
    assert find(tree_host(tmp_path / "a", files), "build-blas-for-llama").status == "ok"
    files["/usr/local/lib/libggml-blas.so"] = make_elf({"ggml_backend_blas_reg": b"\xc3"})
    assert find(tree_host(tmp_path / "b", files), "build-blas-for-llama").status == "info"


@pytest.mark.parametrize(("needed", "status"), [(("libgomp.so.1",), "ok"), (("libgomp.so.1", "libiomp5.so"), "info")])
def test_two_openmp_runtimes_are_told(tmp_path: Path, needed: tuple[str, ...], status: str) -> None:
    files = x86({LIBRARY: make_elf(x86_functions(**ALL), needed=needed)})
    files |= {f"/usr/lib/{name}": make_elf({"omp_x": b"\xc3"}) for name in needed}
    found = find(tree_host(tmp_path, files), "openmp-two-runtimes")
    assert found.status == status


def test_numpy_on_the_reference_blas_is_told_with_the_way_back(tmp_path: Path) -> None:
    real, name = "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3", "/etc/alternatives/libblas.so.3-x86_64-linux-gnu"
    module = make_elf({"PyInit": b"\xc3"}, needed=("libblas.so.3",))
    files = x86(
        {
            "/usr/lib/x86_64-linux-gnu/libblas.so.3": Link(name),
            name: Link(real),
            real: make_elf({"dgemm_": b"\xc3"}),
            "/usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.x.so": module,
        }
    )
    found = find(tree_host(tmp_path / "a", files), "blas-reference")
    assert found.status == "info"
    assert found.undo == f"sudo update-alternatives --set libblas.so.3-x86_64-linux-gnu {real}"
    assert "openblas-pthread/libblas.so.3" in (found.fix or "")
    files["/usr/lib/python3/dist-packages/torch/lib/libtorch_cpu.so"] = module
    assert find(tree_host(tmp_path / "b", files), "blas-reference").status == "warning"


def test_threads_of_both_hyperthreads_are_told(tmp_path: Path) -> None:
    files: Files = {"/sys/devices/system/cpu/online": "0-3", "/proc/cpuinfo": ""}
    for cpu in range(4):
        core = f"/sys/devices/system/cpu/cpu{cpu}/topology"
        files |= {f"{core}/core_id": str(cpu % 2), f"{core}/physical_package_id": "0"}
        files[f"{core}/thread_siblings_list"] = f"{cpu % 2},{cpu % 2 + 2}"
    for value, status in (("4", "info"), ("2", "ok"), ("8", "warning")):
        answers: dict[Question, Answer | Unreadable] = {("environment", "OMP_NUM_THREADS"): value}
        host = tree_host(tmp_path / value, files, answers)
        assert find(host, "blas-threads-conflict").status == status


def test_damaged_tables_never_raise(tmp_path: Path) -> None:
    for symbols in ("sysv", "table"):
        good = make_elf(x86_functions(**ALL), symbols=symbols)
        for at in range(0, len(good), 3):
            data = bytearray(good)
            data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)[: len(good) - at]
            (tmp_path / "proc").mkdir(exist_ok=True)
            (tmp_path / "libggml-cpu.so").write_bytes(data)
            inspect_build(tree_host(tmp_path, {}), "/libggml-cpu.so")


CPU_ONLY = {LIBRARY: make_elf(x86_functions(**ALL))}
CUDA = {
    "/usr/lib/ollama/libggml-cpu.so": make_elf(x86_functions(**ALL)),
    "/usr/lib/ollama/cuda_v12/libggml-cuda.so": make_elf({"ggml_backend_cuda_reg": b"\xc3"}),
}
DEBIAN = {
    "/usr/lib/libggml-base.so": make_elf({"ggml_init": b"\xc3"}),
    "/usr/lib/ggml/backends0/libggml-vulkan.so": make_elf({"ggml_backend_vk_reg": b"\xc3"}),
}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (CPU_ONLY, "not-applicable"),
        (RADEON, "not-applicable"),
        (RADEON | CPU_ONLY, "problem"),
        (ARC | CPU_ONLY, "problem"),
        (pci_device(vendor="0x10de", device="0x2684", driver="nouveau") | CPU_ONLY, "not-applicable"),
        (pci_device(vendor="0x10de", device="0x2684", driver="vfio-pci") | CPU_ONLY, "not-applicable"),
        (STRIX_HALO | CPU_ONLY, "not-applicable"),
        (RADEON | CPU_ONLY | CUDA, "ok"),
        (RADEON | DEBIAN, "ok"),
    ],
)
def test_gpu_that_no_build_can_use(tmp_path: Path, files: Files, status: str) -> None:
    found = find(tree_host(tmp_path, x86(files)), "build-no-gpu-backend")
    assert found.status == status, found.what


def test_a_python_package_is_not_mended_with_cmake_alone(tmp_path: Path) -> None:
    place = "/usr/lib/python3.11/dist-packages"
    generic = make_elf(x86_functions(**NONE))
    first = tree_host(tmp_path / "a", x86({f"{place}/llama_cpp/lib/libggml-cpu.so": generic}))
    second = tree_host(
        tmp_path / "b",
        x86(
            {
                f"{place}/xllamacpp/xllamacpp.abi3.so": make_elf(
                    x86_functions(**NONE) | {"ggml_backend_cpu_reg": b"\xc3"}
                )
            }
        ),
    )
    assert (find(first, "build-instruction-sets").fix or "").startswith("CMAKE_ARGS=-DGGML_NATIVE=ON pip install")
    assert "another version of the package" in (find(second, "build-instruction-sets").fix or "")

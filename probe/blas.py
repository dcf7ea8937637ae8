"""Which BLAS each runtime really links, and the thread variables in force.

Followed as the dynamic linker does: DT_NEEDED, the library path, then the links of the alternatives system
(libblas.so.3 -> /etc/alternatives/... -> the library). Python packages are looked at as files, never imported.
"""

import re

from .builds import find_ggml_files
from .elf import read_elf
from .elf_libraries import Libraries, find_library, read_cache
from .host import Host
from .python_environments import package_directories
from .reading import Reading

MAX_LIBRARIES = 48
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "KMP_AFFINITY",
    "GOMP_CPU_AFFINITY",
)
_KINDS = (
    ("OpenBLAS", r"openblas|goto"),
    ("MKL", r"libmkl"),
    ("BLIS", r"libblis"),
    ("ATLAS", r"atlas"),
    ("NVPL", r"libnvpl_blas"),
    ("Arm Performance Libraries", r"libarmpl"),
    ("reference", r"/libc?blas\.so"),
)
_OPENMP = re.compile(r"/lib(gomp|iomp5|omp)[-.\w]*\.so")
_PYTHON_FILES = ("torch/lib/libtorch_cpu.so", "torch/lib/libtorch.so")


class LinkedBlas(Reading):
    """What one program or module links."""

    path: str
    blas: str | None
    """None where it links none (it may have one built in)."""
    library: str | None
    """The library's file, links followed."""
    alternative: str | None
    """The link of Debian's alternatives system on the way to it, and where that points."""
    alternative_target: str | None
    for_inference: bool
    """Whether models compute through it: PyTorch, and llama.cpp with its BLAS back end; not NumPy."""
    openmp: tuple[str, ...]
    """The OpenMP runtimes that come into its process."""


class Blas(Reading):
    """BLAS libraries and thread variables."""

    linked: tuple[LinkedBlas, ...]
    variables: dict[str, str]
    """Those thread variables that are set in llmtune's own environment."""


def probe_blas(host: Host) -> Blas:
    """Follow the links of every runtime in the usual places."""
    paths = [*find_ggml_files(host)]
    for packages in package_directories(host):
        paths += [f"{packages}/{name}" for name in _PYTHON_FILES if host.exists(f"{packages}/{name}")]
        for directory in ("numpy/_core", "numpy/core"):
            names = host.names(f"{packages}/{directory}")
            paths += [f"{packages}/{directory}/{n}" for n in names if n.startswith("_multiarray_umath.")][:1]
    cache = read_cache(host) if paths else {}
    values = {name: host.environment(name) for name in THREAD_VARIABLES}
    return Blas(
        linked=tuple(_follow(host, path, cache) for path in paths[:32]),
        variables={name: value for name, value in values.items() if value is not None},
    )


def blas_kind(path: str) -> str | None:
    """The BLAS that a library is, by its real path: Debian calls every one libblas.so.3, in a directory of its own."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, path)), None)


def _follow(host: Host, path: str, cache: Libraries) -> LinkedBlas:
    files: list[str] = [host.resolve(path) or path]
    named: dict[str, str] = {}
    for file in files:  # Grows while it is gone through.
        elf = read_elf(host, file)
        for name in elf.needed if elf else ():
            library = find_library(host, elf, name, cache) if elf else None
            real = host.resolve(library) if library else None
            if library and real and real not in files and len(files) < MAX_LIBRARIES:
                files.append(real)
                named[real] = library
    kinds = [(kind, file) for file in files[1:] if (kind := blas_kind(file))]
    kind, library = kinds[0] if kinds else (None, None)
    runtimes = dict.fromkeys(f"lib{m[1]}" for m in (_OPENMP.search(file) for file in files) if m)
    link = host.link(named[library]) if library else None
    alternative = link if link and link.startswith("/etc/alternatives/") else None
    return LinkedBlas(
        path=path,
        blas=kind,
        library=library,
        alternative=alternative,
        alternative_target=host.link(alternative) if alternative else None,
        for_inference="/numpy/" not in path,
        openmp=tuple(runtimes),
    )

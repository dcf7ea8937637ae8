"""Checks of llama.cpp builds, BLAS libraries and thread variables."""

from ...probe.blas import LinkedBlas
from ...probe.builds import Build
from ...probe.parse import parse_int
from ...probe.reading import Malformed
from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Effect, Evidence, Verdict, not_applicable, ok, seen, unknown

_NEEDED_SETS = {"x86_64": ("AVX2", "FMA", "F16C"), "aarch64": ("NEON", "dotprod")}
_NO_BUILD = "no llama.cpp or ggml build in the usual places"
_NATIVE = "cmake -B build -DGGML_NATIVE=ON && cmake --build build --config Release   # in llama.cpp's source"
_AVX2_EFFECT = Effect(
    text="decode 8 tokens/s instead of 150 (SmolLM2-135M, 2 cores)",
    basis="measured",
    source="a llama.cpp build without AVX2 against a native build of the same version on one machine",
)


def _sets_seen(build: Build) -> Evidence:
    return seen(f"{build.path}: {build.how}", ", ".join(build.compiled_sets or build.variants) or "none")


def _judged(snapshot: Snapshot) -> tuple[Build, ...]:
    """The builds for this machine's architecture whose instruction sets are known."""
    known = (build for build in snapshot.builds if build.compiled_sets is not None or build.variants)
    return tuple(build for build in known if build.machine == snapshot.cpu.architecture)


def _unjudged(snapshot: Snapshot) -> Verdict | None:
    if not snapshot.builds:
        return not_applicable(_NO_BUILD)
    if snapshot.cpu.instruction_sets is None:
        return unknown("the kernel does not list this CPU's instruction sets")
    if not _judged(snapshot):
        return unknown(f"{snapshot.builds[0].path} does not tell what it was compiled for")
    return None


def _instruction_sets(snapshot: Snapshot) -> Verdict:
    verdict = _unjudged(snapshot)
    if verdict is not None:
        return verdict
    here = snapshot.cpu.instruction_sets or ()
    wanted = [name for name in _NEEDED_SETS.get(snapshot.cpu.architecture or "", ()) if name in here]
    builds = _judged(snapshot)
    for build in builds:
        lacking = [name for name in wanted if name in build.absent_sets]
        if lacking:
            severe = "AVX2" in lacking
            return Verdict(
                status="problem" if severe else "warning",
                what=f"{build.path} is compiled without {', '.join(lacking)}, which this CPU has",
                evidence=(_sets_seen(build), seen("/proc/cpuinfo", ", ".join(here))),
                effect=_AVX2_EFFECT if severe else NOT_KNOWN,
                fix=_NATIVE,
            )
    for build in builds:
        newer = [name for name in here if name in build.absent_sets]
        if newer:
            return Verdict(
                status="info",
                what=f"{build.path} does not use {', '.join(newer)}, which this CPU has; decoding seldom gains by it",
                evidence=(_sets_seen(build),),
                effect=NOT_KNOWN,
                fix=_NATIVE,
            )
    return ok(f"{len(builds)} builds use what this CPU has", *(_sets_seen(build) for build in builds))


def _illegal_instruction(snapshot: Snapshot) -> Verdict:
    verdict = _unjudged(snapshot)
    if verdict is not None:
        return verdict
    here = snapshot.cpu.instruction_sets or ()
    for build in _judged(snapshot):
        lacking = [name for name in build.compiled_sets or () if name not in here]
        if lacking:
            return Verdict(
                status="problem",
                what=f"{build.path} needs {', '.join(lacking)}, which this CPU lacks",
                evidence=(_sets_seen(build), seen("/proc/cpuinfo", ", ".join(here) or "none")),
                effect=Effect(
                    text="it ends with an illegal instruction", basis="published", source="signal(7), SIGILL"
                ),
                fix=_NATIVE,
            )
    return ok("no build needs an instruction set that this CPU lacks")


def _missing_library(snapshot: Snapshot) -> Verdict:
    if not snapshot.builds:
        return not_applicable(_NO_BUILD)
    for build in snapshot.builds:
        if build.missing_libraries:
            listed = ", ".join(build.missing_libraries)
            return Verdict(
                # A Python package may load its libraries itself, and a driver's may be mounted into a container later.
                status="info" if build.in_python or build.missing_libraries == ("libcuda.so.1",) else "problem",
                what=f"{build.path} or a library of its needs {listed}, which the dynamic linker does not find",
                evidence=(seen(build.path, f"NEEDED {listed}"),),
                effect=Effect(
                    text="it does not start, or does not use that back end", basis="published", source="ld.so(8)"
                ),
                fix=f"ldd {build.path} | grep 'not found'   # then install the package that holds it",
            )
    return ok("every library that the builds need is there")


def _blas_reference(snapshot: Snapshot) -> Verdict:
    linked = [entry for entry in snapshot.blas.linked if entry.blas]
    if not linked:
        return not_applicable("no runtime was found that links a BLAS library")
    for entry in linked:
        if entry.blas == "reference":
            return Verdict(
                status="warning",
                what=f"{entry.path} uses the unoptimised reference BLAS",
                evidence=(_blas_seen(entry),),
                effect=NOT_KNOWN,
                fix="sudo apt-get install libopenblas0-pthread   # Debian, Ubuntu; takes over libblas.so.3",
                undo="sudo apt-get remove libopenblas0-pthread",
            )
    return ok(
        ", ".join(f"{entry.path}: {entry.blas}" for entry in linked[:4]), *(_blas_seen(entry) for entry in linked)
    )


def _blas_seen(entry: LinkedBlas) -> Evidence:
    return seen(entry.path, f"NEEDED -> {entry.library}")


def _thread_variables(snapshot: Snapshot) -> Verdict:
    counts: dict[str, int] = {}
    for name, value in snapshot.blas.variables.items():
        if name.endswith("_NUM_THREADS"):
            try:
                counts[name] = parse_int(value.split(",")[0], 1, 65_535)
            except Malformed:
                return Verdict(
                    status="warning",
                    what=f"{name} is no number of threads: it is passed over",
                    evidence=(seen(f"${name}", value),),
                    effect=NOT_KNOWN,
                    fix=f"unset {name}",
                    undo=None,
                )
    if not counts:
        return ok("no thread variable is set; each library chooses")
    evidence = tuple(seen(f"${name}", value) for name, value in counts.items())
    usable = snapshot.effective.cpus
    name, most = max(counts.items(), key=lambda item: item[1])
    if usable is not None and most > max(1.0, usable):
        return Verdict(
            status="warning",
            what=f"{name}={most}, but only {usable:g} CPUs can be used",
            evidence=evidence,
            effect=NOT_KNOWN,
            fix=f"export {name}={max(1, int(usable))}",
            undo=f"export {name}={most}",
        )
    if len(set(counts.values())) > 1:
        return Verdict(
            status="info",
            what="thread variables disagree: "
            + ", ".join(f"{n}={v}" for n, v in counts.items())
            + "; a library's own wins",
            evidence=evidence,
            effect=NOT_KNOWN,
        )
    return ok(", ".join(f"{n}={v}" for n, v in counts.items()), *evidence)


def _two_openmp(snapshot: Snapshot) -> Verdict:
    if not snapshot.blas.linked:
        return not_applicable("no runtime was found whose libraries could be followed")
    for entry in snapshot.blas.linked:
        if len(entry.openmp) > 1:
            return Verdict(
                status="info",
                what=f"{entry.path} loads {len(entry.openmp)} OpenMP runtimes: {', '.join(entry.openmp)}",
                evidence=(seen(entry.path, ", ".join(entry.openmp)),),
                effect=NOT_KNOWN,
            )
    return ok("no runtime loads two OpenMP libraries")


def _blas_for_llama(snapshot: Snapshot) -> Verdict:
    if not snapshot.builds:
        return not_applicable(_NO_BUILD)
    for build in snapshot.builds:
        if build.blas_backend:
            return Verdict(
                status="info",
                what=f"{build.path} has the BLAS back end: it serves prompts only, decoding does not use it",
                evidence=(seen(build.path, "libggml-blas"),),
                effect=NOT_KNOWN,
            )
    return ok("no build has a BLAS back end; ggml's own kernels serve prompts and decoding")


_READ_AS_FILES = (
    "Files are read, nothing is run. ggml's functions ggml_cpu_has_* return constants fixed by the compiler's flags; "
    "their first bytes are read through the exported symbols. A build without these symbols is unknown, never good. "
    "Builds with one library a CPU generation choose the best when they start. Only the usual places are searched: "
    "PATH, /opt, /usr/lib, /usr/local/lib and the Python environment in use. "
)

CHECKS = (
    Check(
        id="build-instruction-sets",
        topic="builds",
        title="Compiled instruction sets",
        why="A prebuilt binary without the CPU's vector instructions decodes many times slower, silently.",
        explanation=_READ_AS_FILES
        + "Without AVX2 on a CPU that has it is a problem; without FMA, F16C or dotprod a warning. AVX-512, VNNI and "
        "AMX that are not compiled in are told only: they speed up prompts, while decoding waits for memory.",
        judge=_instruction_sets,
        sources=("ggml/src/ggml-cpu/ggml-cpu.c",),
    ),
    Check(
        id="build-illegal-instruction",
        topic="builds",
        title="Build fits the CPU",
        why="A build for a newer CPU ends with an illegal instruction.",
        explanation=_READ_AS_FILES + "A problem where a build has an instruction set that /proc/cpuinfo does not list.",
        judge=_illegal_instruction,
        sources=("ggml/src/ggml-cpu/ggml-cpu.c",),
    ),
    Check(
        id="build-missing-library",
        topic="builds",
        title="Needed libraries",
        why="A program whose libraries are missing does not start; a back end whose libraries are missing is not used.",
        explanation="Each NEEDED library is searched as ld.so(8) does, then beside the file that needs it. Inside a "
        "Python environment this is told only, since packages load libraries themselves; so is libcuda.so.1, which "
        "comes with the driver.",
        judge=_missing_library,
        sources=("ld.so(8)",),
    ),
    Check(
        id="build-blas-for-llama",
        topic="builds",
        title="llama.cpp's BLAS back end",
        why="Guides promise that OpenBLAS makes llama.cpp faster; decoding never calls it.",
        explanation="ggml hands only matrix products of many columns to BLAS (ggml/src/ggml-blas), so prompts of 32 "
        "tokens and more may gain and decoding cannot.",
        judge=_blas_for_llama,
        sources=("ggml/src/ggml-blas/ggml-blas.cpp",),
    ),
    Check(
        id="blas-reference",
        topic="builds",
        title="BLAS implementation",
        why="The reference BLAS has no vector kernels and one thread.",
        explanation="The BLAS of each runtime is followed through NEEDED and the alternatives system. The reference "
        "implementation is meant for correctness; OpenBLAS or BLIS replace it without rebuilding.",
        judge=_blas_reference,
        sources=("Debian: update-alternatives libblas.so.3",),
    ),
    Check(
        id="blas-threads-conflict",
        topic="builds",
        title="Thread variables",
        why="More threads than CPUs wait for each other at every matrix product.",
        explanation="OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, GOTO_NUM_THREADS, MKL_NUM_THREADS and BLIS_NUM_THREADS of "
        "the environment are compared with the CPUs that can be used after affinity and quota. llama.cpp takes its "
        "thread count from --threads and sets OpenBLAS's itself. Variables that merely differ are told: a library's "
        "own variable wins over OMP_NUM_THREADS, which may be meant so.",
        judge=_thread_variables,
        sources=("OpenBLAS: USAGE.md", "OpenMP 5.2, OMP_NUM_THREADS"),
    ),
    Check(
        id="openmp-two-runtimes",
        topic="builds",
        title="OpenMP runtimes",
        why="Two OpenMP runtimes in one process keep two pools of threads.",
        explanation="libgomp, libiomp5 and libomp among all libraries that a runtime loads by NEEDED. Told only: many "
        "such processes work well, as long as one pool is idle.",
        judge=_two_openmp,
    ),
)

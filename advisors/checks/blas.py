"""Checks of BLAS libraries, OpenMP runtimes and thread variables."""

from ...probe.blas import LinkedBlas
from ...probe.parse import parse_int
from ...probe.reading import Malformed
from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Evidence, Verdict, not_applicable, ok, seen

_OPENBLAS = "openblas-pthread"


def _blas_reference(snapshot: Snapshot) -> Verdict:
    linked = [entry for entry in snapshot.blas.linked if entry.blas]
    if not linked:
        return not_applicable("no runtime was found that links a BLAS library")
    slow = sorted((e for e in linked if e.blas == "reference"), key=lambda entry: not entry.for_inference)
    for entry in slow:
        fix, undo = _other_blas(entry)
        return Verdict(
            status="warning" if entry.for_inference else "info",
            what=f"{entry.path} uses the unoptimised reference BLAS"
            + ("" if entry.for_inference else "; models do not run through it"),
            evidence=(_blas_seen(entry),),
            effect=NOT_KNOWN,
            fix=fix,
            undo=undo,
        )
    return ok(
        ", ".join(f"{entry.path}: {entry.blas}" for entry in linked[:4]), *(_blas_seen(entry) for entry in linked)
    )


def _other_blas(entry: LinkedBlas) -> tuple[str, str | None]:
    """Debian's alternatives are named after the file and its triplet: libblas.so.3-x86_64-linux-gnu."""
    if entry.alternative is None or entry.alternative_target is None:
        return "install OpenBLAS with the distribution's package manager and let it provide libblas.so.3", None
    name, target = entry.alternative.rpartition("/")[2], entry.alternative_target
    file, _, triplet = name.partition("-")
    better = f"/usr/lib/{triplet}/{_OPENBLAS}/{file}"
    # Installing it changes an alternative in automatic mode at once; --set also where it was set by hand.
    return (
        f"sudo apt-get install libopenblas0-pthread && sudo update-alternatives --set {name} {better}   # Debian, Ubuntu",
        f"sudo update-alternatives --set {name} {target}",
    )


def _blas_seen(entry: LinkedBlas) -> Evidence:
    return seen(entry.path, f"NEEDED -> {entry.library}")


def _thread_variables(snapshot: Snapshot) -> Verdict:
    counts: dict[str, int] = {}
    for name, value in snapshot.blas.variables.items():
        if name.endswith("_NUM_THREADS"):
            try:
                counts[name] = parse_int(value.split(",")[0].strip(), 1, 65_535)
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
    usable, cores = snapshot.effective.cpus, snapshot.effective.cores
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
    if cores is not None and most > cores and len(snapshot.effective.cpu_list) > cores:
        return Verdict(
            status="info",
            what=f"{name}={most} counts both threads of each of the {cores} cores; they share one vector unit",
            evidence=evidence,
            effect=NOT_KNOWN,
            fix=f"export {name}={cores}",
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


CHECKS = (
    Check(
        id="blas-reference",
        topic="builds",
        title="BLAS implementation",
        why="The reference BLAS has no vector kernels and one thread.",
        explanation="The BLAS of each runtime is followed through NEEDED and the alternatives system. The reference "
        "implementation is meant for correctness; OpenBLAS or BLIS replace it without rebuilding. A warning only for "
        "PyTorch and for llama.cpp with its BLAS back end; NumPy's BLAS is told only, since no model runs through it. "
        "Everything else that links libblas.so.3 gets the other library too; the undo names the alternative found.",
        judge=_blas_reference,
        sources=("Debian: update-alternatives libblas.so.3",),
    ),
    Check(
        id="blas-threads-conflict",
        topic="builds",
        title="Thread variables",
        why="More threads than CPUs wait for each other at every matrix product.",
        explanation="OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, GOTO_NUM_THREADS, MKL_NUM_THREADS and BLIS_NUM_THREADS of "
        "the environment are compared with the CPUs that can be used after affinity and quota: more is a warning. "
        "More than the cores where each has two threads is told only, as is that variables differ: a library's "
        "own variable wins over OMP_NUM_THREADS, which may be meant so. llama.cpp takes its thread count from "
        "--threads and sets OpenBLAS's itself.",
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

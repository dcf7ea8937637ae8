"""Instruction sets that inference kernels use, and the flag by which each architecture's kernel announces them.

Sources: Linux arch/x86/include/asm/cpufeatures.h, Documentation/arch/arm64/elf_hwcaps.rst,
Documentation/arch/riscv/hwprobe.rst; the list follows what ggml's CPU backend compiles for.
"""

from collections.abc import Mapping

Architecture = str
"""As `uname -m`: x86_64, aarch64, ppc64le, s390x, riscv64, loongarch64 ..."""

_X86 = {
    "sse4_2": "SSE4.2",
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA",
    "f16c": "F16C",
    "bmi2": "BMI2",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512 F",
    "avx512bw": "AVX-512 BW",
    "avx512vbmi": "AVX-512 VBMI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_fp16": "AVX-512 FP16",
    "amx_tile": "AMX TILE",
    "amx_int8": "AMX INT8",
    "amx_bf16": "AMX BF16",
    "amx_fp16": "AMX FP16",
}
_ARM = {
    "asimd": "NEON",
    "neon": "NEON",
    "asimdhp": "FP16 vector",
    "asimddp": "dotprod",
    "i8mm": "I8MM",
    "bf16": "BF16",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
}
_LOONGARCH = {"lsx": "LSX", "lasx": "LASX"}
_S390 = {"vx": "VXE", "vxd": "VXE", "vxe": "VXE", "vxe2": "VXE2", "nnpa": "NNPA"}

FLAG_NAMES: Mapping[str, Mapping[str, str]] = {
    "x86_64": _X86,
    "i686": _X86,
    "aarch64": _ARM,
    "armv7l": _ARM,
    "loongarch64": _LOONGARCH,
    "s390x": _S390,
}


def instruction_sets(architecture: str | None, flags: frozenset[str], description: str) -> tuple[str, ...]:
    """The named instruction sets of a CPU, in the table's order.

    `flags` are cpuinfo's flags or features; `description` is the text where POWER and RISC-V announce theirs.
    """
    names = dict.fromkeys(name for flag, name in FLAG_NAMES.get(architecture or "", {}).items() if flag in flags)
    if architecture in ("ppc64", "ppc64le"):
        # Every POWER7 and later has VSX; the kernel prints only AltiVec (arch/powerpc/kernel/cpu_specs_book3s_64.h).
        words = description.lower()
        if "altivec" in words:
            names["AltiVec"] = None
            if any(f"power{n}" in words for n in (7, 8, 9, 10, 11)):
                names["VSX"] = None
    if architecture == "riscv64":
        base, *extensions = description.lower().split("_")
        if "v" in base.removeprefix("rv64"):
            names["RVV"] = None
        names.update(dict.fromkeys(e.capitalize() for e in extensions if e in ("zvfh", "zvbb", "zfh")))
    return tuple(names)

"""What vendors say of their GPUs: `data/gpus.csv`, found by the names that NVML, amdgpu, pci.ids and people use."""

import csv
import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).resolve().parent.parent / "data"
_NOISE = frozenset({
    "nvidia", "amd", "intel", "geforce", "radeon", "instinct", "tesla", "graphics", "gpu", "card", "generation", "r",
    "edition", "design", "with", "workstation", "tm", "corporation", "advanced", "micro", "devices", "inc",
})  # fmt: skip
_STRICT = frozenset(["ti", "super", "xt", "xtx", "gre", "d", "laptop", "sff", "nvl", "ada", "quadro"])
"""Words that make another product of a name: a row without them is not meant."""


class Spec(NamedTuple):
    """One product."""

    name: str
    generation: str
    """Such as `ada` or `rdna3`: what the calibration knows devices by."""
    memory_gib: float
    bandwidth_gb_s: float
    fp16_tflops: float
    int8_tops: float | None
    fp32_tflops: float
    pcie_generation: int | None
    pcie_lanes: int | None
    source: str
    """The vendor's page or paper."""


class _Entry(NamedTuple):
    words: frozenset[str]
    size: str | None
    """A word such as 16gb that the memory itself may stand for."""
    spec: Spec


def read_rows(name: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The sources named in the comments, and the rows of a table."""
    sources: dict[str, str] = {}
    lines = []
    for line in (DATA / name).read_text("utf-8").splitlines():
        if line.startswith("#"):
            key, equals, text = line[1:].partition(" = ")
            if equals:
                sources[key.strip()] = text.strip()
        elif line:
            lines.append(line)
    return sources, list(csv.DictReader(lines))


@cache
def specs() -> tuple[Spec, ...]:
    """All products."""
    return tuple({id(entry.spec): entry.spec for entry in _entries()}.values())


def find_gpu(name: str, memory_bytes: int | None = None) -> Spec | None:
    """The product of a name as a driver tells it; the memory decides between those that share a name."""
    return _find(name, None if memory_bytes is None else round(memory_bytes / (1 << 30), 1))


@lru_cache(maxsize=256)
def _find(name: str, memory_gib: float | None) -> Spec | None:
    best: tuple[float, float] | None = None
    found: Spec | None = None
    for text in _readings(name):
        words = set(split_name(text))
        for entry in _entries():
            if not entry.words <= words or (words & _STRICT) - entry.words:
                continue
            score = float(len(entry.words))
            gap = abs(entry.spec.memory_gib - memory_gib) / entry.spec.memory_gib if memory_gib else 0.0
            if entry.size is not None:
                if entry.size not in words and (memory_gib is None or gap > 0.1):
                    continue
                score += 1
            if best is None or (score, -gap) > best:
                best, found = (score, -gap), entry.spec
    return found


def named_gpu(text: str) -> Spec:
    """The product a person means; raises `LookupError` whose words name what comes near."""
    spec = find_gpu(text)
    if spec is not None:
        return spec
    wanted = set(split_name(text))
    telling = any(len(word) > 1 and re.search("[0-9]", word) for word in wanted)
    meant = [entry for entry in _entries() if telling and wanted <= entry.words | {entry.size}]
    if meant:
        return min(meant, key=lambda entry: len(entry.words) + (entry.size is not None)).spec
    import difflib  # takes its time, and only errors need it

    names = {spec.name.lower(): spec.name for spec in specs()}
    near = difflib.get_close_matches(" ".join(split_name(text)), names, n=4, cutoff=0.4)
    raise LookupError(
        f"no GPU is known as {text!r}" + (f"; near are {', '.join(names[each] for each in near)}" if near else "")
    )


def split_name(text: str) -> Sequence[str]:
    """The words that tell products apart, in lower case: `GeForce RTX4070Ti` -> rtx 4070 ti."""
    text = re.sub(r"\((?:r|tm)\)", " ", text.lower())
    text = re.sub(r"max-q", "maxq", text).replace("mobile", "laptop")
    text = re.sub(r"\b(rtx|gtx|rx)(?=[0-9])", r"\1 ", text)
    text = re.sub(r"([0-9]{4})(ti|super|xtx|xt|gre|d)\b", r"\1 \2", text)
    text = re.sub(r"([0-9]+) ?gi?b\b", r"\1gb", text)
    return [word for word in re.findall(r"[a-z0-9.+]+", text) if word not in _NOISE]


def _readings(name: str) -> Iterable[str]:
    """A name, and where pci.ids gives alternatives (`Navi 31 [Radeon RX 7900 XT/7900 XTX]`) each of them."""
    inside = re.search(r"\[([^\[\]]{1,200})\]", name)
    if not inside:
        return [name]
    parts = [part.strip() for part in inside[1].split("/")][:16]
    family = parts[0].rpartition(" ")[0] if parts else ""
    series = re.match(r"[A-Za-z ]*", parts[0])
    prefix = series[0] if series else family
    return [part if not part[:1].isdigit() else f"{prefix} {part}" for part in parts] + [name[: inside.start()]]


@cache
def _entries() -> tuple[_Entry, ...]:
    sources, rows = read_rows("gpus.csv")
    entries = []
    for row in rows:
        names = row["name"].split("|")
        spec = Spec(
            name=names[0],
            generation=row["generation"],
            memory_gib=float(row["memory_gib"]),
            bandwidth_gb_s=float(row["bandwidth_gb_s"]),
            fp16_tflops=float(row["fp16_tflops"]),
            int8_tops=float(row["int8_tops"]) if row["int8_tops"] else None,
            fp32_tflops=float(row["fp32_tflops"]),
            pcie_generation=int(row["pcie_generation"]) if row["pcie_generation"] else None,
            pcie_lanes=int(row["pcie_lanes"]) if row["pcie_lanes"] else None,
            source=sources[row["source"]],
        )
        for each in names:
            words = split_name(each)
            size = next((word for word in words if re.fullmatch(r"[0-9]+gb", word)), None)
            entries.append(_Entry(frozenset(words) - {size}, size, spec))
    return tuple(entries)

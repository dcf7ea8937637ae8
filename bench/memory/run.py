"""Memory against the real llama.cpp over a covering array of models and settings: errors by class and by model.

Needs llama.cpp's source (LLAMA_SOURCE) and a build of it with shared libraries (LLAMA_BUILD); no GPU. `--record FILE`
keeps a case of each model for the ordinary tests, which need neither.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from made_models import MADE, write_made

from llmtune.advisors.graph.compute import Mode
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.model.types import Model

from .cases import Case, case_of, covering
from .ours import predicted
from .truth import Bytes, Probe

CLASSES = ("weights", "cache", "compute")
SMALL = 1 << 20
"""Errors of buffers below this are measured against this."""


class Outcome(NamedTuple):
    """One case and what both sides say of it."""

    case: Case
    real: Bytes
    ours: dict[str, list[int]]

    def errors(self, part: int) -> list[float]:
        """Of one class, in each place."""
        places = set(self.real) | set(self.ours)
        pairs = [(self.ours.get(place, [0] * 3)[part], self.real.get(place, [0] * 3)[part]) for place in places]
        return [(ours - real) / max(real, SMALL) for ours, real in pairs if ours or real]

    def total_error(self) -> float:
        """Of all places and classes together."""
        ours, real = (sum(sum(sizes) for sizes in side.values()) for side in (self.ours, self.real))
        return (ours - real) / max(real, SMALL)


def main() -> int:
    """Run the cases and print the tables."""
    options = _arguments()
    source, build = os.environ.get("LLAMA_SOURCE"), os.environ.get("LLAMA_BUILD")
    if not source or not build:
        sys.stderr.write("name llama.cpp's source tree and build folder: LLAMA_SOURCE=... LLAMA_BUILD=...\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(Path(source), Path(build), Path(folder))
        outcomes, failed = _outcomes(probe, Path(folder), options)
    _print_tables(outcomes, failed)
    if options.record:
        _record(outcomes, options.record)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--models", default="", help="names with commas; all by default")
    parser.add_argument("--mode", choices=("dry", "run"), default="dry", help="run: really load, which takes longer")
    parser.add_argument("--record", type=Path, help="keep a case of each model here")
    return parser.parse_args()


def _outcomes(probe: Probe, folder: Path, options: argparse.Namespace) -> tuple[list[Outcome], list[str]]:
    host, features = Host(LiveSource()), _features()
    names = options.models.split(",") if options.models else list(MADE)
    models: dict[str, tuple[Path, Model]] = {}
    outcomes, failed = [], []
    mode: Mode = options.mode
    for row in covering(names, options.cases):
        name = row["model"]
        if name not in models:
            path = write_made(name, folder)
            models[name] = path, read_gguf(host, str(path))
        path, model = models[name]
        case = case_of(row, model, features)
        real = probe.ask(case, path, dry=mode == "dry")
        if isinstance(real, str):
            failed.append(f"{name}: {real.splitlines()[-1][-100:]}")
            continue
        outcomes.append(Outcome(case, real, predicted(case, model, mode)))
    return outcomes, failed


def _features() -> frozenset[str]:
    flags = Path("/proc/cpuinfo").read_text().split()
    return frozenset(name for name in ("avx2", "avx512f") if name in flags)


def _print_tables(outcomes: list[Outcome], failed: list[str]) -> None:
    head = f"{'':24}{'places':>7}{'exact':>7}{'median':>9}{'p95':>9}{'max':>9}{'most under':>12}\n"
    out = [f"{len(outcomes)} cases; llama.cpp refused {len(failed)} others\n\n", head]
    for part, name in enumerate(CLASSES):
        out.append(_line(name, [error for outcome in outcomes for error in outcome.errors(part)]))
    out.append(_line("total", [outcome.total_error() for outcome in outcomes]))
    out.append("\ncompute by model\n" + head)
    for model in dict.fromkeys(outcome.case.model for outcome in outcomes):
        errors = [error for outcome in outcomes if outcome.case.model == model for error in outcome.errors(2)]
        out.append(_line(model, errors))
    worst = sorted(outcomes, key=lambda outcome: -abs(outcome.total_error()))[:5]
    out.append("\nfarthest off in total\n")
    out += [
        f"{outcome.total_error():+8.2%}  {json.dumps(outcome.case.json())}\n"
        for outcome in worst
        if outcome.total_error()
    ]
    out.append("".join(f"refused: {why}\n" for why in dict.fromkeys(failed)))
    sys.stdout.write("".join(out))


def _line(name: str, errors: Iterable[float]) -> str:
    found = sorted(errors)
    sizes = sorted(abs(error) for error in found)
    if not sizes:
        return f"{name:24}{0:7}\n"
    exact = sum(not size for size in sizes)
    median, high = sizes[len(sizes) // 2], sizes[min(len(sizes) - 1, int(len(sizes) * 0.95))]
    return f"{name:24}{len(sizes):7}{exact:7}{median:9.2%}{high:9.2%}{sizes[-1]:9.2%}{min(0.0, found[0]):12.2%}\n"


def _record(outcomes: list[Outcome], file: Path) -> None:
    """One case of each model, not always its first."""
    by_model: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_model.setdefault(outcome.case.model, []).append(outcome)
    kept = [cases[number % len(cases)] for number, cases in enumerate(by_model.values())]
    rows: list[dict[str, Any]] = [{**outcome.case.json(), "bytes": outcome.real} for outcome in kept]
    file.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    sys.exit(main())

"""The planned settings against the engine's defaults and a grid, by real runs of llama-bench.

    python bench/plan.py [--llama-bench PATH] [--model PATH] [--scenario NAME ...] [--rounds N]

For each scenario (the machine alone, a quota of one CPU, one CPU by affinity, a busy neighbour): a pairwise design over
threads, batch, ubatch, cache type, flash attention, repacking and load mode is measured once; its best five, the
defaults and the plan are then measured again in turn, for the best of many noisy points is flattered. Ratios to the
best of these are printed with a bootstrap interval of their median.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from llmtune.advisors.plan import Plan

FACTORS: Mapping[str, Sequence[str]] = {
    "-t": ("1", "2", "4"),
    "-b": ("512", "2048"),
    "-ub": ("128", "512", "2048"),
    "-ctk": ("f16", "q8_0"),
    "-fa": ("0", "1"),
    "--repack": ("0", "1"),
    "-lm": ("mmap", "none"),
}
DEFAULTS: Mapping[str, str] = {}
GENERATED, PROMPT = 48, 128
CGROUPS = Path("/sys/fs/cgroup")
Point = dict[str, str]


class Scenario(NamedTuple):
    name: str
    quota_cpus: float | None = None
    cpus: str | None = None
    neighbours: int = 0


SCENARIOS = (
    Scenario("alone"),
    Scenario("quota of one CPU", quota_cpus=1.0),
    Scenario("one CPU by affinity", cpus="0"),
    Scenario("busy neighbour", neighbours=1),
)


def pairwise(factors: Mapping[str, Sequence[str]], most: int, seed: int = 1) -> list[Point]:
    """Points that hold every pair of levels at least once, greedily, and random ones up to `most`."""
    chance = random.Random(seed)
    names = list(factors)
    missing = {(a, x, b, y) for a, b in itertools.combinations(names, 2) for x in factors[a] for y in factors[b]}
    points: list[Point] = []
    while missing and len(points) < most:
        trials = [{name: chance.choice(factors[name]) for name in names} for _ in range(200)]
        best = max(trials, key=lambda point: len(covered(point, names) & missing))
        missing -= covered(best, names)
        points.append(best)
    while len(points) < most:
        point = {name: chance.choice(factors[name]) for name in names}
        if point not in points:
            points.append(point)
    return points


def covered(point: Point, names: Sequence[str]) -> set[tuple[str, str, str, str]]:
    return {(a, point[a], b, point[b]) for a, b in itertools.combinations(names, 2)}


def refused(point: Point) -> bool:
    """A quantized V cache needs flash attention."""
    return point["-ctk"] != "f16" and point["-fa"] == "0"


class Runner:
    """Runs llama-bench in one scenario."""

    def __init__(self, bench: str, model: str, prefix: Sequence[str]) -> None:
        self.bench, self.model, self.prefix = bench, model, prefix

    def run(self, point: Point, repeats: int = 1) -> tuple[float, float] | None:
        """Decode and prefill tokens/s; None where the engine refuses the point."""
        arguments = [item for pair in point.items() for item in pair]
        if "-ctk" in point:
            arguments += ["-ctv", point["-ctk"]]
        command = [*self.prefix, self.bench, "-m", self.model, "-o", "json", "-r", str(repeats)]
        command += ["-n", str(GENERATED), "-p", str(PROMPT), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        try:
            rows = json.loads(done.stdout)
        except ValueError:
            return None
        speeds = {("tg" if row["n_gen"] else "pp"): row["avg_ts"] for row in rows}
        return (speeds["tg"], speeds["pp"]) if len(speeds) == 2 else None


@contextmanager
def quota(cpus: float) -> Iterator[list[str]]:
    """A cgroup with a CPU quota, version 1 or 2, and the command that starts a program in it."""
    v1 = CGROUPS / "cpu"
    place = (v1 if v1.is_dir() else CGROUPS) / "llmtune-bench"
    place.mkdir(exist_ok=True)
    try:
        if v1.is_dir():
            (place / "cpu.cfs_period_us").write_text("100000")
            (place / "cpu.cfs_quota_us").write_text(str(int(cpus * 100000)))
        else:
            (place / "cpu.max").write_text(f"{int(cpus * 100000)} 100000")
        yield ["sh", "-c", f'echo $$ > {place}/cgroup.procs && exec "$@"', "sh"]
    finally:
        place.rmdir()


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def planned(prefix: Sequence[str], model: str) -> Point:
    """The plan's settings in llama-bench's words, made inside the scenario."""
    command = [*prefix, sys.executable, "-m", "llmtune", "plan", model, "--format", "json"]
    plan = Plan.model_validate_json(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    settings = plan.run
    return {
        "-t": str(plan.threads.decode),
        "-b": str(settings.batch),
        "-ub": str(settings.ubatch),
        "-ctk": settings.type_k,
        "-fa": "1" if settings.flash_attention else "0",
        "--repack": "1" if settings.repack else "0",
        "-lm": "mmap" if settings.mapped else "none",
    }


def interval(ratios: Sequence[float], seed: int = 1) -> tuple[float, float]:
    """A 95 % bootstrap interval of the median."""
    chance = random.Random(seed)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


def compare(runner: Runner, rounds: int, budget: int) -> None:
    plan = planned(runner.prefix, runner.model)
    found: list[tuple[float, Point]] = []
    for point in pairwise(FACTORS, budget):
        speeds = None if refused(point) else runner.run(point)
        if speeds:
            found.append((speeds[0], point))
    found.sort(key=lambda item: -item[0])
    named: dict[str, Point] = {"plan": plan, "defaults": dict(DEFAULTS)}
    named |= {f"grid {place + 1}": point for place, (_, point) in enumerate(found[:5])}
    decode: dict[str, list[float]] = {name: [] for name in named}
    prefill: dict[str, list[float]] = {name: [] for name in named}
    for turn in range(rounds):
        names = list(named) if turn % 2 else list(named)[::-1]
        for name in names:
            speeds = runner.run(named[name])
            if speeds:
                decode[name].append(speeds[0])
                prefill[name].append(speeds[1])
    best = max((name for name in named if name.startswith("grid")), key=lambda name: statistics.median(decode[name]))
    print(f"  {len(found)} points measured; the plan: {' '.join(f'{k} {v}' for k, v in plan.items())}")
    print(f"  {'':10}{'decode/s':>10}{'prefill/s':>11}  decode against the best of the grid (95 % interval)")
    for name in named:
        ratios = [mine / other for mine, other in zip(decode[name], decode[best], strict=False)]
        low, high = interval(ratios)
        print(
            f"  {name:10}{statistics.median(decode[name]):10.1f}{statistics.median(prefill[name]):11.1f}"
            f"  {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"
            f"{'' if name in ('plan', 'defaults') else '  ' + ' '.join(f'{k} {v}' for k, v in named[name].items())}"
        )
    against = [mine / other for mine, other in zip(decode["plan"], decode["defaults"], strict=False)]
    low, high = interval(against)
    print(f"  plan against defaults: {statistics.median(against):.3f} ({low:.3f} to {high:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-bench", default=os.environ.get("LLMTUNE_LLAMA_BENCH") or shutil.which("llama-bench"))
    parser.add_argument("--model", default=os.environ.get("LLMTUNE_MODEL"))
    parser.add_argument("--scenario", action="append", help="by name; all where none is given")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--points", type=int, default=60)
    options = parser.parse_args()
    if not options.llama_bench or not options.model:
        print("name a llama-bench and a model: --llama-bench PATH --model PATH", file=sys.stderr)
        sys.exit(2)
    for scenario in SCENARIOS:
        if options.scenario and scenario.name not in options.scenario:
            continue
        print(f"{scenario.name}:", flush=True)
        with ExitStack() as stack:
            prefix: list[str] = []
            if scenario.quota_cpus:
                prefix += stack.enter_context(quota(scenario.quota_cpus))
            if scenario.cpus:
                prefix += ["taskset", "-c", scenario.cpus]
            stack.enter_context(neighbours(scenario.neighbours))
            compare(Runner(options.llama_bench, options.model, prefix), options.rounds, options.points)


if __name__ == "__main__":
    main()

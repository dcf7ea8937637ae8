"""Time llmtune's commands against the bare import of its larger libraries, in turn, in one run.

Prints seconds and ratios and asserts the ratios that users notice; seconds differ from machine to machine, ratios
less so. The largest recorded machine is taken from $LLMTUNE_MACHINES where that is set.
"""

import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from made_gguf import dense_metadata, dense_tensors, write_gguf

RUNS = 9
BARE_IMPORT = [sys.executable, "-c", "import pydantic, psutil, pynvml"]
LLMTUNE = [str(Path(sys.executable).parent / "llmtune")]


def seconds(command: list[str]) -> float:
    """User and system CPU seconds plus waiting, that is wall time, of one run."""
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.decode()}")
    return time.perf_counter() - start


def largest_machine(folder: Path, scratch: str) -> Path | None:
    """The recorded tree with the most CPUs, unpacked."""

    def cpus(archive: Path) -> int:
        with tarfile.open(archive) as tar:
            return sum(1 for name in tar.getnames() if re.search(r"/devices/system/cpu/cpu[0-9]+$", name))

    archives = sorted(folder.glob("*.tar.xz"), key=cpus)
    if not archives:
        return None
    print(f"LARGEST is {archives[-1].name} with {cpus(archives[-1])} CPUs")
    # tar, not tarfile: the trees' links may point anywhere, and are only followed inside.
    subprocess.run(["tar", "-xJf", str(archives[-1]), "-C", scratch], check=True)
    return Path(scratch)


def mixture(folder: Path) -> Path:
    """A model of 48 layers with experts and a large vocabulary: the most that a plan must look at."""
    sizes = {"layers": 48, "embedding": 2048, "heads": 32, "kv_heads": 4, "vocabulary": 151936}
    keys = dense_metadata(
        "qwen3moe",
        ffn=6144,
        context=262144,
        expert_count=128,
        expert_used_count=8,
        expert_feed_forward_length=768,
        **sizes,
    )
    keys["tokenizer.ggml.tokens"] = [f"token{number}" for number in range(sizes["vocabulary"])]
    tensors = dense_tensors(ffn=768, experts=128, **sizes)  # type: ignore[arg-type]
    return write_gguf(folder / "mixture.gguf", keys, tensors)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        cases = {
            "llmtune --version": ([*LLMTUNE, "--version"], 1.0),
            "llmtune doctor": ([*LLMTUNE, "doctor"], 3.0),
            "llmtune plan MODEL --gpu --ram": (
                [*LLMTUNE, "plan", str(mixture(Path(scratch))), "--gpu", "RTX 3060", "--ram", "64", "-q"],
                5.0,
            ),
        }
        machines = os.environ.get("LLMTUNE_MACHINES")
        largest = largest_machine(Path(machines), scratch) if machines else None
        if largest:
            cases["llmtune doctor --from LARGEST"] = ([*LLMTUNE, "doctor", "--from", str(largest)], 7.0)
        times: dict[str, list[float]] = {name: [] for name in ("bare import", *cases)}
        for run in range(RUNS + 1):
            for name, command in [("bare import", BARE_IMPORT), *((n, c) for n, (c, _) in cases.items())]:
                taken = seconds(command)
                if run:  # the first round only warms the caches
                    times[name].append(taken)
    base = statistics.median(times["bare import"])
    print(f"{'command':34} {'median s':>9} {'min s':>7} {'ratio':>6} {'budget':>7}")
    failed = []
    for name, values in times.items():
        budget = cases[name][1] if name in cases else None
        # The fastest runs are those that nobody else disturbed.
        ratio = min(values) / min(times["bare import"])
        over = budget is not None and ratio > budget
        failed += [name] if over else []
        shown = f"{budget:7.1f}" + (" OVER" if over else "") if budget else f"{'':>7}"
        print(f"{name:34} {statistics.median(values):9.3f} {min(values):7.3f} {ratio:6.2f} {shown}")
    print(f"\nbare import: pydantic, psutil, pynvml ({base:.3f} s here)")
    print("\nSlowest imports of `llmtune doctor` (cumulative microseconds):")
    profile = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "llmtune", "doctor"], capture_output=True, text=True, check=False
    ).stderr
    rows = [line.split("|") for line in profile.splitlines() if line.count("|") == 2 and "cumulative" not in line]
    for _, cumulative, name in sorted(rows, key=lambda row: -int(row[1]))[:15]:
        print(f"{int(cumulative):9d} {name.rstrip()}")
    if failed:
        sys.exit(f"over budget: {', '.join(failed)}")


if __name__ == "__main__":
    main()

"""`llmtune model` in a process of its own: what it answers, and what it costs."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

from quick_start import PACKAGE

# The peak that the kernel tells of a process begins with what the one that forked it had: a small one, here.
RUN = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "llmtune", "model", sys.argv[1]], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, done.stderr, used.ru_maxrss * 1024, used.ru_utime + used.ru_stime]))
"""


def measured(path: Path) -> tuple[int, str, int, float]:
    """Exit code, standard error, peak memory and processor seconds of `llmtune model`, its start included."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": PACKAGE, "PATH": os.environ["PATH"]},
        check=True,
    )
    code, told, peak_bytes, seconds = json.loads(done.stdout)
    return code, told, peak_bytes, seconds


def measured_cheap(path: Path, limit_seconds: float) -> tuple[int, str, int, float]:
    """The same beyond an idle start; where that was too much, the cheapest of three: a busy machine slows some."""
    runs = [measured(path)]
    while runs[-1][3] - idle_seconds() >= limit_seconds and len(runs) < 3:
        runs.append(measured(path))
    code, told, _, seconds = min(runs, key=lambda run: run[3])
    return code, told, max(run[2] for run in runs), seconds - idle_seconds()


@functools.cache
def idle_seconds() -> float:
    """The processor seconds of a start that reads nothing."""
    return measured(Path("/nothing-here.gguf"))[3]

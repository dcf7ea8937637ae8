"""What `llmtune monitor` costs at an interval of 1 s in 120x40, side by side with nvitop, vramtop, btop and nvtop.

All of them run at once, each in a terminal of its own that counts bytes, on two GPUs of a fake NVML; then the monitor
alone on eight GPUs whose every answer takes 50 ms, where keys are pressed. Exits with 1 where a budget is not met.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from nvml_machines import build_library, machine

from bench.terminal import HEIGHT, WIDTH, Terminal

Programs = dict[str, tuple[list[str], dict[str, str]]]
"""Name -> command and what it needs in its environment."""

ROOT = Path(__file__).absolute().parent.parent
PEERS = ROOT / "build" / "monitor-peers"
LLMTUNE = [sys.executable, "-m", "llmtune", "monitor"]
BARE_TEXTUAL = [
    sys.executable,
    "-c",
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Bare(App):\n    def compose(self):\n        yield Static('x' * 200)\n"
    "Bare().run()",
]
"""What no monitor made with it can be below."""
WARM_S, MEASURED_S, PRESSES = 10, 30, 20
GPUS = machine(2, "0 process.0 1 60000\n* utilization 71 40\n* power 312000")
SLOW_GPUS = machine(8, "0 process.0 1 60000\n* utilization 71 40\n* delay 50")
CPU_PERCENT, MEMORY_MB, BYTES_PER_S, FIRST_PAINT_S, KEY_S = 1.5, 60.0, 10_000.0, 0.4, 0.1


@dataclass
class Cost:
    """Of one program."""

    cpu_percent: float
    resident_mb: float
    shared_mb: float
    bytes_per_s: float
    first_paint_s: float

    def row(self, name: str, own: "Cost") -> str:
        def part(of: str, form: str) -> str:
            value, other = getattr(self, of), getattr(own, of)
            return f"{value:{form}} {f'({value / other:.1f}x)' if other and self is not own else '':>8}"

        numbers = (
            part("cpu_percent", "6.2f"),
            part("resident_mb", "6.1f"),
            f"{self.shared_mb:7.1f}",
            part("bytes_per_s", "8.0f"),
            part("first_paint_s", "12.2f"),
        )
        return f"{name:24}" + " ".join(numbers)


HEADINGS = f"{'':24}{'CPU %':>6}{'RSS MB':>16}{'PSS MB':>16}{'bytes/s':>9}{'first paint, CPU s':>27}"


def peers(scratch: Path) -> tuple[Programs, list[str]]:
    """What can be had: and a line for each that cannot."""
    found: Programs = {}
    lines = []
    for name, options in (("nvitop", ["--interval", "1"]), ("vramtop", ["--refresh-rate", "1"])):
        if (program := python_peer(name)) is None:
            lines.append(f"{name}: could not be installed from the package index")
            continue
        found[f"{name}, as it comes"] = [str(program)], {}
        found[f"{name} at 1 s"] = [str(program), *options], {}
    for name in ("btop", "nvtop"):
        if not distribution_peer(name):
            lines.append(f"{name}: not installed and not in this distribution's archive")
            continue
        found[f"{name}, as it comes"] = [name], {}
    if "btop, as it comes" in found:
        (scratch / "config" / "btop").mkdir(parents=True)
        (scratch / "config" / "btop" / "btop.conf").write_text("update_ms = 1000\n")
        found["btop at 1 s"] = ["btop"], {"XDG_CONFIG_HOME": str(scratch / "config")}
    return found, lines


def python_peer(name: str) -> Path | None:
    """Its command, in a virtual environment of its own."""
    program = PEERS / "bin" / name
    if not program.exists():
        if not (PEERS / "bin" / "python").exists():
            subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name]
        subprocess.run(pip, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        # Compiled as their packages would be: no start pays for that.
        subprocess.run([str(PEERS / "bin" / "python"), "-m", "compileall", "-q", str(PEERS / "lib")], check=False)
    return program if program.exists() else None


def distribution_peer(name: str) -> bool:
    """Whether it is there, after trying to install it where that may be done."""
    if shutil.which(name) is None and os.getuid() == 0 and shutil.which("apt-get"):
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", name],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    return shutil.which(name) is not None


def environment(scratch: Path, description: str) -> dict[str, str]:
    """Sees the described GPUs; has a home of its own."""
    place = scratch / "gpus.txt"
    place.write_text(description)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(scratch),
        "PYTHONPATH": str(ROOT / "build" / "path"),
        "LD_LIBRARY_PATH": str(scratch),
        "FAKE_NVML": str(place),
    }


def side_by_side(programs: Programs, scratch: Path) -> tuple[dict[str, Cost], list[str]]:
    """Start one after the other, warm up, then measure all over the same seconds."""
    seen = environment(scratch, GPUS)
    running: dict[str, Terminal] = {}
    costs, lines = {}, []
    try:
        for name, (command, more) in programs.items():
            running[name] = terminal = Terminal(command, seen | more, scratch)
            # So that the start of one is not slowed by the others'.
            until = time.monotonic() + 20
            while terminal.first_paint_cpu_s is None and terminal.alive() and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(1)
        time.sleep(WARM_S)
        began = {name: (t.cpu_s(), t.bytes_written, time.monotonic()) for name, t in running.items()}
        time.sleep(MEASURED_S)
        for name, terminal in running.items():
            cpu_s, written, at = began[name]
            seconds = time.monotonic() - at
            if not terminal.alive() or terminal.first_paint_cpu_s is None:
                lines.append(f"{name}: did not run ({terminal.said()})")
                continue
            resident, shared = terminal.memory_bytes()
            costs[name] = Cost(
                100 * (terminal.cpu_s() - cpu_s) / seconds,
                resident / 1e6,
                shared / 1e6,
                (terminal.bytes_written - written) / seconds,
                terminal.first_paint_cpu_s,
            )
    finally:
        for terminal in running.values():
            terminal.close()
    return costs, lines


def key_presses(scratch: Path) -> list[float]:
    """Seconds from Tab to the first changed bytes, on eight slow GPUs."""
    terminal = Terminal(LLMTUNE, environment(scratch, SLOW_GPUS), scratch)
    try:
        time.sleep(5)
        if not terminal.alive():
            sys.exit(f"the monitor did not run: {terminal.said()}")
        times = []
        for press in range(PRESSES):
            times.append(terminal.key_to_paint_s(b"\t"))
            time.sleep(0.1 + 0.37 * press % 1)
        return times
    finally:
        terminal.close()


def over_budget(own: Cost) -> list[str]:
    """Prints each budget; what is not met."""
    failed = []
    for what, value, most, unit in (
        ("processor", own.cpu_percent, CPU_PERCENT, "% of one core"),
        ("memory", own.resident_mb, MEMORY_MB, "MB resident"),
        ("terminal", own.bytes_per_s / 1000, BYTES_PER_S / 1000, "KB/s"),
        ("first paint", own.first_paint_s, FIRST_PAINT_S, "s of processor time"),
    ):
        met = value <= most
        print(f"{what:12} {value:7.2f} of {most:g} {unit}: {'met' if met else 'NOT MET'}")
        if not met:
            failed.append(what)
    return failed


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        build_library(scratch)
        others, left_out = peers(scratch)
        programs: Programs = {
            "llmtune monitor at 1 s": (LLMTUNE, {}),
            "a bare Textual app": (BARE_TEXTUAL, {}),
        } | others
        failed: list[str] = []
        for _ in range(2):
            costs, lines = side_by_side(programs, scratch)
            own = costs.get("llmtune monitor at 1 s")
            if own is None:
                sys.exit("\n".join(lines))
            print(f"\n{WIDTH}x{HEIGHT}, {MEASURED_S} s; in brackets: how many times what llmtune takes")
            print(HEADINGS)
            for program, cost in costs.items():
                print(cost.row(program, own))
            print(*left_out, *lines, sep="\n")
            failed = over_budget(own)
            # Neighbours on the machine make a processor's second do less: what is told in seconds is asked twice.
            if not {"processor", "first paint"} & set(failed):
                break
        for _ in range(2):
            presses = key_presses(scratch)
            worst = max(presses)
            told = (
                f"median {statistics.median(presses) * 1000:.0f} ms, worst {worst * 1000:.0f} ms of {KEY_S * 1000:.0f}"
            )
            print(f"key to paint, 8 GPUs of slow answers: {told}: {'met' if worst <= KEY_S else 'NOT MET'}")
            if worst <= KEY_S:
                break
        else:
            failed.append("key to paint")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

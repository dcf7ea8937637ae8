"""The same settings by llmtune and by TuneD, side by side: time, a kill in mid-apply, a foreign change. Needs root.

Every value, and what TuneD keeps in /etc/tuned, is put back at the end.
"""

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from installed import installed

SETTINGS = {
    "vm.swappiness": "10",
    "vm.dirty_ratio": "40",
    "vm.dirty_background_ratio": "5",
    "vm.max_map_count": "262144",
    "vm.vfs_cache_pressure": "50",
    "vm.page-cluster": "0",
    "vm.compaction_proactiveness": "0",
    "vm.watermark_scale_factor": "20",
    "vm.dirty_expire_centisecs": "1500",
    "vm.stat_interval": "10",
    "net.core.somaxconn": "8192",
}
KILLED_AT = "vm.page-cluster"
DRIFTED = ("vm.swappiness", "33")
ROUNDS = 7
MOST = 1 / 3
PROFILE = "llmtune-bench"
ETC = Path("/etc/tuned")
STATE = Path("/var/lib/llmtune")


def path(key: str) -> str:
    return "/proc/sys/" + key.replace(".", "/")


def values() -> dict[str, str]:
    return {key: Path(path(key)).read_text().strip() for key in SETTINGS}


def put_back(before: dict[str, str]) -> None:
    for key, value in before.items():
        if Path(path(key)).read_text().strip() != value:
            Path(path(key)).write_text(value)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def killed_at_the_write(*command: str) -> None:
    """SIGKILL as the process writes one value in the middle."""
    inject = ["-e", "trace=write", "-e", "inject=write:signal=SIGKILL:when=1"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path(KILLED_AT), *inject, *command],
            capture_output=True,
            check=False,
            timeout=60,
        )


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def changed(before: dict[str, str]) -> int:
    return sum(before[key] != value for key, value in values().items())


class Ours:
    """The installed command."""

    def __init__(self) -> None:
        self.command = installed()
        self.arguments = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]

    def apply(self) -> None:
        run(self.command, "apply", *self.arguments, "--yes")

    def undo(self) -> None:
        run(self.command, "rollback", "--yes")

    def kill(self) -> None:
        killed_at_the_write(self.command, "apply", *self.arguments, "--yes")
        self.undo()


class TuneD:
    """The daemon with D-Bus, as Debian packages it."""

    def apply(self) -> None:
        run("tuned-adm", "profile", PROFILE)

    def undo(self) -> None:
        run("tuned-adm", "off")

    def kill(self) -> None:
        """Killed in mid-apply, started again, stopped in order: that is when TuneD rolls back."""
        with daemon():
            pass
        (ETC / "active_profile").write_text(PROFILE + "\n")
        killed_at_the_write(sys_tuned(), "--no-dbus", "-l", "/dev/null", "-p", PROFILE)
        with daemon():
            wait_for(lambda: changed(SETTINGS) == 0)


def sys_tuned() -> str:
    return shutil.which("tuned", path="/usr/sbin:/usr/bin") or "tuned"


def wait_for(ready: Callable[[], bool]) -> None:
    for _ in range(100):
        if ready():
            return
        time.sleep(0.1)


@contextlib.contextmanager
def daemon() -> Iterator[None]:
    with subprocess.Popen(
        [sys_tuned(), "-l", "/dev/null"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            wait_for(lambda: run("tuned-adm", "active").returncode == 0)
            time.sleep(1)
            yield
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()


@contextlib.contextmanager
def bus() -> Iterator[None]:
    """The system bus, ours where there is none."""
    if run("dbus-send", "--system", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.GetId").returncode == 0:
        yield
        return
    os.makedirs("/run/dbus", exist_ok=True)
    Path("/run/dbus/pid").unlink(missing_ok=True)
    with subprocess.Popen(["dbus-daemon", "--system", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL) as child:
        try:
            wait_for(lambda: os.path.exists("/run/dbus/system_bus_socket"))
            time.sleep(0.3)
            yield
        finally:
            child.terminate()


@contextlib.contextmanager
def aside(place: Path) -> Iterator[None]:
    """A directory set aside and put back."""
    kept = place.with_name(place.name + ".kept")
    if place.exists():
        shutil.copytree(place, kept, symlinks=True)
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if kept.exists():
            kept.rename(place)


def times(tool: Ours | TuneD, before: dict[str, str]) -> tuple[float, float]:
    applies, undoes = [], []
    for _ in range(ROUNDS):
        applies.append(timed(tool.apply))
        if changed(before) < 10:
            sys.exit(f"{type(tool).__name__} changed only {changed(before)} of {len(SETTINGS)} values")
        undoes.append(timed(tool.undo))
        put_back(before)
    return statistics.median(applies), statistics.median(undoes)


def drift(tool: Ours | TuneD, before: dict[str, str]) -> str:
    tool.apply()
    key, value = DRIFTED
    Path(path(key)).write_text(value)
    tool.undo()
    found = Path(path(key)).read_text().strip()
    put_back(before)
    return "kept" if found == value else f"overwritten with {found}"


def need(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    packages = [{"dbus-daemon": "dbus", "dbus-send": "dbus"}.get(name, name) for name in missing]
    if packages:
        run("apt-get", "update", "-qq")
        done = run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
        if done.returncode != 0:
            sys.exit(f"cannot install {', '.join(packages)}: {done.stderr.strip()}")


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("needs root: it changes kernel settings and puts them back")
    need("tuned", "dbus-daemon", "dbus-send", "strace")
    before = values()
    try:
        with aside(STATE), aside(ETC), bus():
            shutil.rmtree(STATE, ignore_errors=True)
            (ETC / PROFILE).mkdir(parents=True)
            lines = [f"{key}={value}" for key, value in SETTINGS.items()]
            (ETC / PROFILE / "tuned.conf").write_text("\n".join(["[main]", "[sysctl]", *lines, ""]))
            ours, tuned = Ours(), TuneD()
            (ETC / "active_profile").write_text("\n")
            (ETC / "profile_mode").write_text("manual\n")
            our_times = times(ours, before)
            our_drift = drift(ours, before)
            ours.kill()
            our_lost = changed(before)
            put_back(before)
            with daemon():
                their_times = times(tuned, before)
                their_drift = drift(tuned, before)
            put_back(before)
            tuned.kill()
            their_lost = changed(before)
    finally:
        put_back(before)
    print(f"{len(SETTINGS)} settings, median of {ROUNDS}              llmtune      TuneD   ratio")
    for name, mine, theirs in zip(("apply", "rollback"), our_times, their_times, strict=True):
        print(f"{name:36} {mine:9.3f} s {theirs:8.3f} s  {mine / theirs:6.2f}")
    print(f"{'killed in mid-apply, values lost':36} {our_lost:9} {their_lost:10}")
    print(f"{'a foreign change after apply':36} {our_drift:>9}  {their_drift}")
    if our_times[0] > their_times[0] * MOST or our_lost or our_drift != "kept":
        sys.exit("llmtune does not keep its promises here")


if __name__ == "__main__":
    main()

"""This machine, really changed: all that is writable here, dumped before and after, and put back always."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tracer import NUMBERS

from llmtune.tuners.knobs.kernel_file import LIVE
from llmtune.tuners.prepare import Wish, prepare
from llmtune.tuners.session import read_here, session
from llmtune.tuners.store import Store
from llmtune.tuners.transaction import Who, apply

THP = "/sys/kernel/mm/transparent_hugepage"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
_QUEUE_FILES = ("scheduler", "nr_requests", "read_ahead_kb", "nomerges", "rq_affinity", "add_random", "wbt_lat_usec")
_VOLATILE = (
    "/proc/sys/fs/dentry-state",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/inode-",
    "/proc/sys/fs/aio-nr",
    "/proc/sys/fs/quota",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/perf_",
    "/proc/sys/kernel/pty/nr",
    "/proc/sys/kernel/random/",
    "/proc/sys/net/netfilter/nf_conntrack_count",
)
_SLEEPER = """
import os, threading, time
started = threading.Barrier(4)
def odd():
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 3)
    started.wait()
    time.sleep(10000)
def plain():
    started.wait()
    time.sleep(10000)
for body in (odd, plain, plain):
    threading.Thread(target=body, daemon=True).start()
started.wait()
print("ready", flush=True)
time.sleep(10000)
"""


def read_file(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def put_file(path: str, value: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(value)


def chosen(text: str) -> str:
    """`madvise` of `always [madvise] never`."""
    return text.partition("[")[2].partition("]")[0] or text.strip()


def dump_sysctls() -> dict[str, str]:
    """Every readable file below /proc/sys that only changes when somebody writes to it."""
    found = {}
    for folder, _, names in os.walk("/proc/sys"):
        for name in names:
            path = f"{folder}/{name}"
            if path.startswith(_VOLATILE):
                continue
            try:
                found[path] = read_file(path)
            except OSError:
                continue
    return found


@dataclass
class Machine:
    """What tests change, in a state that holds every trap: lowered reserve, odd thread, parameters of a scheduler."""

    device: str
    process: int
    stable: frozenset[str]
    """Sysctls that do not change by themselves."""

    def touched_files(self) -> list[str]:
        """The files that wishes are about, with those that the kernel changes along with them."""
        queue = f"/sys/block/{self.device}/queue"
        sysctls = ("swappiness", "dirty_bytes", "dirty_ratio", "dirty_background_bytes", "dirty_background_ratio")
        others = ("max_map_count", "min_free_kbytes", "nr_hugepages", "stat_interval", "vfs_cache_pressure")
        return [
            *(f"/proc/sys/vm/{name}" for name in (*sysctls, *others)),
            *(f"{THP}/{name}" for name in ("enabled", "defrag", "khugepaged/pages_to_scan")),
            POOL,
            *(f"{queue}/{name}" for name in _QUEUE_FILES if os.path.exists(f"{queue}/{name}")),
            *parameters(queue),
        ]

    def touched(self) -> dict[str, str]:
        """What is in them, and what each thread of the process has."""
        found = {path: read_file(path) for path in self.touched_files()}
        for thread in os.listdir(f"/proc/{self.process}/task"):
            nice = os.getpriority(os.PRIO_PROCESS, int(thread))
            found[thread] = f"{nice} {sorted(os.sched_getaffinity(int(thread)))} {_io_priority(int(thread))}"
        return found

    def whole(self) -> dict[str, str]:
        """The same with every stable sysctl."""
        return {**{path: text for path, text in dump_sysctls().items() if path in self.stable}, **self.touched()}

    def wishes(self) -> list[Wish]:
        """Settings of every kind that can be written here."""
        return [
            Wish("vm.swappiness", "10"),
            Wish("vm.dirty_bytes", "1073741824"),
            Wish("vm.dirty_background_ratio", "7"),
            Wish("vm.max_map_count", "1048576"),
            Wish("thp.enabled", "always"),
            Wish("thp.defrag", "defer"),
            Wish("thp.khugepaged_pages_to_scan", "8192"),
            Wish("hugepages.2048kB", "16"),
            Wish(f"block.scheduler@{self.device}", "kyber"),
            Wish(f"block.nr_requests@{self.device}", "32"),
            Wish(f"block.read_ahead_kb@{self.device}", "4095"),
            Wish(f"process.nice@{self.process}", "5"),
            Wish(f"process.cpus@{self.process}", "0"),
            Wish(f"process.io_class@{self.process}", "best-effort:2"),
        ]


def parameters(queue: str) -> list[str]:
    """The files of the queue's scheduler; there are none without one."""
    folder = f"{queue}/iosched"
    return [f"{folder}/{name}" for name in sorted(os.listdir(folder))] if os.path.isdir(folder) else []


def _io_priority(thread: int) -> int:
    return int(ctypes.CDLL(None).syscall(NUMBERS["ioprio_get"], 1, thread))


@contextmanager
def machine() -> Iterator[Machine]:
    """This machine in the state that tests begin with; what was there before comes back at the end, always."""
    with _device() as device, _sleeper() as process:
        queue = f"/sys/block/{device}/queue"
        kept = _keep(queue)
        # Whoever stops the tests shall find the machine as it was.
        heard = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            put_file(f"{THP}/enabled", "never")
            put_file(f"{THP}/defrag", "madvise")
            put_file("/proc/sys/vm/min_free_kbytes", "30000")
            put_file("/proc/sys/vm/dirty_ratio", "21")
            put_file("/proc/sys/vm/dirty_background_bytes", "200000000")
            put_file(POOL, "3")
            put_file(f"{queue}/scheduler", "mq-deadline")
            put_file(f"{queue}/nr_requests", "60")
            put_file(f"{queue}/iosched/read_expire", "124")
            put_file(f"{queue}/read_ahead_kb", "64")
            first, second = dump_sysctls(), dump_sysctls()
            stable = frozenset(path for path in first if first[path] == second.get(path))
            yield Machine(device, process, stable)
        finally:
            _put_back(queue, kept)
            signal.signal(signal.SIGTERM, heard)


def _keep(queue: str) -> dict[str, str]:
    names = [f"{queue}/{name}" for name in _QUEUE_FILES] + parameters(queue)
    pairs = ("dirty_bytes", "dirty_ratio", "dirty_background_bytes", "dirty_background_ratio")
    singles = ("swappiness", "max_map_count", "stat_interval", "vfs_cache_pressure")
    thp = [f"{THP}/{name}" for name in ("enabled", "defrag", "khugepaged/pages_to_scan")]
    # The reserve comes last: choosing huge pages raises it.
    paths = [*names, *(f"/proc/sys/vm/{name}" for name in (*pairs, *singles)), POOL, *thp]
    kept = {path: chosen(read_file(path)) for path in paths if os.path.exists(path)}
    return {**kept, "/proc/sys/vm/min_free_kbytes": read_file("/proc/sys/vm/min_free_kbytes").strip()}


def _put_back(queue: str, kept: Mapping[str, str]) -> None:
    for path, value in kept.items():
        unused = value == "0" and path.startswith("/proc/sys/vm/dirty_")
        if not unused and os.path.exists(path) and (chosen(read_file(path)) != value or path.startswith(queue)):
            put_quietly(path, value)


def put_quietly(path: str, value: str) -> None:
    """Write what the kernel takes; some files of a queue take nothing back (no throttle without a scheduler)."""
    try:
        put_file(path, value)
    except OSError as error:
        if not path.startswith("/sys/block/"):
            raise OSError(error.errno, error.strerror, path) from None


@contextmanager
def _device() -> Iterator[str]:
    """A loop device of its own."""
    losetup = shutil.which("losetup", path="/usr/sbin:/sbin:/usr/bin:/bin") or "losetup"
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(16 << 20)
        done = subprocess.run([losetup, "--find", "--show", image.name], capture_output=True, text=True, check=True)
        device = done.stdout.strip()
        try:
            yield os.path.basename(device)
        finally:
            subprocess.run([losetup, "--detach", device], check=True)


@contextmanager
def _sleeper() -> Iterator[int]:
    """A process with four threads, one of them niced by itself."""
    with subprocess.Popen([sys.executable, "-c", _SLEEPER], stdout=subprocess.PIPE) as sleeper:
        try:
            assert sleeper.stdout is not None
            assert sleeper.stdout.readline() == b"ready\n"
            yield sleeper.pid
        finally:
            sleeper.kill()


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one: a kill, unlike a power cut, loses nothing that was written."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        yield Path(folder)


def new_store(folder: Path) -> Store:
    """Empty directories; what is below `folder` goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Store(str(folder / "state"), str(folder / "run"))


def applying(store: Store, wishes: Iterable[Wish]) -> Callable[[], str]:
    """A whole `apply`: lock, preflight, transaction. It answers with the outcome and the reason."""

    def run() -> str:
        with session(store, read_here()) as opened:
            done = apply(opened, prepare(wishes, LIVE, as_root=True), Who("root"))
        return f"{done.outcome} {done.why or ''} {' '.join(done.undoing.failed) if done.undoing else ''}".strip()

    return run


def rolling_back(store: Store) -> Callable[[], str]:
    """A whole `rollback`. It answers with what is still in force and what failed."""

    def run() -> str:
        with session(store, read_here()) as opened:
            failed = [why for undoing in opened.repaired.values() for why in undoing.failed]
            for journal in reversed(opened.active()):
                failed += opened.undo(journal).failed
            return " ".join([*(str(journal.id) for journal in opened.active()), *failed])

    return run

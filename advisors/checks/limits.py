"""Checks of the limits that a server started from here would inherit."""

from ...probe.limits import UNLIMITED, Limit
from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Verdict, not_applicable, ok, seen, unknown

GIB = 1 << 30
MIN_OPEN_FILES = 1024
MIN_SHM_BYTES = 1 << 30
SOURCE = "/proc/self/limits"


def _amount(limit: Limit) -> str:
    return "unlimited" if limit.soft >= UNLIMITED else f"{limit.soft >> 10} KiB"


def _memlock(snapshot: Snapshot) -> Verdict:
    limit, total = snapshot.memory.limits.memlock_bytes, snapshot.memory.total_bytes
    if limit is None:
        return unknown("the limit of locked memory could not be read")
    evidence = seen(SOURCE, f"Max locked memory {_amount(limit)}")
    if limit.soft >= (total or UNLIMITED):
        return ok("models of any size may be locked in memory", evidence)
    return Verdict(
        status="info",
        what=f"at most {_amount(limit)} may be locked in memory: --load-mode mlock would fail; other modes do not care",
        evidence=(evidence,),
        effect=NOT_KNOWN,
        fix="only for --load-mode mlock, in the server's systemd unit: LimitMEMLOCK=infinity; in a shell: "
        "sudo prlimit --pid $$ --memlock=unlimited",
        undo=f"sudo prlimit --pid $$ --memlock={limit.soft}:{limit.hard}",
    )


def _open_files(snapshot: Snapshot) -> Verdict:
    limit = snapshot.memory.limits.open_files
    if limit is None:
        return unknown("the limit of open files could not be read")
    evidence = seen(SOURCE, f"Max open files {limit.soft} {limit.hard}")
    if limit.soft > MIN_OPEN_FILES:
        return ok(f"{limit.soft} open files a process", evidence)
    if limit.soft < MIN_OPEN_FILES:
        return Verdict(
            status="warning",
            what=f"only {limit.soft} open files a process, fewer than the usual {MIN_OPEN_FILES}",
            evidence=(evidence,),
            effect=NOT_KNOWN,
            fix=f"ulimit -n {limit.hard}",
            undo=f"ulimit -S -n {limit.soft}",
        )
    return Verdict(
        status="info",
        what=f"{limit.soft} open files a process: enough for one user, few for a server with hundreds of connections",
        evidence=(evidence,),
        effect=NOT_KNOWN,
        fix="in the server's systemd unit: LimitNOFILE=65536; in a shell before the server: "
        f"ulimit -n {min(limit.hard, 65_536)}",
    )


def _shm(snapshot: Snapshot) -> Verdict:
    size = snapshot.memory.shm_total_bytes
    if size is None:
        return not_applicable("there is no /dev/shm, or it could not be asked")
    evidence = seen("/dev/shm", f"{size} bytes")
    if size >= MIN_SHM_BYTES:
        return ok(f"/dev/shm has {size / GIB:.1f} GiB", evidence)
    return Verdict(
        status="info",
        what=f"/dev/shm has only {size >> 20} MiB: servers of several processes (vLLM with tensor parallelism, NCCL) "
        "exchange data there and fail to start",
        evidence=(evidence,),
        effect=NOT_KNOWN,
        fix="docker run --shm-size=8g ... or --ipc=host; outside a container: sudo mount -o remount,size=8G /dev/shm",
        undo=f"sudo mount -o remount,size={size} /dev/shm",
    )


CHECKS = (
    Check(
        id="limit-locked-memory",
        topic="limits",
        title="Locked memory",
        why="A model that is to be locked in memory needs a limit of its size; without locking the limit does not matter.",
        explanation=(
            "RLIMIT_MEMLOCK of this shell. It matters only with llama.cpp's --load-mode mlock. limits.conf does not reach "
            "systemd services; a unit needs LimitMEMLOCK. Copies made by CPU repacking are never locked."
        ),
        judge=_memlock,
        sources=("getrlimit(2)", "systemd.exec(5): LimitMEMLOCK"),
    ),
    Check(
        id="limit-open-files",
        topic="limits",
        title="Open files",
        why="Each connection of a server is an open file; at the limit new ones are refused.",
        explanation=f"RLIMIT_NOFILE of this shell. Fewer than {MIN_OPEN_FILES} is a warning.",
        judge=_open_files,
        sources=("getrlimit(2)", "systemd.exec(5): LimitNOFILE"),
    ),
    Check(
        id="limit-shared-memory",
        topic="limits",
        title="Shared memory",
        why="Processes of one server hand each other tensors through /dev/shm; Docker's default is 64 MiB.",
        explanation="Below 1 GiB it is told; it matters for servers of several processes only.",
        judge=_shm,
        sources=("docs.vllm.ai: Using Docker, --ipc=host or --shm-size",),
    ),
)

"""What `doctor --measure` found is kept for the monitor, which judges against peaks and must not measure them itself.

One small file below the user's state directory (XDG_STATE_HOME); where root measured, one that everybody may read, for
a monitor or `watch` without root is to know it too. It counts only on the machine it was measured on and for the
same CPUs: a quota or another affinity makes another machine of it.
"""

import contextlib
import json
import math
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..probe.measure.measurement import Measurement
from ..probe.snapshot import Snapshot

SHARED = "/var/cache/llmtune"
"""Root's, for all (hier(7)): it can be lost, and measured again."""
_NAME = "measured.json"
_LIMIT_BYTES = 64 << 10
_DAY_SECONDS = 86_400


def keep(snapshot: Snapshot) -> None:
    """Remember what was measured; where it cannot be written, nothing is lost but that."""
    text = json.dumps(
        {
            "schema_version": 1,
            "machine": _machine(snapshot),
            "time_s": time.time(),
            "measured": [one.model_dump() for one in snapshot.measured],
        }
    )
    if os.geteuid() == 0:
        _share(text.encode())
        return
    folder = _folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, folder / _NAME)


def _share(data: bytes) -> None:
    from ..tuners.store import Unsafe, open_directory, replace_file

    try:
        directory = open_directory(SHARED, 0o755)
    except (OSError, Unsafe):
        return
    try:
        replace_file(directory, _NAME, data, 0o644)
    except OSError:
        return
    finally:
        os.close(directory)


def with_kept(snapshot: Snapshot) -> Snapshot:
    """The snapshot with what was measured on this machine earlier, each saying when: the user's own, or root's."""
    here = _machine(snapshot)
    told = [one for path in (_folder() / _NAME, Path(SHARED) / _NAME) if (one := _read(path, here)) is not None]
    if not told:
        return snapshot
    time_s, found = max(told, key=lambda one: one[0])
    age = _age(time.time() - time_s)
    return snapshot.model_copy(
        update={"measured": tuple(one.model_copy(update={"how": f"{one.how}, {age}"}) for one in found)}
    )


def _read(path: Path, machine: dict[str, object]) -> tuple[float, tuple[Measurement, ...]] | None:
    """When, and what; None for what is not of this machine, damaged, or not the user's or root's to say."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
                return None
            told: Any = json.loads(file.read(_LIMIT_BYTES))
        if not isinstance(told, dict) or told.get("machine") != machine:
            return None
        time_s = float(told["time_s"])
        if not math.isfinite(time_s):
            return None
        return time_s, tuple(Measurement.model_validate(one) for one in told["measured"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, ValidationError):
        return None


def _age(seconds: float) -> str:
    days = round(seconds / _DAY_SECONDS)
    return "today" if days < 1 else f"{days} day{'s' * (days > 1)} ago"


def _machine(snapshot: Snapshot) -> dict[str, object]:
    return {
        "cpu": snapshot.cpu.model_name,
        "cpus": list(snapshot.effective.cpu_list),
        "share": snapshot.effective.cpus,
        "nodes": len(snapshot.numa.nodes),
    }


def _folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "llmtune"

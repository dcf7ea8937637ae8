"""What `doctor --measure` found is kept for the monitor, which judges against peaks and must not measure them itself.

One small file below the user's state directory (XDG_STATE_HOME). It counts only on the machine it was measured on and
for the same CPUs: a quota or another affinity makes another machine of it.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..probe.measure.measurement import Measurement
from ..probe.snapshot import Snapshot

_NAME = "measured.json"
_LIMIT_BYTES = 64 << 10
_DAY_SECONDS = 86_400


def keep(snapshot: Snapshot) -> None:
    """Remember what was measured; where it cannot be written, nothing is lost but that."""
    folder = _folder()
    text = json.dumps(
        {
            "schema_version": 1,
            "machine": _machine(snapshot),
            "time_s": time.time(),
            "measured": [one.model_dump() for one in snapshot.measured],
        }
    )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, folder / _NAME)
    except OSError:
        return


def with_kept(snapshot: Snapshot) -> Snapshot:
    """The snapshot with what was measured on this machine earlier, each saying when."""
    try:
        with (_folder() / _NAME).open("rb") as file:
            told: Any = json.loads(file.read(_LIMIT_BYTES))
        if not isinstance(told, dict) or told.get("machine") != _machine(snapshot):
            return snapshot
        age = _age(time.time() - float(told["time_s"]))
        found = tuple(Measurement.model_validate(one) for one in told["measured"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, ValidationError):
        return snapshot
    return snapshot.model_copy(
        update={"measured": tuple(one.model_copy(update={"how": f"{one.how}, {age}"}) for one in found)}
    )


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

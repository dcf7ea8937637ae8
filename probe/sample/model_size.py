"""How large a server's model file is, all its parts together."""

import re
import time

from ..host import Host
from ..reading import Unreadable
from ..worker import Worker

WAIT_SECONDS = 0.3
AGAIN_SECONDS = 60.0
MAX_PARTS = 512
_PART = re.compile(r"(.*-)(00001)-of-([0-9]{5})(\.gguf)")


class ModelSizes:
    """Asks once a model; a mount that hangs costs a short wait, once."""

    def __init__(self) -> None:
        self._worker = Worker("model size")
        self._asked_s: dict[tuple[int, str], float] = {}

    def size(self, host: Host, pid: int, model: str, contained: bool) -> int | None:
        """Bytes of the file that process `pid` calls `model`; None where it is none, or cannot be seen.

        `contained`: the process may have files of its own, so that the name means something else here.
        """
        now_s = time.monotonic()
        if now_s - self._asked_s.get((pid, model), -AGAIN_SECONDS) < AGAIN_SECONDS:
            return None
        if len(self._asked_s) >= MAX_PARTS:
            self._asked_s.clear()
        self._asked_s[pid, model] = now_s
        try:
            return self._worker.call(lambda: _size(host, pid, model, contained), WAIT_SECONDS)
        except Unreadable:
            return None


def part_names(path: str) -> list[str]:
    """All files of a model that begins with `path`: `x-00001-of-00003.gguf` stands for three."""
    match = _PART.fullmatch(path)
    if not match or not 1 <= int(match[3]) <= MAX_PARTS:
        return [path]
    return [f"{match[1]}{number:05}-of-{match[3]}{match[4]}" for number in range(1, int(match[3]) + 1)]


def _size(host: Host, pid: int, model: str, contained: bool) -> int | None:
    if not model.startswith("/"):
        directory = host.link(f"/proc/{pid}/cwd")
        if directory is None:
            return None
        model = f"{directory}/{model}"
    # As the process sees it; another user's process does not let us look through its eyes.
    for root in [f"/proc/{pid}/root"] if contained else [f"/proc/{pid}/root", ""]:
        sizes = [_file_size(host, root + name) for name in part_names(model)]
        if None not in sizes:
            return sum(size for size in sizes if size is not None)
    return None


def _file_size(host: Host, path: str) -> int | None:
    status = host.stat(path)
    size = status.get("size") if status and status.get("kind") == "file" else None
    return size if isinstance(size, int) and size > 0 else None

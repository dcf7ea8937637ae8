"""Who uses a GPU, with names and containers."""

from collections.abc import Mapping

from ..host import Host
from .containers import container_of
from .gpu import GpuUser

MAX_USERS = 200


class UserNames:
    """Names are read anew, for servers change theirs; a process' container stays."""

    def __init__(self) -> None:
        self._containers: dict[int, str | None] = {}

    def users(self, host: Host, used: Mapping[int, int | None]) -> tuple[GpuUser, ...]:
        """The users of process ids and bytes, those with most memory first."""
        most_first = sorted(used.items(), key=lambda item: (-(item[1] or 0), item[0]))[:MAX_USERS]
        for pid in self._containers.keys() - used.keys():
            del self._containers[pid]
        return tuple(
            GpuUser(
                pid=pid,
                name=(host.text(f"/proc/{pid}/comm", optional=True) or "")[:64] or None,
                used_bytes=size,
                container=self._container(host, pid),
            )
            for pid, size in most_first
        )

    def _container(self, host: Host, pid: int) -> str | None:
        if pid not in self._containers:
            text = host.text(f"/proc/{pid}/cgroup", optional=True)
            self._containers[pid] = container_of(text) if text else None
        return self._containers[pid]

"""What a process belongs to, by its control group's path: a container or a systemd unit.

Reads nothing itself: callers give the text of /proc/PID/cgroup (proc_pid_cgroup(5)). Docker, Podman, containerd, CRI-O
and Kubernetes put the container's 64 digits into the path, LXC and systemd the name.
"""

import re

SHORT_ID = 12
"""As many digits as `docker ps` shows."""
_ID = r"([0-9a-f]{64})"
_CONTAINERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("kubernetes", re.compile(rf"kubepods[^\n]*?(?:/|-){_ID}(?:\.scope)?(?:/|$)", re.M)),
    ("docker", re.compile(rf"(?:/docker/|docker-){_ID}(?:\.scope)?(?:/|$)", re.M)),
    ("podman", re.compile(rf"(?:libpod-|/libpod_parent/[^/\n]*?){_ID}(?:\.scope)?(?:/|$)", re.M)),
    ("containerd", re.compile(rf"(?:cri-containerd-|nerdctl-|/){_ID}(?:\.scope)?(?:/|$)", re.M)),
    ("cri-o", re.compile(rf"crio-{_ID}(?:\.scope)?(?:/|$)", re.M)),
)
_NAMED: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("lxc", re.compile(r"/(?:lxc/|lxc\.payload\.)([^/\n]{1,64})")),
    ("apptainer", re.compile(r"/(?:apptainer|singularity)-([0-9]{1,10})\.scope")),
)
_UNIT = re.compile(r"/([^/\n]{1,200}\.service)(?=/|$)", re.M)
_MANAGER = re.compile(r"user@[0-9]{1,10}\.service")
"""A user's own systemd: whatever that user runs lies below it."""


def container_of(cgroup_text: str) -> str | None:
    """`docker 0123456789ab`, `lxc name`, or the systemd unit; None for a plain process of a login."""
    paths = "\n".join(line.split(":", 2)[-1] for line in cgroup_text.splitlines()[:64])[: 64 << 10]
    for kind, pattern in _CONTAINERS:
        match = re.search(pattern, paths)
        if match:
            return f"{kind} {match[1][:SHORT_ID]}"
    for kind, pattern in _NAMED:
        match = re.search(pattern, paths)
        if match:
            return f"{kind} {match[1]}"
    units = [unit for unit in _UNIT.findall(paths) if not _MANAGER.fullmatch(unit)]
    return _unescape(units[-1]) if units else None


def _unescape(unit: str) -> str:
    """Undo systemd's escapes, which write a dash as backslash x2d."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), unit)

"""Where our control groups lie: the paths in /proc/self/cgroup, found below the mounts of mountinfo.

See cgroups(7), proc_pid_mountinfo(5) and proc_pid_cgroup(5). Containers are the hard part: with a cgroup namespace the
path is `/` and the mount's root is our own cgroup; without one the path is the host's and only its end is mounted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .host import Host
from .reading import Malformed, Unreadable

MAX_DEPTH = 64
"""More nested cgroups than any machine has; bounds what a damaged path can cost."""
V1_CONTROLLERS = frozenset({"cpu", "cpuset", "memory"})


@dataclass(frozen=True)
class Mount:
    """One mounted cgroup hierarchy."""

    point: str
    root: str
    """The cgroup that appears at `point`; `/` where the kernel does not tell (/proc/mounts)."""
    version: int
    controllers: frozenset[str]
    """Of version 1 only."""
    noprefix: bool = False
    """Whether files have no `cpuset.` before their names (the old cpuset file system)."""


@dataclass(frozen=True)
class Place:
    """Our cgroup in one hierarchy."""

    version: int
    path: str
    """As /proc/self/cgroup names it."""
    directories: tuple[str, ...]
    """Ours first, then its parents up to the mount point: every one may hold a limit that binds us."""
    noprefix: bool = False


def find_places(host: Host, process: str = "self") -> dict[str, Place]:
    """Controller (`cpu`, `cpuset`, `memory`; `unified` for version 2) -> our place; empty without cgroups.

    Of another process where its number is given.
    """
    paths = host.parsed(f"/proc/{process}/cgroup", parse_membership, optional=True)
    if paths is None:
        paths = _paths_by_cpuset(host, process)
    mounts = read_mounts(host)
    places = {}
    for controller, path in paths.items():
        place = _locate(host, mounts or (), controller, path)
        if place is not None:
            places[controller] = place
    if mounts == () and paths:
        host.note_gap(
            "/sys/fs/cgroup", Unreadable("missing", "no cgroup file system is mounted: limits cannot be seen")
        )
    return places


def parse_membership(text: str) -> dict[str, str]:
    """/proc/self/cgroup -> controller -> path; `unified` for the line of version 2."""
    paths = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) != 3 or not parts[2].startswith("/"):
            raise Malformed(f"not a cgroup line: {line[:60]!r}")
        path = parts[2].removesuffix(" (deleted)")
        if parts[0] == "0" and not parts[1]:
            paths["unified"] = path
        paths.update((name, path) for name in parts[1].split(",") if name in V1_CONTROLLERS)
    return paths


def _paths_by_cpuset(host: Host, process: str) -> dict[str, str]:
    # Kernels and recordings without /proc/self/cgroup tell at least the cpuset, of whichever version.
    path = host.text(f"/proc/{process}/cpuset", optional=True)
    return {"cpuset": path, "unified": path} if path and path.startswith("/") else {}


def read_mounts(host: Host) -> tuple[Mount, ...] | None:
    """The cgroup file systems, as mountinfo or else the older mounts files list them; None without any list."""
    text = host.text("/proc/self/mountinfo", optional=True)
    if text is not None:
        return parse_mountinfo(text)
    text = host.text("/proc/mounts", optional=True) or host.text("/proc/self/mounts", optional=True)
    return None if text is None else parse_mounts(text)


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The cgroup mounts in /proc/self/mountinfo; other lines are passed over."""
    found = []
    for line in text.splitlines():
        fields, separator, rest = line.partition(" - ")
        before, after = fields.split(" "), rest.split(" ")
        if separator and len(before) >= 6 and len(after) >= 3:
            found.append(_mount(before[4], before[3], after[0], after[2]))
    return tuple(mount for mount in found if mount is not None)


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """The cgroup mounts in /proc/mounts; other lines are passed over."""
    lines = [line.split(" ") for line in text.splitlines()]
    found = [_mount(fields[1], "/", fields[2], fields[3]) for fields in lines if len(fields) >= 4]
    return tuple(mount for mount in found if mount is not None)


def _mount(point: str, root: str, kind: str, options: str) -> Mount | None:
    words = frozenset(options.split(","))
    if kind == "cgroup2":
        return Mount(_unescape(point), _unescape(root), 2, frozenset())
    if kind == "cpuset":
        return Mount(_unescape(point), _unescape(root), 1, frozenset({"cpuset"}), noprefix=True)
    if kind == "cgroup" and words & V1_CONTROLLERS:
        return Mount(_unescape(point), _unescape(root), 1, words & V1_CONTROLLERS, noprefix="noprefix" in words)
    return None


def _unescape(path: str) -> str:
    """Undo the octal escapes of mountinfo, which writes a space as backslash 040."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda match: chr(int(match[1], 8)), path)


def _locate(host: Host, mounts: Sequence[Mount], controller: str, path: str) -> Place | None:
    """Our directory and its parents in the mount of `controller`."""
    wanted = [m for m in mounts if (m.version == 2 if controller == "unified" else controller in m.controllers)]
    if not wanted:
        return None
    for mount in wanted:
        directories = _directories(mount, path)
        if directories is not None and host.exists(directories[0]):
            return Place(mount.version, path, directories, mount.noprefix)
    # Our path is not below the mount (a container that sees only a part, or another's namespace): what of it can be
    # seen, down to the mount point, is the nearest known group above us.
    mount = wanted[0]
    directories = _directories(mount, path) or (mount.point,)
    seen = tuple(d for d in directories if host.exists(d))
    return Place(mount.version, path, seen, mount.noprefix) if seen else None


def _directories(mount: Mount, path: str) -> tuple[str, ...] | None:
    """Machine directories of `path` and its parents, the mount point last; None if `path` is not below the mount."""
    if mount.root == "/":
        inside = path
    elif path == mount.root or path.startswith(mount.root + "/"):
        inside = path[len(mount.root) :]
    else:
        return None
    names = [name for name in inside.split("/") if name]
    if ".." in names or len(names) > MAX_DEPTH:
        return None
    top = mount.point.rstrip("/")
    return tuple("/".join([top, *names[:depth]]) for depth in range(len(names), -1, -1))


def hierarchy_version(places: Mapping[str, Place]) -> str | None:
    """`v1`, `v2` or `hybrid`, by what of our groups is mounted."""
    versions = {place.version for place in places.values()}
    if not versions:
        return None
    return "hybrid" if len(versions) == 2 else f"v{versions.pop()}"

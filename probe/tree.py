"""A directory tree of `/proc` and `/sys` as a machine. Links are followed inside the tree only, as chroot would."""

import errno
import os
import stat

from .reading import Unreadable
from .source import MAX_LINKS, OPEN_FLAGS, FileSource

KFD_TOPOLOGY = "/sys/class/kfd/kfd/topology"
OUTPUT_FILES = {"nvidia-smi": "/nvidia-smi.xml", "rocm-smi": "/rocm-smi.json"}
"""Where a tree may hold what a program printed: beside proc and sys."""


class TreeSource(FileSource):
    """A recorded tree: `<root>/proc/...`, `<root>/sys/...`; also the bare topology directory of an AMD GPU driver."""

    def __init__(self, root: str, name: str | None = None) -> None:
        super().__init__(os.path.abspath(root), name or root)
        self._directories: dict[str, str] = {"": ""}
        """Machine directory -> the same without links."""
        self._kinds["command"] = self.command
        entries = set(os.listdir(self.root))
        self._bare_topology = not entries & {"proc", "sys"} and bool({"nodes"} & entries)

    def holds_a_machine(self) -> bool:
        """Whether there is anything to read: a proc or sys directory, or a topology."""
        return self._bare_topology or any(os.path.isdir(f"{self.root}/{d}") for d in ("proc", "sys"))

    def _outside(self, real: str) -> str:
        if self._bare_topology:
            real = real.removeprefix(KFD_TOPOLOGY) if real.startswith(KFD_TOPOLOGY) else "/ " + real
        return self.root + real

    def open(self, path: str) -> int:
        # Where the folder is known to be free of links only the last name can be one, and the kernel tells.
        parent, _, name = path.rpartition("/")
        real_parent = self._directories.get(parent)
        if real_parent is not None and name not in ("", ".", ".."):
            try:
                return os.open(self._outside(f"{real_parent}/{name}"), OPEN_FLAGS | os.O_NOFOLLOW)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
        return super().open(path)

    def command(self, *argv: str) -> str:
        file_name = OUTPUT_FILES.get(argv[0].rpartition("/")[2])
        if file_name is None:
            raise Unreadable("not asked", f"{self.name} holds no output of {argv[0]}")
        return self.read(file_name).decode("utf-8", "replace")

    def place(self, path: str) -> str:
        return self._outside(self._real(path, MAX_LINKS))

    def resolve(self, path: str) -> str:
        real = self._real(path, MAX_LINKS) or "/"
        os.lstat(self._outside(real))
        return real

    def _real(self, path: str, links_left: int) -> str:
        """`path` without links or dots, never above the root."""
        parent, _, name = path.rstrip("/").rpartition("/")
        if not parent and not name:
            return ""
        real_parent = self._directories.get(parent)
        if real_parent is None:
            real_parent = self._real(parent, links_left)
            self._directories[parent] = real_parent
        if name in ("", "."):
            return real_parent
        if name == "..":
            return real_parent.rpartition("/")[0]
        real = f"{real_parent}/{name}"
        try:
            is_link = stat.S_ISLNK(os.lstat(self._outside(real)).st_mode)
        except (OSError, ValueError):
            return real
        if not is_link:
            return real
        if links_left == 0:
            raise Unreadable("malformed", "too many symbolic links")
        target = os.readlink(self._outside(real))
        return self._real(target if target.startswith("/") else f"{real_parent}/{target}", links_left - 1)

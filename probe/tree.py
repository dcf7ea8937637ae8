"""A directory tree of `/proc` and `/sys` as a machine. Links are followed inside the tree only, as chroot would."""

import errno
import os
import stat

from .reading import Unreadable
from .rooted import RootedSource
from .source import OPEN_FLAGS

KFD_TOPOLOGY = "/sys/class/kfd/kfd/topology"
OUTPUT_FILES = {"nvidia-smi": "/nvidia-smi.xml", "rocm-smi": "/rocm-smi.json"}
"""Where a tree may hold what a program printed: beside proc and sys."""


class TreeSource(RootedSource):
    """A recorded tree: `<root>/proc/...`, `<root>/sys/...`; also the bare topology directory of an AMD GPU driver."""

    def __init__(self, root: str, name: str | None = None) -> None:
        super().__init__(os.path.abspath(root), name or root)
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
        real_parent = self.directories.get(parent)
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

    def link_target(self, real: str) -> str | None:
        place = self._outside(real)
        try:
            return os.readlink(place) if stat.S_ISLNK(os.lstat(place).st_mode) else None
        except (OSError, ValueError):
            return None

    def place(self, path: str) -> str:
        return self._outside(self.without_links(path))

    def resolve(self, path: str) -> str:
        real = self.without_links(path) or "/"
        os.lstat(self._outside(real))
        return real

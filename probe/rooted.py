"""Paths of a machine whose root is not ours: links are followed inside it only, as chroot would."""

from .reading import Unreadable
from .source import FileSource

MAX_LINKS = 40  # as Linux' own limit, path_resolution(7)
MAX_DEPTH = 256


class RootedSource(FileSource):
    """A source that resolves links itself, so that none leads out of the machine."""

    def __init__(self, root: str, name: str) -> None:
        super().__init__(root, name)
        self.directories: dict[str, str] = {"": ""}
        """Machine directory -> the same without links."""

    def link_target(self, real: str) -> str | None:
        """Where the link at `real` (whose folder holds no links) points; None for anything else."""
        raise NotImplementedError

    def without_links(self, path: str, links_left: int = MAX_LINKS) -> str:
        """`path` without links or dots, never above the root; "" for the root; raises `Unreadable`."""
        if path.count("/") > MAX_DEPTH:
            raise Unreadable("malformed", f"more than {MAX_DEPTH} folders deep")
        parent, _, name = path.rstrip("/").rpartition("/")
        if not parent and not name:
            return ""
        real_parent = self.directories.get(parent)
        if real_parent is None:
            real_parent = self.without_links(parent, links_left)
            self.directories[parent] = real_parent
        if name in ("", "."):
            return real_parent
        if name == "..":
            return real_parent.rpartition("/")[0]
        real = f"{real_parent}/{name}"
        target = self.link_target(real)
        if target is None:
            return real
        if links_left == 0:
            raise Unreadable("malformed", "too many symbolic links")
        return self.without_links(target if target.startswith("/") else f"{real_parent}/{target}", links_left - 1)

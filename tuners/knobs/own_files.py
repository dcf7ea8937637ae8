"""Files of llmtune's own below /etc: written whole or not at all, and removed with the directory made for them.

A file appears in one step (made without a name, linked once its content is on the disk), so that a kill at any instant
leaves it absent or whole. A place that others than root can change is refused, and no link is followed.
"""

import contextlib
import errno
import hashlib
import os
import stat
from dataclasses import dataclass

from ..store import Unsafe, check_owned, write_all
from .kernel_file import LIVE, Tree

ABSENT = "absent"
NOWHERE = "absent, as is its directory"
_LIMIT_BYTES = 1 << 20
_TEMPORARY = ".llmtune-new"


@dataclass(frozen=True)
class Place:
    """Where one file of ours may be."""

    path: str
    makes_directory: bool
    """Whether the directory is one that may be made for this file, and goes with it when it is empty again."""
    tree: Tree = LIVE

    @property
    def directory(self) -> str:
        """The directory of the file."""
        return os.path.dirname(self.path)

    @property
    def name(self) -> str:
        """The file's name in it."""
        return os.path.basename(self.path)

    def look(self) -> str | bytes:
        """The content, or `ABSENT`, `NOWHERE`, or what else is there as `link TARGET`; raises OSError and `Unsafe`."""
        try:
            directory = self._open(self.directory)
        except FileNotFoundError:
            if not self.makes_directory:
                raise
            os.close(self._open(os.path.dirname(self.directory)))
            return NOWHERE
        try:
            status = os.lstat(self.name, dir_fd=directory)
            if stat.S_ISLNK(status.st_mode):
                return "link " + os.readlink(self.name, dir_fd=directory)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EEXIST, "it is neither a file nor a link")
            fd = os.open(self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
            with os.fdopen(fd, "rb") as file:
                return file.read(_LIMIT_BYTES)
        except FileNotFoundError:
            return ABSENT
        finally:
            os.close(directory)

    def check(self) -> None:
        """Raise OSError or `Unsafe` where the file could not be written; changes nothing."""
        try:
            directory = self._open(self.directory)
        except FileNotFoundError:
            if not self.makes_directory:
                raise
            directory = self._open(os.path.dirname(self.directory))
        try:
            if not os.access(".", os.W_OK, dir_fd=directory, effective_ids=True):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            if os.fstatvfs(directory).f_flag & os.ST_RDONLY:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        finally:
            os.close(directory)

    def put(self, data: bytes) -> None:
        """Put a file there in place of whatever is; raises OSError and `Unsafe`."""
        directory = self._make()
        try:
            self._clear(directory)
            fd, unnamed = _open_new(directory)
            try:
                os.fchmod(fd, 0o644)
                write_all(fd, data)
                os.fsync(fd)
                if unnamed:
                    _link(fd, self.name, directory)
                else:
                    os.rename(_TEMPORARY, self.name, src_dir_fd=directory, dst_dir_fd=directory)
            finally:
                os.close(fd)
            os.fsync(directory)
        finally:
            os.close(directory)

    def put_link(self, target: str) -> None:
        """Put a symbolic link there in place of whatever is; raises OSError and `Unsafe`."""
        directory = self._make()
        try:
            self._clear(directory)
            try:
                os.symlink(target, self.name, dir_fd=directory)
            except FileExistsError:
                os.symlink(target, _TEMPORARY, dir_fd=directory)
                os.rename(_TEMPORARY, self.name, src_dir_fd=directory, dst_dir_fd=directory)
            os.fsync(directory)
        finally:
            os.close(directory)

    def remove(self, *, with_directory: bool) -> None:
        """Remove the file, and its directory where that is empty then; raises OSError and `Unsafe`."""
        try:
            directory = self._open(self.directory)
        except FileNotFoundError:
            return
        try:
            self._clear(directory)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.name, dir_fd=directory)
            os.fsync(directory)
        finally:
            os.close(directory)
        if not (with_directory and self.makes_directory):
            return
        above = self._open(os.path.dirname(self.directory))
        try:
            os.rmdir(os.path.basename(self.directory), dir_fd=above)
            os.fsync(above)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise  # else somebody keeps something there by now
        finally:
            os.close(above)

    def _make(self) -> int:
        try:
            return self._open(self.directory)
        except FileNotFoundError:
            if not self.makes_directory:
                raise
        above = self._open(os.path.dirname(self.directory))
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.basename(self.directory), 0o755, dir_fd=above)
            os.fsync(above)
        finally:
            os.close(above)
        return self._open(self.directory)

    def _open(self, path: str) -> int:
        """A descriptor of a directory, reached by way of directories that only this user can change."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.tree.root or "/", flags)
        reached = ""
        try:
            for part in path.strip("/").split("/"):
                inner = os.open(part, flags, dir_fd=fd)
                os.close(fd)
                fd, reached = inner, f"{reached}/{part}"
                check_owned(os.fstat(fd), reached)
        except (OSError, Unsafe):
            os.close(fd)
            raise
        return fd

    def _clear(self, directory: int) -> None:
        """Remove what a run left that was killed between making a file and giving it its name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=directory)


def _open_new(directory: int) -> tuple[int, bool]:
    """A new file to write to, and whether it has no name yet."""
    try:
        return os.open(".", os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o644, dir_fd=directory), True
    except OSError:  # not every file system can do that
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(_TEMPORARY, flags, 0o644, dir_fd=directory), False


def _link(fd: int, name: str, directory: int) -> None:
    source = f"/proc/self/fd/{fd}"
    try:
        os.link(source, name, dst_dir_fd=directory, follow_symlinks=True)
    except FileExistsError:
        os.link(source, _TEMPORARY, dst_dir_fd=directory, follow_symlinks=True)
        os.rename(_TEMPORARY, name, src_dir_fd=directory, dst_dir_fd=directory)


def name_of_other(found: bytes | str) -> str:
    """What stands for content that llmtune did not write."""
    data = found if isinstance(found, bytes) else found.encode("utf-8", "surrogateescape")
    return f"other {hashlib.sha256(data).hexdigest()[:16]}"

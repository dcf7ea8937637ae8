"""A tar archive of a tree of `/proc` and `/sys` as a machine, read in memory: nothing is ever unpacked to disk."""

import errno
import lzma
import re
import tarfile
import zlib
from typing import IO

from .host import Answer, Json, Question
from .reading import Unreadable
from .recording import GZIP_MAGIC, BadRecording
from .rooted import RootedSource
from .source import READ_LIMIT_BYTES

MAX_MEMBERS = 1_000_000
MAX_CONTENT_BYTES = 512 << 20


def is_archive(head: bytes) -> bool:
    """Whether a file that begins with `head` (4 KiB) is a tar archive, packed by xz, bzip2, gzip or not at all."""
    if head.startswith((b"\xfd7zXZ\0", b"BZh")) or head[257:262] == b"ustar":
        return True
    if not head.startswith(GZIP_MAGIC):
        return False
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 512)[257:262] == b"ustar"
    except zlib.error:
        return False


class ArchiveSource(RootedSource):
    """A recorded tree that is still packed: `proc/...` and `sys/...` at its top."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        super().__init__("", name)
        self._files: dict[str, bytes] = {}
        self._links: dict[str, str] = {}
        self._directories: dict[str, dict[str, None]] = {"": {}}
        try:
            with tarfile.open(fileobj=stream, mode="r:*") as archive:
                self._load(archive)
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise BadRecording(f"it is no readable archive ({error})") from None
        if not {"proc", "sys"} & self._directories[""].keys():
            raise BadRecording("no proc or sys folder at the archive's top")

    def _load(self, archive: tarfile.TarFile) -> None:
        content_bytes = 0
        for number, member in enumerate(archive):
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            if ".." in parts or member.name.startswith("/"):
                raise BadRecording(f"it holds {member.name[:80]!r}, which leads out of its folder")
            content_bytes += member.size
            if number >= MAX_MEMBERS or content_bytes > MAX_CONTENT_BYTES:
                raise BadRecording(f"it holds more than {MAX_MEMBERS} files or {MAX_CONTENT_BYTES >> 20} MiB")
            path = "".join(f"/{part}" for part in parts)
            if not parts:
                continue
            self._add_directory(path.rpartition("/")[0])
            self._directories[path.rpartition("/")[0]][parts[-1]] = None
            if member.isdir():
                self._add_directory(path)
            elif member.issym():
                self._links[path] = member.linkname
            elif member.islnk():
                self._links[path] = "/" + member.linkname.removeprefix("./").lstrip("/")
            elif member.isreg():
                content = archive.extractfile(member)
                self._files[path] = content.read() if content else b""

    def _add_directory(self, path: str) -> None:
        while path not in self._directories:
            self._directories[path] = {}
            path, _, name = path.rpartition("/")
            self._directories.setdefault(path, {})[name] = None
            if not path:
                return

    def ask(self, question: Question) -> Answer:
        """The raw answer; raises `Unreadable`."""
        try:
            return super().ask(question)
        except KeyError:
            raise Unreadable("missing", "not in the archive") from None

    def link_target(self, real: str) -> str | None:
        return self._links.get(real)

    def read(self, path: str, moment: int = 0) -> bytes:
        real = self.without_links(path)
        if real in self._directories:
            raise Unreadable("malformed", "not a regular file")
        data = self._files[real]
        if len(data) > READ_LIMIT_BYTES:
            raise Unreadable("malformed", f"larger than {READ_LIMIT_BYTES >> 20} MiB")
        return data

    def span(self, path: str, offset: int, length: int) -> bytes:
        return self._files[self.without_links(path)][offset : offset + length]

    def counts(self, path: str, offset: int, length: int, *patterns: str) -> Json:
        data = self.span(path, offset, length)
        return [sum(1 for _ in re.finditer(p.encode("latin-1"), data, re.DOTALL)) for p in patterns]

    def names(self, path: str) -> Json:
        return list(self._directories[self.without_links(path)])

    def link(self, path: str) -> str:
        parent, _, name = path.rstrip("/").rpartition("/")
        target = self._links.get(f"{self.without_links(parent)}/{name}")
        if target is None:
            raise OSError(errno.ENOENT, "not a link")
        return target

    def resolve(self, path: str) -> str:
        real = self.without_links(path)
        if real not in self._directories and real not in self._files:
            raise KeyError(real)
        return real or "/"

    def stat(self, path: str) -> Json:
        real = self.resolve(path)
        is_directory = real in self._directories or real == "/"
        size = 0 if is_directory else len(self._files[real])
        # Owners and devices of an archive's members are those of whoever packed it, so they are not told.
        return {"kind": "directory" if is_directory else "file", "size": size}

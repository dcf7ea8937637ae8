"""Where the dynamic linker finds a library: ld.so(8).

In this order: RPATH (unless there is a RUNPATH), LD_LIBRARY_PATH, RUNPATH, /etc/ld.so.cache, the default directories.
The cache is read in glibc's present format (sysdeps/generic/dl-cache.h, `glibc-ld.so.cache1.1`); a machine without one
(musl) is searched by the default directories.
"""

import struct
from collections.abc import Mapping

from .elf import Elf
from .host import Host
from .reading import Malformed

CACHE = "/etc/ld.so.cache"
MAX_LIBRARIES = 50_000
_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_KINDS = {"x86_64": 0x0300, "aarch64": 0x0A00, "ppc64le": 0x0500, "s390x": 0x0400, "i686": 0}
"""The upper byte of an entry's flags, by machine."""
_TRIPLETS = {"armv7l": "arm-linux-gnueabihf", "ppc64le": "powerpc64le-linux-gnu", "i686": "i386-linux-gnu"}

Libraries = Mapping[tuple[str, int], str]
"""Name and kind -> path."""


def read_cache(host: Host) -> Libraries:
    """The linker's cache; empty where there is none."""
    data = host.data(CACHE, optional=True)
    if data is None:
        return {}
    try:
        return parse_cache(data)
    except Malformed as why:
        host.note_gap(CACHE, why)
        return {}


def uses_no_cache(host: Host) -> bool:
    """Whether this machine's linker is musl's, which has no cache and searches its directories each time."""
    return any(name.startswith("ld-musl-") for name in host.names("/lib"))


def parse_cache(data: bytes) -> Libraries:
    """The bytes of /etc/ld.so.cache; the first entry of a name is the one that is used."""
    start = data.find(_MAGIC)  # An old table may come first.
    if start < 0 or len(data) < start + 48:
        raise Malformed("not glibc's cache")
    order = "<" if struct.unpack_from("<I", data, start + 20)[0] <= MAX_LIBRARIES else ">"
    (count,) = struct.unpack_from(order + "I", data, start + 20)
    if count > MAX_LIBRARIES or len(data) < start + 48 + count * 24:
        raise Malformed(f"{count} libraries in {len(data)} bytes")
    found: dict[tuple[str, int], str] = {}
    for number in range(count):
        flags, name, path, _, _ = struct.unpack_from(order + "IIIIQ", data, start + 48 + number * 24)
        found.setdefault((_text(data, start + name), flags & 0xFF00), _text(data, start + path))
    return found


def find_library(host: Host, elf: Elf, name: str, cache: Libraries) -> str | None:
    """The path at which `elf` gets the library `name`, links not yet followed."""
    if "/" in name:
        return name if host.exists(name) else None
    kind = _CACHE_KINDS.get(elf.machine or "")
    if kind is not None:
        cached = cache.get((name, kind))
    else:
        cached = next((path for (other, _), path in cache.items() if other == name), None)
    for directory in _listed(elf.rpath if elf.runpath is None else None, elf):
        if host.exists(f"{directory}/{name}"):
            return f"{directory}/{name}"
    for directory in (*_listed(host.environment("LD_LIBRARY_PATH"), elf), *_listed(elf.runpath, elf)):
        if host.exists(f"{directory}/{name}"):
            return f"{directory}/{name}"
    if cached is not None and host.exists(cached):
        return cached
    return next((f"{d}/{name}" for d in _default_directories(elf) if host.exists(f"{d}/{name}")), None)


def _text(data: bytes, at: int) -> str:
    end = data.find(b"\0", at, at + 4096)
    if end < 0:
        raise Malformed("a name outside the table")
    return data[at:end].decode("utf-8", "replace")


def _listed(path: str | None, elf: Elf) -> tuple[str, ...]:
    origin = elf.path.rpartition("/")[0]
    parts = (part.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for part in (path or "").split(":")[:64])
    # An empty or relative part means the directory in which a program is started, which nobody can know.
    return tuple(part.rstrip("/") for part in parts if part.startswith("/"))


def _default_directories(elf: Elf) -> tuple[str, ...]:
    triplet = _TRIPLETS.get(elf.machine or "", f"{elf.machine}-linux-gnu")
    wide = ("/lib64", "/usr/lib64") if elf.wide else ()
    return (f"/lib/{triplet}", f"/usr/lib/{triplet}", *wide, "/lib", "/usr/lib", "/usr/local/lib")

"""Which TCP ports a process listens on: /proc/net/tcp and tcp6 (proc_net(5)) and the sockets among its open files."""

import re

from .host import Host
from .reading import Reading

LISTEN = "0A"
MAX_LINES = 100_000
MAX_FILES = 4096
# Each 32 bits are printed in the byte order of little-endian machines; all of 127.0.0.0/8 is loopback.
_LOOPBACK = re.compile(r"[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F")


class Listener(Reading):
    """A socket that waits for connections."""

    port: int
    everywhere: bool
    """Reachable from other machines: bound to all addresses, or to one that is not loopback."""
    inode: int


def read_listeners(host: Host) -> tuple[Listener, ...]:
    """All listening TCP sockets of the machine (of this network namespace)."""
    found = []
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        found += parse_listeners(host.text(path, optional=True) or "")
    return tuple(found)


def parse_listeners(text: str) -> list[Listener]:
    """The lines in state LISTEN of /proc/net/tcp; others, and damaged ones, are passed over."""
    found = []
    for line in text.splitlines()[1:MAX_LINES]:
        words = line.split()
        if len(words) < 10 or words[3] != LISTEN or not (words[9].isascii() and words[9].isdigit()):
            continue
        match = re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})", words[1])
        if match:
            found.append(
                Listener(port=int(match[2], 16), everywhere=not _LOOPBACK.fullmatch(match[1]), inode=int(words[9][:20]))
            )
    return found


def listeners_of(host: Host, pid: int, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """Those of `listeners` that process `pid` holds open; nothing where its files cannot be seen."""
    names = host.names(f"/proc/{pid}/fd")[:MAX_FILES]
    inodes = {host.link(f"/proc/{pid}/fd/{name}") for name in names}
    return tuple(listener for listener in listeners if f"socket:[{listener.inode}]" in inodes)

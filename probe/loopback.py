"""GET from a server on loopback, within bounds: a total deadline, a size, no redirects.

The standard library's client has neither a total deadline nor a bound for headers as a whole, and its mail parser
costs more than everything else in a tick; what is needed of HTTP/1.1 (RFC 9112) is little.
"""

import contextlib
import socket
import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from .reading import Unreadable

SECONDS = 2.0
LIMIT_BYTES = 4 << 20
HEADERS_LIMIT_BYTES = 64 << 10
CHUNK_LINE_LIMIT_BYTES = 1 << 10
ADDRESSES = ("127.0.0.1", "::1")


class Response(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes


Get: TypeAlias = Callable[[str], Response]
"""Asks for a path; raises `Unreadable`: missing (nobody listens), timed out, malformed."""


class Connection:
    """One server, asked over one connection as long as that holds. For one thread."""

    def __init__(self, port: int, addresses: tuple[str, ...] = ADDRESSES, seconds: float = SECONDS) -> None:
        self._port = port
        self._addresses = addresses
        self._seconds = seconds
        self._socket: socket.socket | None = None

    def get(self, path: str) -> Response:
        """The answer, whatever its status; raises `Unreadable`."""
        end = time.monotonic() + self._seconds
        try:
            while True:
                reused = self._socket is not None
                try:
                    response, keep = self._exchange(path, end)
                    break
                except _ClosedAtOnce:
                    self.close()
                    # A server may close a connection that lies idle; a new one must answer.
                    if not reused:
                        raise Unreadable("malformed", "it closed the connection without an answer") from None
        except BaseException:
            self.close()
            raise
        if not keep:
            self.close()
        return response

    def close(self) -> None:
        """Give the connection up."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _exchange(self, path: str, end: float) -> tuple[Response, bool]:
        if self._socket is None:
            self._socket = self._connect(end)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{self._port}\r\nAccept: */*\r\n\r\n"
        try:
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            self._socket.sendall(request.encode("ascii"))
        except TimeoutError:
            raise Unreadable("timed out", f"took no request within {self._seconds:g} s") from None
        except OSError:
            raise _ClosedAtOnce from None
        return _Answer(self._socket, end, self._seconds).read()

    def _connect(self, end: float) -> socket.socket:
        why: OSError | None = None
        for address in self._addresses:
            try:
                made = socket.create_connection((address, self._port), max(end - time.monotonic(), 0.001))
            except TimeoutError:
                raise Unreadable("timed out", f"no connection within {self._seconds:g} s") from None
            except OSError as error:
                why = why or error
                continue
            with contextlib.suppress(OSError):
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        raise Unreadable("missing", (why.strerror if why else None) or "no address to ask")


class _ClosedAtOnce(Exception):
    """The connection ended before a byte of an answer."""


class _Answer:
    """Reads one answer from a socket."""

    def __init__(self, source: socket.socket, end: float, seconds: float) -> None:
        self._source = source
        self._end = end
        self._seconds = seconds
        self._data = bytearray()

    def read(self) -> tuple[Response, bool]:
        """The answer, and whether the connection may be used again."""
        head_end = self._find(b"\r\n\r\n", 0, HEADERS_LIMIT_BYTES, "headers")
        status, version, headers = _parse_head(bytes(self._data[:head_end]))
        start = head_end + 4
        keep = version >= "1.1" and headers.get("connection", "").lower() != "close"
        if status in (204, 304):
            return Response(status, b""), keep
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return Response(status, self._chunks(start)), keep
        if "content-length" in headers:
            length = _length(headers["content-length"], 10)
            if length > LIMIT_BYTES:
                raise Unreadable("malformed", f"an answer of more than {LIMIT_BYTES >> 20} MiB")
            self._need(start + length)
            # More than was announced: what follows would be taken for the next answer.
            keep = keep and len(self._data) == start + length
            return Response(status, bytes(self._data[start : start + length])), keep
        while self._more():
            pass
        return Response(status, bytes(self._data[start:])), False

    def _chunks(self, position: int) -> bytes:
        parts: list[bytes] = []
        while True:
            line_end = self._find(b"\r\n", position, CHUNK_LINE_LIMIT_BYTES, "chunk")
            size = _length(bytes(self._data[position:line_end]).partition(b";")[0].decode("latin-1").strip(), 16)
            position = line_end + 2
            if size == 0:
                # Trailers, if any, end with an empty line.
                while (line_end := self._find(b"\r\n", position, HEADERS_LIMIT_BYTES, "trailers")) != position:
                    position = line_end + 2
                return b"".join(parts)
            if size > LIMIT_BYTES:
                raise Unreadable("malformed", f"an answer of more than {LIMIT_BYTES >> 20} MiB")
            self._need(position + size + 2)
            parts.append(bytes(self._data[position : position + size]))
            position += size + 2

    def _find(self, what: bytes, start: int, limit: int, part: str) -> int:
        looked = start
        while (found := self._data.find(what, looked)) < 0:
            if len(self._data) - start > limit:
                raise Unreadable("malformed", f"{part} of more than {limit} bytes")
            looked = max(start, len(self._data) - len(what) + 1)
            if not self._more():
                if not self._data:
                    raise _ClosedAtOnce
                raise Unreadable("malformed", "the answer breaks off")
        if found - start > limit:
            raise Unreadable("malformed", f"{part} of more than {limit} bytes")
        return found

    def _need(self, size: int) -> None:
        while len(self._data) < size:
            if not self._more():
                raise Unreadable("malformed", "the answer breaks off")

    def _more(self) -> bool:
        """Read on; False at the end."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise Unreadable("timed out", f"no whole answer within {self._seconds:g} s")
        try:
            self._source.settimeout(left)
            data = self._source.recv(1 << 16)
        except TimeoutError:
            raise Unreadable("timed out", f"no whole answer within {self._seconds:g} s") from None
        except OSError as why:
            if not self._data:
                raise _ClosedAtOnce from None
            raise Unreadable("malformed", f"the answer breaks off: {why.strerror or why}") from None
        self._data += data
        if len(self._data) > LIMIT_BYTES + HEADERS_LIMIT_BYTES:
            raise Unreadable("malformed", f"an answer of more than {LIMIT_BYTES >> 20} MiB")
        return bool(data)


def _parse_head(head: bytes) -> tuple[int, str, dict[str, str]]:
    """Status, HTTP version, and headers by lower-case name."""
    lines = head.decode("latin-1").split("\r\n")
    protocol, _, rest = lines[0].partition(" ")
    code = rest[:3]
    if not protocol.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and len(code) == 3):
        raise Unreadable("malformed", "it does not speak HTTP")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.lower()] = value.strip()
    return int(code), protocol[5:], headers


def _length(text: str, base: int) -> int:
    try:
        length = int(text, base) if len(text) < 20 and text.isascii() and text.isalnum() else -1
    except ValueError:
        length = -1
    if length < 0:
        raise Unreadable("malformed", "an answer without a readable length")
    return length

"""A webhook: one HTTP POST of JSON, by the standard library; redirects are not followed."""

import contextlib
import http.client
import re
import socket
import threading
from typing import cast
from urllib.parse import urlsplit

from .. import __version__
from .notifying import NotDelivered

MAX_SECONDS = 10.0
"""For the whole exchange, however slowly the server drips."""
_SAFE = re.compile(r"[!-~]+")


class BadUrl(ValueError):
    """One line: what is wrong with it."""


class Webhook:
    """Where to post to."""

    def __init__(self, url: str, seconds: float = MAX_SECONDS) -> None:
        """Raise `BadUrl`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadUrl(str(error)) from None
        if parts.scheme not in ("http", "https"):
            raise BadUrl("not an http:// or https:// address")
        if not parts.hostname or not _SAFE.fullmatch(url):
            raise BadUrl(
                "not an address: a host is missing, or it holds spaces or other characters that must be escaped"
            )
        if parts.username is not None or parts.password is not None:
            raise BadUrl("holds a user's name or password, which this does not send")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._seconds = seconds
        # The path and the query of many services are the key to them.
        self.name = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")

    def deliver(self, body: bytes) -> None:
        """Raise `NotDelivered` for anything but an answer of the 200s."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._seconds)
        late = threading.Event()
        watchdog = threading.Timer(self._seconds, _hang_up, [connection, late])
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("POST", self._path, body, _headers())
            status, where = _answer(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise NotDelivered(f"no answer within {self._seconds:g} s", again=True) from None
            raise NotDelivered(str(error) or type(error).__name__, again=True) from None
        finally:
            watchdog.cancel()
            connection.close()
        if 300 <= status < 400:
            raise NotDelivered(f"it redirects to {where}, which is not followed: name the right address", again=False)
        if not 200 <= status < 300:
            raise NotDelivered(f"it answers {status}", again=status >= 500 or status == 429)


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "User-Agent": f"llmtune/{__version__}", "Connection": "close"}


def _answer(connection: http.client.HTTPConnection) -> tuple[int, str]:
    response = connection.getresponse()
    return response.status, _shown(str(response.getheader("Location", "")))


def _shown(address: str) -> str:
    """Without path and query, which may be the key: servers tell the whole address again, with https or a slash."""
    try:
        parts = urlsplit(address)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return "elsewhere"
    return f"{parts.scheme}://{host}"[:200] if parts.scheme and host else "another path"


def _hang_up(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        found = cast("socket.socket | None", connection.sock)
        if found is not None:
            found.shutdown(socket.SHUT_RDWR)

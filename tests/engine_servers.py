"""Servers on loopback that answer as a test says, well or badly, and texts of engines' endpoints."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmtune.probe.loopback import Get, Response
from llmtune.probe.reading import Unreadable

ANSWERS: dict[str, Any] = json.loads((Path(__file__).parent / "llama_server_answers.json").read_text())
"""What a llama-server of build b11434 answered; three requests of 60, 25 and 7 tokens, then a long prompt alone."""

Behaviour = Callable[[socket.socket], None]


@contextmanager
def serving(behave: Behaviour) -> Iterator[int]:
    """A port whose every connection is given to `behave`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if stopped.is_set():
                connection.close()
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            behave(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stopped.set()
        # Wakes the thread that waits in accept().
        with socket.socket() as waker:
            waker.connect_ex(listener.getsockname())
        listener.close()


def requests(connection: socket.socket) -> Iterator[str]:
    """The paths that are asked for over one connection."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        yield head.split(b" ")[1].decode()


def answer(body: bytes | str, status: int = 200) -> bytes:
    """A whole HTTP answer."""
    content = body.encode() if isinstance(body, str) else body
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)


def saying(data: bytes) -> Behaviour:
    """Reads each request and sends `data`."""

    def behave(connection: socket.socket) -> None:
        for _ in requests(connection):
            connection.sendall(data)

    return behave


def once(data: bytes) -> Behaviour:
    """Reads a request, sends `data` and closes."""

    def behave(connection: socket.socket) -> None:
        next(requests(connection), None)
        connection.sendall(data)

    return behave


class Pages:
    """A `Get` without a network: pages by path, or one after another; what was asked is kept."""

    def __init__(self, pages: Mapping[str, Any]) -> None:
        self.pages = dict(pages)
        self.asked: list[str] = []

    def __call__(self, path: str) -> Response:
        self.asked.append(path)
        page = self.pages.get(path, (404, "not found"))
        if isinstance(page, Iterator):
            page = next(page)
        if isinstance(page, Unreadable):
            raise page
        if isinstance(page, tuple):
            return Response(page[0], page[1].encode())
        return Response(200, page if isinstance(page, bytes) else _text(page).encode())


def _text(page: object) -> str:
    return page if isinstance(page, str) else json.dumps(page)


def pages(**told: Any) -> Pages:
    """Pages named by their first word: `metrics="..."` is /metrics."""
    return Pages({f"/{name}": page for name, page in told.items()})


def llama_server(moment: Mapping[str, Any], **other: Any) -> Pages:
    """The pages of a recorded moment of llama-server."""
    return pages(**({"props": ANSWERS["props"], "slots": moment["slots"], "metrics": moment["metrics"]} | other))


def check_get(get: Get) -> Get:
    """For the type checker: `Pages` is a `Get`."""
    return get

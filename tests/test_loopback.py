"""GET within bounds, against real sockets that misbehave."""

import socket
import threading
import time
from collections.abc import Callable

import pytest
from engine_servers import answer, once, requests, saying, serving

from llmtune.probe.live import HTTP_SECONDS, LiveSource
from llmtune.probe.loopback import Connection
from llmtune.probe.reading import Unreadable

SECONDS = 0.3
LOOPBACK = ("127.0.0.1",)


def ask(behave: Callable[[socket.socket], None], path: str = "/metrics") -> bytes:
    with serving(behave) as port:
        connection = Connection(port, LOOPBACK, SECONDS)
        try:
            return connection.get(path).body
        finally:
            connection.close()


def complaint(behave: Callable[[socket.socket], None]) -> Unreadable:
    with pytest.raises(Unreadable) as told:
        ask(behave)
    return told.value


def test_a_plain_answer() -> None:
    assert ask(saying(answer("a 1\n"))) == b"a 1\n"


def test_a_status_is_told_not_judged() -> None:
    with serving(saying(answer("Loading model", 503))) as port:
        assert Connection(port, LOOPBACK).get("/x") == (503, b"Loading model")


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def behave(connection: socket.socket) -> None:
        for path in requests(connection):
            asked.append(path)
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    assert ask(behave) == b""
    assert asked == ["/metrics"]


def test_one_connection_serves_many_requests() -> None:
    connections: list[socket.socket] = []

    def behave(connection: socket.socket) -> None:
        connections.append(connection)
        for path in requests(connection):
            connection.sendall(answer(path))

    with serving(behave) as port:
        connection = Connection(port, LOOPBACK)
        assert [connection.get(f"/{number}").body for number in range(20)] == [b"/%d" % n for n in range(20)]
    assert len(connections) == 1


def test_a_connection_that_the_server_closed_while_idle_is_opened_anew() -> None:
    with serving(once(answer("yes"))) as port:
        connection = Connection(port, LOOPBACK)
        assert [connection.get("/x").body for _ in range(5)] == [b"yes"] * 5


@pytest.mark.parametrize("head", ["Connection: close\r\n", ""])
def test_an_answer_without_a_length_ends_with_the_connection(head: str) -> None:
    assert ask(once(f"HTTP/1.1 200 OK\r\n{head}\r\nbody".encode())) == b"body"


def test_http_1_0_connections_are_not_reused() -> None:
    with serving(once(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab")) as port:
        connection = Connection(port, LOOPBACK)
        assert [connection.get("/x").body for _ in range(3)] == [b"ab"] * 3


def test_chunks() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert ask(saying(head + b"3;name=x\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n")) == b"abc0123456789"
    with serving(saying(head + b"1\r\na\r\n0\r\n\r\n")) as port:
        connection = Connection(port, LOOPBACK)
        assert [connection.get("/x").body for _ in range(3)] == [b"a"] * 3


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nabc\r\n",
        b"-1\r\n",
        b"\r\n\r\n",
        b"1_0\r\n" + b"a" * 16,
        b"FFFFFFFFFFFFFFFF\r\n",
        b"1" * 5000,
        b"3\r\nab",
    ],
)
def test_bad_chunks(chunks: bytes) -> None:
    assert complaint(once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)).reason == "malformed"


@pytest.mark.parametrize("length", ["-5", "1e3", "", "9" * 30, "0x10", "1_0", "nine"])
def test_bad_lengths(length: str) -> None:
    assert complaint(once(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nabc".encode())).reason == "malformed"


@pytest.mark.parametrize("data", [b"\x00\xff" * 300 + b"\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_garbage(data: bytes) -> None:
    assert complaint(once(data)).detail == "it does not speak HTTP"


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", b"HTTP/1.1 200 OK\r\nA"]
)
def test_an_answer_that_breaks_off(data: bytes) -> None:
    assert complaint(once(data)).reason == "malformed"


def test_more_than_was_announced_is_not_the_next_answer() -> None:
    with serving(saying(answer("ab") + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake")) as port:
        connection = Connection(port, LOOPBACK)
        assert [connection.get("/x").body for _ in range(3)] == [b"ab"] * 3


def test_headers_without_end() -> None:
    def behave(connection: socket.socket) -> None:
        next(requests(connection), None)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-Filler: " + b"y" * 8000 + b"\r\n")

    assert "headers of more than" in complaint(behave).detail


@pytest.mark.parametrize("head", [b"Content-Length: 10485760\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_an_answer_without_end_is_refused(head: bytes) -> None:
    def behave(connection: socket.socket) -> None:
        next(requests(connection), None)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            connection.sendall((b"10000\r\n" if b"chunked" in head else b"") + b"x" * 65536 + b"\r\n")

    with serving(behave) as port, pytest.raises(Unreadable) as told:
        Connection(port, LOOPBACK).get("/metrics")
    assert "4 MiB" in told.value.detail


def test_silence_ends_at_the_deadline() -> None:
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        done.wait(10)

    began = time.monotonic()
    told = complaint(behave)
    done.set()
    assert told.reason == "timed out"
    assert SECONDS <= time.monotonic() - began < 10


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_a_byte_now_and_then_does_not_hold_it(start: bytes) -> None:
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        next(requests(connection), None)
        connection.sendall(start)
        while not done.wait(0.01):
            connection.sendall(b"x")

    began = time.monotonic()
    told = complaint(behave)
    done.set()
    assert told.reason == "timed out"
    assert time.monotonic() - began < 10


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreadable) as told:
        Connection(port, LOOPBACK).get("/x")
    assert told.value.reason == "missing"


def test_a_full_backlog_ends_at_the_deadline() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as first,
        socket.socket() as two,
    ):
        for filler in (first, two):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with pytest.raises(Unreadable) as told:
            Connection(listener.getsockname()[1], LOOPBACK, SECONDS).get("/x")
        assert told.value.reason == "timed out"


def test_it_recovers_after_a_bad_answer() -> None:
    answers = iter([b"garbage\r\n\r\n", answer("good")])

    def behave(connection: socket.socket) -> None:
        for _ in requests(connection):
            connection.sendall(next(answers))

    with serving(behave) as port:
        connection = Connection(port, LOOPBACK)
        with pytest.raises(Unreadable):
            connection.get("/x")
        assert connection.get("/x").body == b"good"


def test_a_probe_is_not_held_up_by_a_server_that_drips() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(HTTP_SECONDS / 5)

    with serving(behave) as port, pytest.raises(Unreadable, match="timed out"):
        LiveSource().http(port, "/props")

"""The exporter as a process: scraped for real, with bad options, in a hurry to end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llmtune.cli.main import run
from llmtune.reports.metric_families import FAMILIES

COMMAND = [sys.executable, "-m", "llmtune", "exporter"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@contextmanager
def exporter(*options: str) -> "Iterator[tuple[subprocess.Popen[str], str, int]]":
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as running:
        assert running.stderr is not None
        try:
            found = re.fullmatch(r"http://(.*):(\d+)/metrics\n", running.stderr.readline())
            assert found
            yield running, found[1].strip("[]"), int(found[2])
        finally:
            running.kill()


def get(host: str, port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def scrape(host: str, port: int) -> dict[str, float]:
    """Metric -> its value, once a sample was taken."""
    for _ in range(200):
        status, body = get(host, port)
        assert status == 200
        read = {one.name: one.value for family in text_string_to_metric_families(body) for one in family.samples}
        if read["llmtune_up"]:
            return read
        time.sleep(0.05)
    raise AssertionError("no sample")


def test_it_is_scraped_beside_rude_clients_and_ends_at_once() -> None:
    with exporter("--listen", "127.0.0.1:0", "--interval", "0.5") as (running, host, port):
        read = scrape(host, port)
        assert read.keys() <= {family.name for family in FAMILIES}
        assert read["llmtune_bottleneck_rank"] >= 0
        assert read["llmtune_cpu_online"] == os.cpu_count()
        assert 0 <= read["llmtune_sample_age_seconds"] < 60
        assert get(host, port, "/")[0] == 200
        assert get(host, port, "/etc/passwd")[0] == 404
        assert get(host, port, "/metrics", "POST")[0] == 405
        with closing_all() as rude:
            for number in range(10):
                rude.append(socket.create_connection((host, port)))
                rude[-1].sendall(
                    [b"", b"GET /met", b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000][number % 4]
                )
            assert get(host, port)[0] == 200
        began_s = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
        ended_s = time.monotonic() - began_s
        assert running.stderr is not None
        assert running.stderr.read() == ""
        # As a ratio: to be ended takes less than to be started.
        start_s = time.monotonic()
        subprocess.run([*COMMAND, "--help"], env=ENVIRONMENT, check=True, capture_output=True)
        assert ended_s < max(1.0, 5 * (time.monotonic() - start_s))


@contextmanager
def closing_all() -> Iterator[list[socket.socket]]:
    keep: list[socket.socket] = []
    try:
        yield keep
    finally:
        for client in keep:
            client.close()


def test_other_machines_are_warned_of() -> None:
    with exporter("--listen", "0.0.0.0:0") as (running, _, port):
        assert running.stderr is not None
        assert "warning: 0.0.0.0 can be reached from other machines" in running.stderr.readline()
        assert get("127.0.0.1", port)[0] == 200


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--listen", "9100"], 2, "not an address and a port"),
        (["--listen", "127.0.0.1:x"], 2, "not an address and a port"),
        (["--listen", "127.0.0.1:70000"], 2, "not an address and a port"),
        (["--listen", ":9100"], 2, "not an address and a port"),
        (["--listen", "no-such-host.invalid:0"], 3, "no-such-host.invalid"),
        (["--listen", "203.0.113.7:9100"], 3, "203.0.113.7:9100"),
        (["--interval", "0"], 2, "--interval"),
        (["--interval", "soon"], 2, "--interval"),
    ],
)
def test_bad_options_are_one_clear_line(
    options: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["exporter", *options]) == code
    told = capsys.readouterr().err
    assert words in told.strip().splitlines()[-1]
    assert "Traceback" not in told


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(["exporter", "--listen", where]) == 3
    assert capsys.readouterr().err == f"llmtune: cannot listen on {where}: in use\n"


def test_the_dashboard_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exporter", "--dashboard"]) == 0
    assert json.loads(capsys.readouterr().out)["uid"] == "llmtune"

"""watch as a process: lines, webhooks and programs that answer, hang, refuse and redirect, records, a quick end."""

import http.server
import json
import os
import queue
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from made_samples import samples
from situations import verdict
from tuner_trees import lay_out, put, whole_machine

from llmtune.advisors.bottleneck.observer import Lasting
from llmtune.cli.drift import Change, DriftWatch
from llmtune.cli.main import run
from llmtune.cli.notify_command import BadCommand, Program
from llmtune.cli.notifying import MAX_WAITING, TRIES, NotDelivered, Notifier
from llmtune.cli.webhook import BadUrl, Webhook
from llmtune.probe.sample.log import SampleWriter
from llmtune.probe.sample.log_read import SampleReader
from llmtune.reports import watch_text
from llmtune.reports.watch_unit import watch_unit
from llmtune.tuners.summary import InForce, Kept, Summary
from llmtune.tuners.verify import Held, verify

COMMAND = [sys.executable, "-m", "llmtune", "watch"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
BODY = b'{"event":"began"}\n'


@contextmanager
def server(*answers: tuple[int, dict[str, str]] | float) -> "Iterator[tuple[str, queue.Queue[bytes]]]":
    """Answers in turn, the last one again and again; a number is for how many seconds it says nothing."""
    got: queue.Queue[bytes] = queue.Queue()
    turns = list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.put(body)
            turn = turns.pop(0) if len(turns) > 1 else turns[0]
            if isinstance(turn, float):
                time.sleep(turn)
                return
            self.send_response(turn[0])
            for name, value in turn[1].items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            got.put(b"GET")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}/hook?key=secret", got
    finally:
        listening.shutdown()
        listening.server_close()


def delivered(target: Any, count: int = 1, wait_s: float = 20.0) -> list[str]:
    """Tell `count` messages and give back the complaints."""
    complaints: list[str] = []
    notifier = Notifier(target, complaints.append, rests=(0.01,))
    for number in range(count):
        notifier.tell({"number": number})
    notifier.stop(wait_s)
    return complaints


def test_a_webhook_gets_json() -> None:
    with server((204, {})) as (url, got):
        assert delivered(Webhook(url), 3) == []
        assert [json.loads(got.get(timeout=5))["number"] for _ in range(3)] == [0, 1, 2]


def test_a_webhook_that_fails_is_tried_again_and_then_told_of_without_its_key() -> None:
    with server((500, {}), (503, {}), (200, {})) as (url, got):
        assert delivered(Webhook(url)) == []
        assert got.qsize() == TRIES
    with server((500, {})) as (url, got):
        complaints = delivered(Webhook(url))
        assert got.qsize() == TRIES
    assert len(complaints) == 1
    assert "it answers 500" in complaints[0]
    assert "secret" not in complaints[0]


def test_what_a_client_did_wrong_is_not_tried_again() -> None:
    with server((404, {})) as (url, got):
        assert "it answers 404" in delivered(Webhook(url))[0]
        assert got.qsize() == 1


@pytest.mark.parametrize("where", ["file:///etc/passwd", "http://127.0.0.1:1/x", "https://example.invalid/"])
def test_redirects_are_not_followed(where: str) -> None:
    with server((302, {"Location": where})) as (url, got):
        complaints = delivered(Webhook(url))
        assert "redirects" in complaints[0]
        assert got.qsize() == 1


@pytest.mark.parametrize("where", ["https://hooks.example/services/T0/KEY?k=KEY", "/services/KEY/", "http://[::1/KEY"])
def test_a_redirect_tells_no_key(where: str) -> None:
    with server((308, {"Location": where})) as (url, _):
        [complaint] = delivered(Webhook(url))
        assert "redirects" in complaint
        assert "KEY" not in complaint


def test_a_webhook_that_hangs_or_is_gone_costs_bounded_time() -> None:
    with server(30.0) as (url, got):
        with pytest.raises(NotDelivered, match=r"no answer within 0\.2 s"):
            Webhook(url, seconds=0.2).deliver(BODY)
        assert got.get(timeout=5) == BODY
    with pytest.raises(NotDelivered, match="refused"):
        Webhook(url, seconds=5).deliver(BODY)


def test_a_webhook_that_drips_is_hung_up_on() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            client, _ = listening.accept()
            with client:
                try:
                    for _ in range(600):
                        client.sendall(b"H")
                        time.sleep(0.05)
                except OSError:
                    pass

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(NotDelivered, match=r"no answer within 0\.5 s"):
            Webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/", seconds=0.5).deliver(BODY)


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://host/", "file:///etc/passwd", "http://", "http:///path", "https://user:pass@host/",
        "http://host:99999/", "http://host/a b", "http://host/\r\nX: y", "http://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadUrl) as caught:
        Webhook(url)
    assert "\n" not in str(caught.value)
    assert run(["watch", "--webhook", url]) == 2
    assert "--webhook" in capsys.readouterr().err


def test_messages_never_wait_for_a_slow_target() -> None:
    class Slow:
        name = "slow"
        got: list[bytes] = []  # noqa: RUF012

        def deliver(self, body: bytes) -> None:
            busy.set()
            free.wait(20)
            self.got.append(body)

    busy, free, target, complaints = threading.Event(), threading.Event(), Slow(), list[str]()
    notifier = Notifier(target, complaints.append)
    notifier.tell({"number": -1})
    assert busy.wait(20)
    for number in range(MAX_WAITING * 3):
        notifier.tell({"number": number})
    free.set()
    notifier.stop(20)
    assert json.loads(target.got[-1])["number"] == MAX_WAITING * 3 - 1
    assert len(target.got) == MAX_WAITING
    assert "messages were dropped" in complaints[0]


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def safe(tmp_path: Path) -> Iterator[Path]:
    """A folder that others than root could not change, where the tests run as root."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(dir="/var/lib"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def test_a_program_gets_json_on_its_standard_input(safe: Path) -> None:
    path = program(safe / "tell $(touch gone) me", f'cat >> "{safe}/got"; echo "$#" >> "{safe}/got"')
    assert delivered(Program(path), 2) == []
    assert (safe / "got").read_text() == '{"number": 0}\n0\n{"number": 1}\n0\n'


def test_a_program_that_hangs_is_killed_with_its_children(safe: Path) -> None:
    path = program(safe / "hang", f'sleep 300 & echo $! > "{safe}/child"; wait')
    with pytest.raises(NotDelivered, match="killed"):
        Program(path, seconds=1.0).deliver(BODY)
    child = int((safe / "child").read_text())
    for _ in range(200):
        if not os.path.exists(f"/proc/{child}") or "Z" in Path(f"/proc/{child}/stat").read_text().split(")")[1][:3]:
            return
        time.sleep(0.05)
    raise AssertionError("the child lives on")


def test_a_program_that_does_not_read_or_fails(safe: Path) -> None:
    Program(program(safe / "deaf", "exit 0")).deliver(b"x" * 1_000_000)
    with pytest.raises(NotDelivered, match="exit code 3"):
        Program(program(safe / "fails", "exit 3")).deliver(BODY)


def test_programs_that_are_not_run(safe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = safe / "plain"
    plain.write_text("x")
    for path in ("tell-me", "./tell-me", str(safe), str(plain), str(safe / "none")):
        with pytest.raises(BadCommand):
            Program(path)
        assert run(["watch", "--command", path]) == 2
        assert "--command" in capsys.readouterr().err


@pytest.mark.heavy
def test_root_does_not_run_what_others_could_change(safe: Path) -> None:
    path = Path(program(safe / "tell", "exit 0"))
    target = Program(str(path))
    path.chmod(0o757)
    assert path.stat().st_mode & stat.S_IWOTH
    with pytest.raises(BadCommand, match="can be changed by others than root") as caught:
        Program(str(path))
    assert str(caught.value).count("run") == 1
    with pytest.raises(NotDelivered, match="can be changed by others than root"):
        target.deliver(BODY)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--interval", "0"], 2, "--interval"),
        (["--interval", "abc"], 2, "--interval"),
        (["--replay", "x", "--record", "y"], 2, "--replay"),
        (["--replay", "x", "--verify"], 2, "--replay"),
        (["--replay", "/none/there"], 3, "/none/there: No such file"),
        (["--replay", "/proc/self/status"], 3, "no record"),
        (["--replay", "/dev/null"], 3, "not a regular file"),
        (["--record", "/none/there"], 3, "/none/there: No such file"),
        (["--record", "/"], 3, "/: Is a directory"),
    ],
)
def test_bad_options_are_one_clear_line(
    options: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", *options]) == code
    told = capsys.readouterr().err
    assert words in told.strip().splitlines()[-1]
    assert "Traceback" not in told


def test_it_watches_records_and_ends_at_once(tmp_path: Path) -> None:
    record = tmp_path / "r"
    with (
        server((200, {})) as (url, got),
        subprocess.Popen(
            [*COMMAND, "--interval", "0.5", "--all", "--verify", "--record", str(record)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**ENVIRONMENT, "LLMTUNE_WEBHOOK": url},
        ) as running,
    ):
        assert running.stdout is not None
        assert running.stderr is not None
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d watches this machine.*\n", running.stdout.readline())
        began = running.stdout.readline()
        assert " begins: " in began
        told = json.loads(got.get(timeout=20))
        running.send_signal(signal.SIGTERM)
        asked_s = time.monotonic()
        assert running.wait(30) == 0
        ended_s = time.monotonic() - asked_s
        assert running.stderr.read() == ""
    assert told["schema_version"] == 1
    assert told["event"] == "began"
    assert told["verdict"]["what"].rstrip(".") in began
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["at"])
    reader = SampleReader(str(record))
    assert reader.cut is None
    assert len(reader) >= 2
    start_s = time.monotonic()
    again = subprocess.run(
        [*COMMAND, "--all", "--replay", str(record)], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert again.returncode == 0
    # What was told live is what the record tells.
    assert again.stdout.splitlines()[0] == began.rstrip("\n")
    assert ended_s < max(1.0, 3 * (time.monotonic() - start_s))


def test_damaged_facts_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r"
    writer = SampleWriter(str(path), facts={"machine": "not facts"})
    for one in islice(samples(cpus=2), 3):
        writer.write(one)
    writer.close()
    assert run(["watch", "--replay", str(path)]) == 3
    told = capsys.readouterr().err
    assert "its facts are damaged" in told
    assert told.count("\n") == 1


def test_the_journal_gets_priorities(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r"
    writer = SampleWriter(str(path))
    for one in islice(samples(cpus=2), 10):
        writer.write(one)
    writer.close()
    status = os.fstat(1)
    for stream, form in ((f"{status.st_dev}:{status.st_ino}", r"<[456]>(begins|ends)"), ("8:1", r"\d{4}-\d\d-\d\d ")):
        monkeypatch.setenv("JOURNAL_STREAM", stream)
        assert run(["watch", "--all", "--replay", str(path)]) == 0
        lines = capfd.readouterr().out.splitlines()
        assert lines
        assert all(re.match(form, line) for line in lines)


def test_lines_say_what_and_how_long() -> None:
    found = verdict("disk", "Disk bound: 312 faults/s, \x1b[31m94 % busy", "bad", helps="more memory", subject="1")
    assert watch_text.began_line(found) == (
        "begins: Disk bound: 312 faults/s, \\u001b[31m94 % busy. (high confidence) What helps: more memory"
    )
    assert watch_text.ended_line(Lasting(found, 0, 200)).startswith("ends after 3 min 20 s: Disk bound")
    assert [watch_text.duration(seconds) for seconds in (0.2, 59.4, 60, 3600, 7500, 86400, 273_600, -5)] == [
        "0 s", "59 s", "1 min", "1 h", "2 h 5 min", "1 d", "3 d 4 h", "0 s",
    ]  # fmt: skip


def test_drift_is_told_once_and_when_it_is_over() -> None:
    def held(state: Any, found: str) -> Held:
        return Held("vm.swappiness", state, "10", found, "somebody has changed it")

    looks = [
        [held("ok", "10")],
        [held("drift", "60")],
        [held("drift", "60")],
        [held("drift", "70")],
        [held("ok", "10")],
    ]
    seen: list[Change] = []
    done = threading.Event()

    def look() -> list[Held]:
        if not looks:
            done.set()
            return [held("ok", "10")]
        return looks.pop(0)

    watch = DriftWatch(look, every_s=0.01)
    assert done.wait(20)
    watch.stop()
    seen = watch.changes()
    assert [(one.held.found, one.holds) for one in seen] == [("60", False), ("70", False), ("10", True)]
    assert watch_text.drift_line(seen[0].held).startswith("no longer as applied: vm.swappiness, wanted 10, found 60")


def test_a_change_on_a_laid_out_machine_is_told(tmp_path: Path) -> None:
    machine = lay_out(tmp_path, whole_machine())
    put(machine, "/proc/sys/vm/swappiness", "10")
    applied = {"vm.swappiness": Kept(before="60", value="10")}
    force = InForce(id=1, time="", user="ann", profile=None, on_trial=False, trial_seconds=None, keys=applied)
    summary, looked = Summary(transactions=(force,)), threading.Semaphore(0)

    def look() -> list[Held]:
        looked.release()
        return verify(summary, machine)

    watch = DriftWatch(look, every_s=0.01)
    try:
        for value, told in (("10", []), ("60", [("60", False)]), ("10", [("10", True)])):
            put(machine, "/proc/sys/vm/swappiness", value)
            for _ in range(looked._value + 3):
                assert looked.acquire(timeout=20)
            assert [(one.held.found, one.holds) for one in watch.changes()] == told
    finally:
        watch.stop()


def test_a_look_that_fails_is_told_and_goes_on() -> None:
    calls: list[int] = []
    twice = threading.Event()

    def look() -> list[Held]:
        calls.append(1)
        if len(calls) > 1:
            twice.set()
        raise RuntimeError("damaged")

    watch = DriftWatch(look, every_s=0.01)
    assert twice.wait(20)
    assert watch.trouble == "RuntimeError: damaged"
    watch.stop()


def test_the_unit_may_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "--systemd-unit", "--interval", "30", "--verify"]) == 0
    unit = capsys.readouterr().out
    assert re.search(r"^ExecStart=/\S+/llmtune watch --interval 30 --verify$", unit, re.M)
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet="):
        assert f"\n{line}\n" in unit
    assert "cannot see" in unit
    assert 'ExecStart="/opt/my tools/llmtune" watch' in watch_unit("/opt/my tools/llmtune", 10, False, False)


@pytest.mark.heavy
def test_twelve_hours_of_watching_take_no_more_memory_than_one(tmp_path: Path) -> None:
    most, sizes = {}, {}
    for hours in (1, 12):
        path = tmp_path / f"{hours}"
        writer = SampleWriter(str(path))
        for one in islice(samples(cpus=4), hours * 3600):
            writer.write(one)
        writer.close()
        sizes[hours] = path.stat().st_size
        script = (
            "import resource, sys; from llmtune.cli.main import run; run(['watch', '--all', '--replay', sys.argv[1]]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, env=ENVIRONMENT
        )
        most[hours] = int(done.stdout.split()[-1])
    print({hours: f"{size / 1e6:.1f} MB, peak {most[hours] / 1e6:.1f} MB" for hours, size in sizes.items()})
    # The pages of the mapped file count as the process', and are the kernel's to take.
    assert most[12] - most[1] < (3 << 20) + sizes[12]

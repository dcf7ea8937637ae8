"""`doctor` tells what binds a running server now, from two moments, live and from a recording alike."""

import io
from pathlib import Path

import pytest
from test_checks_serving import NONE, serving, status
from test_probe_servers import Files
from trees import tree_host

from llmtune.advisors.checks.now import CHECKS
from llmtune.advisors.checks.serving import CHECKS as SERVING
from llmtune.advisors.finding import Finding
from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.reading import Unreadable
from llmtune.probe.record import record
from llmtune.probe.recording import load_recording
from llmtune.probe.sample.twice import BEFORE_WAIT, FIRST, SECOND
from llmtune.probe.snapshot import take_snapshot

CLOCKS: dict[Question, Answer | Unreadable] = {
    ("clock", FIRST): 100.0,
    ("clock", BEFORE_WAIT): 100.2,
    ("clock", SECOND): 101.0,
    ("wait", "0.3", SECOND): None,
}
STAT = "9 (llama-server) S 1 " + "0 " * 7 + "{faults} 0 {ticks} 0 0 0 20 0 9 0 77 0 0"
CPUS = "cpu  {busy} 0 0 0 0 0 0 0\ncpu0 {busy} 0 0 0 0 0 0 0\ncpu1 {busy} 0 0 0 0 0 0 0\nintr 0\n"
METRICS = "llamacpp:requests_processing 1\nllamacpp:requests_deferred {waiting}\n"


def working(waited_s: float, waiting: int = 0, ticks: int = 100) -> tuple[Files, dict[Question, Answer | Unreadable]]:
    """A server with eight threads that used a CPU for a second, while they waited this long for one."""
    files = serving("-t", "8", "--metrics") | status(Cpus_allowed_list="0-1", RssAnon="1 kB", RssFile="1 kB")
    files["/proc/9/status"] = "Name:\tllama-server\n" + str(files["/proc/9/status"])
    files |= {"/proc/9/task/9/schedstat": "0 0 1", "/proc/9/cmdline": files["/proc/9/cmdline"]}
    answers = dict(CLOCKS)
    for moment, part in ((FIRST, 0), (SECOND, 1)):
        answers |= {
            ("read", "/proc/9/stat", moment): STAT.format(faults=0, ticks=1000 + ticks * part).encode(),
            ("read", "/proc/stat", moment): CPUS.format(busy=1000 + 50 * part).encode(),
            ("read", "/proc/9/task/9/schedstat", moment): f"0 {int(waited_s * 1e9) * part} 1".encode(),
            ("http", 8080, "/metrics", moment): METRICS.format(waiting=waiting),
            ("http", 8080, "/health", moment): '{"status":"ok"}',
        }
    return files, answers


def found(host: Host) -> Finding:
    return CHECKS[0].find(take_snapshot(host, disk_interval_s=0, watch=True))


def test_too_many_threads_are_told(tmp_path: Path) -> None:
    finding = found(tree_host(tmp_path, *working(waited_s=1.0)))
    assert finding.status == "warning"
    assert (
        "Oversubscribed: llama.cpp (process 9, port 8080): 8 threads decode on 2 CPUs, 1.0 of them wait" in finding.what
    )
    assert finding.what.endswith("(in 1.0 s; high confidence)")
    assert "--threads 2" in (finding.fix or "")


def test_a_queue_is_told_beside_what_comes_first(tmp_path: Path) -> None:
    assert found(tree_host(tmp_path / "both", *working(5.0, waiting=3))).what.count("; also queue full") == 1
    assert found(tree_host(tmp_path / "queue", *working(0.0, waiting=3))).what.startswith("Queue full: llama.cpp")


@pytest.mark.parametrize(
    ("files", "status_"), [(NONE, "not-applicable"), ({}, "unknown"), (serving(), "not-applicable")]
)
def test_nothing_is_said_without_servers_or_moments(tmp_path: Path, files: Files, status_: str) -> None:
    assert found(tree_host(tmp_path, files)).status == status_


def test_a_server_that_is_stopped_has_no_metrics(tmp_path: Path) -> None:
    files, answers = working(0.0)
    for moment in (FIRST, SECOND):
        stat = answers["read", "/proc/9/stat", moment]
        answers["read", "/proc/9/stat", moment] = stat.replace(b") S ", b") T ")  # type: ignore[union-attr, arg-type]
        for page in ("/props", "/metrics", "/health"):
            answers["http", 8080, page, moment] = Unreadable("timed out", "no whole answer within 2 s")
    snapshot = take_snapshot(tree_host(tmp_path, files, answers), disk_interval_s=0, watch=True)
    finding = CHECKS[0].find(snapshot)
    assert finding.status == "warning"
    assert finding.what.startswith(
        "Engine trouble: llama.cpp (process 9, port 8080) does not answer: the process is st"
    )
    metrics = next(check for check in SERVING if check.id == "server-metrics")
    assert metrics.find(snapshot).status == "unknown"


def test_without_watching_nobody_waits(tmp_path: Path) -> None:
    host = tree_host(tmp_path, *working(5.0))
    assert take_snapshot(host, disk_interval_s=0).moments == ()
    assert not [question for question in host.answers if question[0] == "wait" and question[-1] == SECOND]


def test_a_recording_says_the_same_and_holds_no_slots(tmp_path: Path) -> None:
    live = tree_host(tmp_path, *working(waited_s=5.0))
    kept = record(live, "0", keep_identifiers=True)
    replayed = found(Host(load_recording(io.BytesIO(kept.data), "kept")))
    assert replayed == CHECKS[0].find(kept.snapshot)
    assert replayed.what.startswith("Oversubscribed")
    assert not [question for question in live.answers if question[0] == "http" and "slots" in str(question[2])]

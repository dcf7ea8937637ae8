"""What an engine's program accepts: its help of any age, its strings, and how it is asked."""

import io
import os
import pickle
import shutil
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from engine_helps import FORK, NEW, OLD
from hypothesis import given
from hypothesis import strategies as st
from made_elf import make_elf
from trees import tree_host

from llmtune.probe import engine_live
from llmtune.probe.engine_help import EngineOptions, read_engine_options
from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.live import LiveSource
from llmtune.probe.parse_help import parse_help, parse_version
from llmtune.probe.reading import Unreadable
from llmtune.probe.record import record
from llmtune.probe.recording import RecordingSource, load_recording
from llmtune.probe.snapshot import take_snapshot

T = TypeVar("T")
NAMED = "/opt/llama/llama-server"


def read(host: Host, named: str | None = NAMED) -> EngineOptions | None:
    return read_engine_options(host, take_snapshot(host, disk_interval_s=0), named)


def test_help_of_today() -> None:
    options, values = parse_help(NEW)
    assert {"-m", "--model", "-no-kvu", "--no-kv-unified", "-nr", "--swa-full", "--n-gpu-layers", "-fitt"} <= options
    assert not options & {"--not-an-option", "--draft", "--draft-max", "-"}
    assert values["--flash-attn"] == values["-fa"] == ("on", "off", "auto")
    assert values["-lm"] == ("auto", "none", "mmap", "mlock", "mmap+mlock", "dio")
    assert values["--numa"] == ("distribute", "isolate", "numactl")
    assert values["-sm"] == ("none", "layer", "row", "tensor")
    assert values["-ctk"] == values["-ctv"]
    assert values["-ctk"][-1] == "q5_1"
    assert values["--fit"] == ("on", "off")
    assert "-dev" not in values


def test_help_of_an_older_build() -> None:
    options, values = parse_help(OLD)
    assert {"--mlock", "--no-mmap", "--draft-max", "-ot", "--override-tensor", "--jinja", "-fa"} <= options
    assert not options & {"--load-mode", "--fit", "-no-kvu", "--no-jinja"}
    assert "-fa" not in values


def test_help_of_the_fork() -> None:
    options, values = parse_help(FORK)
    assert {"--version", "--no-display-prompt", "-rtr", "--fit", "--fit-margin", "--mlock", "-ot"} <= options
    assert values["-fa"] == ("auto", "on", "off", "0", "1")
    assert "--fit" not in values


@given(st.text(max_size=2000))
def test_any_text_is_read(text: str) -> None:
    options, values = parse_help(text)
    assert all(option.startswith("-") for option in options)
    assert set(values) <= options


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version: 6123 (abc1234)\nbuilt with cc\n", ("6123", 6123)),
        ("ggml_cuda_init: found 1\nversion: 0.6.0-dev (build 11434, commit abc)", ("0.6.0-dev", 11434)),
        ("version: 0.6.0-dev (build 0, commit unknown)", ("0.6.0-dev", None)),
        ("version: 1 (unknown)", ("1", 1)),
        ("version:", (None, None)),
        ("version: " + "9" * 500, (None, None)),
        ("", (None, None)),
    ],
)
def test_versions(text: str, told: tuple[str | None, int | None]) -> None:
    assert parse_version(text) == told


def answers(text: str, version: str = "version: 6123 (abc)") -> dict[Question, Answer | Unreadable]:
    return {
        ("engine", NAMED, "--help"): {"code": 0, "text": text},
        ("engine", NAMED, "--version"): {"code": 0, "text": version},
    }


def test_a_recording_answers_as_the_machine_did(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {NAMED: b"\x7fELF"}, answers(NEW))
    first = read(host)
    assert first is not None
    assert (first.source, first.build, first.argv, first.why_not_run) == ("--help", 6123, (NAMED,), None)
    assert read(Host(RecordingSource("again", dict(host.answers)))) == first


def test_recording_a_machine_asks_its_engine(tmp_path: Path) -> None:
    place = "/usr/bin/llama-server"
    question: Question = ("engine", place, "--help")
    made = tree_host(tmp_path, {place: "x"}, {("environment", "PATH"): "/usr/bin", question: {"code": 0, "text": NEW}})
    recording = record(made, "0")
    again = Host(load_recording(io.BytesIO(recording.data), "again"))
    found = read(again, named=None)
    assert found is not None
    assert found.source == "--help"


def test_without_a_program_there_is_nothing(tmp_path: Path) -> None:
    assert read(tree_host(tmp_path, {}), named=None) is None


def test_a_program_in_path_is_asked_and_one_elsewhere_is_not(tmp_path: Path) -> None:
    asked: list[Question] = []

    class Noting(RecordingSource):
        def ask(self, question: Question) -> Answer:
            asked.append(question)
            return super().ask(question)

    for path, place in (("/usr/bin", "/usr/bin"), ("/usr/bin", "/opt/x/bin")):
        asked.clear()
        made = tree_host(
            tmp_path / place.replace("/", "_"), {f"{place}/llama-server": "x"}, {("environment", "PATH"): path}
        )
        read(made, named=None)
        source = Noting("again", dict(made.answers))
        found = read(Host(source), named=None)
        assert found is not None
        assert found.path == f"{place}/llama-server"
        assert any(question[0] == "engine" for question in asked) == (path == place)


def with_rodata(content: bytes) -> bytes:
    """An ELF file with a .rodata section."""
    base = bytearray(make_elf())
    names = b"\0.rodata\0.shstrtab\0"
    content_at = len(base)
    base += content
    names_at = len(base)
    base += names
    base += b"\0" * (-len(base) % 8)
    table = len(base)
    base += bytes(64)
    base += struct.pack("<IIQQQQ", 1, 1, 2, 0, content_at, len(content)) + bytes(24)
    base += struct.pack("<IIQQQQ", 9, 3, 0, 0, names_at, len(names)) + bytes(24)
    struct.pack_into("<Q", base, 40, table)
    struct.pack_into("<HHH", base, 58, 64, 3, 2)
    return bytes(base)


def test_strings_of_a_program_that_may_not_be_run(tmp_path: Path) -> None:
    names = [name for name in sorted(parse_help(NEW)[0]) if name.startswith("--")]
    help_text = b"set Flash Attention use ('on', 'off', or 'auto', default: '%s')"
    content = b"\0" + b"\0".join([*(name.encode() for name in names), b"prose with --words in it", help_text]) + b"\0"
    found = read(tree_host(tmp_path, {NAMED: with_rodata(content)}))
    assert found is not None
    assert found.source == "strings"
    assert found.options == frozenset(names)
    assert found.values["--flash-attn"] == ("on", "off", "auto")
    assert found.why_not_run


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF", with_rodata(b"\0--few\0--options\0")])
def test_what_tells_nothing_is_not_checked(tmp_path: Path, content: bytes) -> None:
    found = read(tree_host(tmp_path, {NAMED: content}))
    assert found is not None
    assert (found.source, found.options) == ("not checked", frozenset())


def test_a_complaint_is_passed_on(tmp_path: Path) -> None:
    text = "llama-server: error while loading shared libraries: libx.so: cannot open\n"
    found = read(tree_host(tmp_path, {NAMED: b""}, answers(text)))
    assert found is not None
    assert found.why_not_run is not None
    assert "libx.so" in found.why_not_run


def as_ordinary_user(work: Callable[[], T]) -> T:
    """What `work` returns in a process without root's rights."""
    if os.geteuid() != 0:
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                result: object = work()
            except Unreadable as why:
                result = (why.reason, why.detail)
            os.write(writing, pickle.dumps(result))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        told = pickle.load(stream)
    os.waitpid(child, 0)
    if isinstance(told, tuple):
        raise Unreadable(*told)
    return told  # type: ignore[no-any-return]


@pytest.fixture
def scripts() -> Iterator[Path]:
    """A directory that every user reaches."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o777)
    yield place
    shutil.rmtree(place)


def script(place: Path, text: str) -> str:
    path = place / "llama-server"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def ask(path: str, *words: str) -> dict[str, object]:
    def work() -> dict[str, object]:
        answer = engine_live.ask_engine(path, words or ("--help",))
        assert isinstance(answer, dict)
        return dict(answer)

    return as_ordinary_user(work)


def test_a_program_is_asked_with_a_clean_environment(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_API_KEY", "secret")
    told = ask(script(scripts, 'echo "to $1"; env; cat; echo more >&2; exit 3\n'))
    assert told["code"] == 3
    text = str(told["text"])
    assert "to --help" in text
    assert "more" in text
    assert "secret" not in text
    assert "LC_ALL=C" in text


def test_a_program_that_hangs_is_killed_with_its_children(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_live, "SECONDS", 0.5)
    path = script(scripts, f"sleep 60 & echo $! > {scripts}/child; exec sleep 60\n")
    before = time.monotonic()
    with pytest.raises(Unreadable, match="timed out"):
        ask(path)
    assert time.monotonic() - before < 5
    child = (scripts / "child").read_text().strip()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split(")")[1][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_flood_is_cut_off(scripts: Path) -> None:
    with pytest.raises(Unreadable, match="MiB of output"):
        ask(script(scripts, "exec yes\n"))


def test_other_words_are_not_asked(scripts: Path) -> None:
    path = script(scripts, f"touch {scripts}/ran\n")
    with pytest.raises(Unreadable):
        ask(path, "--model")
    with pytest.raises(Unreadable, match="absolute"):
        ask("llama-server")
    assert not (scripts / "ran").exists()


@pytest.mark.heavy  # needs root
def test_root_does_not_run_what_others_can_change(scripts: Path) -> None:
    path = script(scripts, f"touch {scripts}/ran\n")
    with pytest.raises(Unreadable, match="not run"):
        engine_live.ask_engine(path, ("--help",))
    assert not (scripts / "ran").exists()


@pytest.mark.heavy  # needs root
def test_root_runs_its_own_as_nobody() -> None:
    place = Path(tempfile.mkdtemp(dir="/usr/local"))
    try:
        place.chmod(0o755)
        told = engine_live.ask_engine(script(place, "id -u; id -G\n"), ("--help",))
        assert told == {"code": 0, "text": "65534\n65534\n"}
        os.chmod(place / "llama-server", 0o775 | stat.S_ISUID)
        with pytest.raises(Unreadable, match="not run"):
            engine_live.ask_engine(str(place / "llama-server"), ("--help",))
    finally:
        shutil.rmtree(place)


def test_live_through_the_host(scripts: Path) -> None:
    path = script(scripts, f"cat {scripts}/help\n")
    (scripts / "help").write_text(NEW)

    def work() -> tuple[str | None, str]:
        return Host(LiveSource()).engine(path, "--help")

    text, why = as_ordinary_user(lambda: list(work()))
    assert (text, why) == (NEW, "")

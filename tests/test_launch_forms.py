"""A launch as command, script, unit, compose file: whatever the names hold, the server gets exactly the arguments."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plans import plan_of

from llmtune.advisors.plan import Binding, Launch, Plan
from llmtune.advisors.settings import Placement
from llmtune.reports.launch_command import ranges, render_command
from llmtune.reports.launch_forms import render_form
from llmtune.reports.quoting import compose_word, systemd_value, systemd_word, yaml_word

ODD = [
    "plain",
    "",
    "it's",
    'say "yes"',
    "two\nlines\n",
    "\n",
    "$(touch hacked)",
    "`id`",
    "$HOME ${x} $$",
    "%h %% %n",
    "a\\b\\",
    "\x1b[31mred\x07",
    "\x1b",
    "-n",
    "--",
    "; rm -rf x &",
    "*?[a]{b,c}~!#",
    "\u202etxt",
    "ünïcode 模型",
    "tab\there",
    "\udcff\udcfe",
    "a=b",
    "\r\n",
    "\x7f\x85\xa0",
    "\\x41 \\n",
    "'",
    "''\n''",
]
WORDS = st.lists(
    st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    max_size=6,
)
PRINTABLE = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"])).filter(str.isprintable), max_size=6)


def launch_of(*argv: str, **more: Any) -> Launch:
    bound = {name: more.pop(name) for name in ("cpus", "memory_nodes", "memory_policy") if name in more}
    return Launch(argv=argv, env=more.pop("env", {}), binding=Binding(**bound), checked="nothing", **more)


def bytes_of(words: list[str] | tuple[str, ...]) -> list[bytes]:
    return [word.encode("utf-8", "surrogateescape") for word in words]


@pytest.fixture(scope="module")
def teller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that writes its arguments and what X holds, with NULs between, where TOLD says."""
    path = tmp_path_factory.mktemp("odd place's $dir") / "tell\u00e9r"
    path.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > "$TOLD"; printf "X=%s" "${X-}" >> "$TOLD"\n')
    path.chmod(0o755)
    return path


def told_by(shell: str, text: str, place: Path) -> list[bytes]:
    """The arguments that the teller got from a script."""
    out, script = place / "told", place / "script.sh"
    script.write_bytes(text.encode("utf-8", "surrogateescape"))
    environment = {"PATH": "/usr/bin:/bin", "TOLD": str(out), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([shell, str(script)], env=environment, capture_output=True, cwd=place, check=False)
    assert done.returncode == 0, done.stderr
    return out.read_bytes().split(b"\0")


@settings(deadline=None, max_examples=60)
@given(PRINTABLE)
def test_a_command_is_split_again_into_its_words(words: list[str]) -> None:
    launch = launch_of("llama-server", *words)
    assert shlex.split(render_command(launch)) == list(launch.argv)
    # A shell drops a backslash with the line's end behind it; shlex takes it for a line's end.
    assert shlex.split(render_command(launch, broken=True).replace("\\\n", "")) == list(launch.argv)


@settings(deadline=None, max_examples=40)
@given(words=WORDS)
def test_bash_gets_the_words_of_a_command(teller: Path, words: list[str]) -> None:
    launch = launch_of(str(teller), "first", *words, env={"X": words[0] if words else "x"})
    for broken in (False, True):
        told = told_by("bash", render_command(launch, broken=broken), teller.parent)
        assert told == [b"first", *bytes_of(words), b"X=" + bytes_of([launch.env["X"]])[0]]


@settings(deadline=None, max_examples=40)
@given(words=WORDS)
def test_any_shell_gets_the_words_of_a_script(teller: Path, words: list[str]) -> None:
    launch = launch_of(str(teller), "first", *words, env={"X": words[0] if words else "x"})
    text = render_form(plan_of(launch, path="/models/evil\nname\x1b[31m"), "shell")
    assert told_by("sh", text, teller.parent) == [b"first", *bytes_of(words), b"X=" + bytes_of([launch.env["X"]])[0]]
    assert_harmless(text)


def assert_harmless(text: str) -> None:
    """No terminal escape, no text direction, nothing that only looks like a line."""
    assert not [character for character in text if character != "\n" and not character.isprintable()]


@pytest.mark.parametrize("form", ["shell", "systemd", "compose", "markdown"])
@pytest.mark.parametrize("word", ODD)
def test_nothing_unprintable_comes_out(form: str, word: str) -> None:
    launch = launch_of("/opt/llama-server", "-m", f"/m/{word}", env={"X": word}, warnings=(word,))
    text = render_form(plan_of(launch, path=f"/m/{word}"), form)
    assert_harmless(text)
    assert_harmless(render_command(launch, broken=True))


def systemd_words(line: str) -> list[bytes]:
    """Split a command line as systemd does (systemd.syntax(7)), then undo specifiers and variables."""
    found: list[bytes] = []
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"(?:\s|$)|(\S+)(?:\s|$)', line):
        text = match[2] if match[2] is not None else match[1]
        raw = b""
        for piece in re.finditer(r"\\x([0-9a-f]{2})|\\(.)|([^\\]+)", text):
            if piece[1]:
                raw += bytes([int(piece[1], 16)])
            elif piece[2]:
                raw += {"n": b"\n", "t": b"\t", '"': b'"', "\\": b"\\"}[piece[2]]
            else:
                raw += piece[3].encode()
        assert not re.search(rb"(?<!%)(%%)*%(?!%)", raw)
        found.append(raw.replace(b"%%", b"%").replace(b"$$", b"$"))
    return found


def exec_start(unit: str) -> list[bytes]:
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    return systemd_words(line.removeprefix("ExecStart="))


@given(WORDS)
def test_a_unit_holds_the_words(words: list[str]) -> None:
    launch = launch_of("/opt/llama-server", *words)
    unit = render_form(plan_of(launch, path="/models/evil\nname\\"), "systemd")
    assert exec_start(unit) == [b"/opt/llama-server", *bytes_of(words)]
    assert_harmless(unit)


def full_unit() -> str:
    launch = launch_of(
        "/bin/true",
        *[word for word in ODD if "\udcff" not in word],
        env={"X": '100% of $HOME "quoted" \\'},
        cpus=(0, 1, 2, 8),
        memory_nodes=(0, 1),
        memory_policy="interleave",
        nice=5,
        io_class="idle",
        locks_memory=True,
    )
    gpus = Placement(devices=("CUDA0",), gpu_layers=3, layers_per_device=(3,))
    return render_form(plan_of(launch, path="/home/me/it's 100% \\", placement=gpus), "systemd")


def test_a_unit_binds_and_limits() -> None:
    lines = full_unit().splitlines()
    for line in (
        "CPUAffinity=0-2,8",
        "NUMAPolicy=interleave",
        "NUMAMask=0-1",
        "LimitMEMLOCK=infinity",
        "Nice=5",
        "IOSchedulingClass=idle",
        "Restart=on-failure",
        "User=me",
        "NoNewPrivileges=yes",
        "SupplementaryGroups=video render",
    ):
        assert line in lines
    closed = ("PrivateDevices", "ProtectClock", "MemoryDenyWriteExecute", "DeviceAllow")
    assert not [line for line in lines if line.startswith(closed)]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "llm.service"
    path.write_text(full_unit().replace("User=me", "User=root"))
    program = shutil.which("systemd-analyze")
    if program is not None:
        done = subprocess.run([program, "verify", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert "llm.service" not in done.stderr, done.stderr
    assert "ExecStart=" in path.read_text()


@pytest.mark.parametrize("word", [word for word in ODD if "\udcff" not in word])
def test_words_of_units_and_yaml(word: str) -> None:
    assert systemd_words(systemd_word(word)) == bytes_of([word])
    assert systemd_words(systemd_value(word.replace("$", "")))[0].decode() == word.replace("$", "")
    # The escapes of JSON are YAML's; \x and \U are YAML's alone.
    as_json = re.sub(r"(?<!\\)((?:\\\\)*)\\x(..)", r"\1\\u00\2", yaml_word(word))
    assert json.loads(as_json) == word
    assert compose_word("a$b") == '"a$$b"'


def values_of(text: str) -> list[str]:
    """The quoted items of the compose file's command."""
    block = text.partition("    command:\n")[2]
    lines = re.match(r"(?:      - .*\n)*", block)
    assert lines is not None
    return [json.loads(line.strip()[2:]) for line in lines[0].splitlines()]


def test_compose_mounts_the_model_and_opens_the_port() -> None:
    launch = launch_of(
        "/opt/llama-server",
        "-m",
        "/m x/a b.gguf",
        "--host",
        "127.0.0.1",
        "--port",
        "8081",
        cpus=(1, 2),
        locks_memory=True,
    )
    gpus = Placement(devices=("CUDA0",), gpu_layers=3, layers_per_device=(3,))
    text = render_form(plan_of(launch, path="/m x/a b.gguf", placement=gpus), "compose")
    assert values_of(text) == ["-m", "/models/a b.gguf", "--host", "0.0.0.0", "--port", "8081"]
    for part in (
        'source: "/m x"',
        'cpuset: "1-2"',
        '"127.0.0.1:8081:8081"',
        "driver: nvidia",
        "memlock: -1",
        "server-cuda",
    ):
        assert part in text


def test_compose_shows_the_whole_cache_of_the_hub() -> None:
    path = "/home/me/.cache/huggingface/hub/models--a--b/snapshots/abc/b.gguf"
    text = render_form(plan_of(launch_of("/opt/llama-server", "-m", path), path=path), "compose")
    assert 'source: "/home/me/.cache/huggingface/hub/models--a--b"' in text
    assert values_of(text) == ["-m", "/models/snapshots/abc/b.gguf"]


def test_compose_shows_a_directory_that_is_a_model_and_nothing_beside_it() -> None:
    plan = plan_of(launch_of("vllm", "serve", "/m/llama", "--port", "80"), path="/m/llama", backend="vllm")
    text = render_form(plan, "compose")
    assert 'source: "/m/llama"' in text
    assert values_of(text) == ["/models", "--port", "80"]


@pytest.mark.parametrize(
    ("more", "prefix"),
    [
        ({}, []),
        ({"cpus": (0, 1, 3)}, ["taskset", "-c", "0-1,3"]),
        ({"nice": -3, "io_class": "idle"}, ["nice", "-n", "-3", "ionice", "-c", "3"]),
        (
            {"cpus": (4, 5), "memory_nodes": (1,), "memory_policy": "bind"},
            ["numactl", "--membind=1", "--physcpubind=4-5", "--"],
        ),
        ({"memory_nodes": (0, 1), "memory_policy": "interleave"}, ["numactl", "--interleave=0-1", "--"]),
    ],
)
def test_a_command_binds_by_the_usual_programs(more: dict[str, Any], prefix: list[str]) -> None:
    assert shlex.split(render_command(launch_of("x", **more))) == [*prefix, "x"]
    assert shlex.split(render_form(plan_of(launch_of("x", **more)), "shell"), comments=True)[3:] == [*prefix, "x"]


@given(st.sets(st.integers(0, 300)))
def test_ranges_hold_the_numbers(numbers: set[int]) -> None:
    found: set[int] = set()
    for part in filter(None, ranges(sorted(numbers)).split(",")):
        low, _, high = part.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    assert found == numbers


def test_a_script_writes_files_and_runs_what_follows(tmp_path: Path) -> None:
    server = tmp_path / "serve"
    server.write_text(f"#!/bin/sh\ntouch {tmp_path}/up\nwhile [ ! -e {tmp_path}/done ]; do sleep 0.1; done\n")
    create = tmp_path / "create"
    create.write_text(f'#!/bin/sh\n[ -e {tmp_path}/up ] || exit 1\ncp "$2" {tmp_path}/got && touch {tmp_path}/done\n')
    for program in (server, create):
        program.chmod(0o755)
    content = "FROM /x y\nPARAMETER a 'b' %s \\n\n\n"
    launch = launch_of(str(server), files={"Model file": content}, then=((str(create), "it's", "Model file"),))
    script = tmp_path / "run.sh"
    script.write_text(render_form(plan_of(launch), "shell"))
    done = subprocess.run(["sh", str(script)], capture_output=True, timeout=30, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_text() == content


def evil_plan() -> Plan:
    return plan_of(launch_of("llama-server", "-m", "x```\n\n# title"), path="x```\n\n# title")


def test_markdown_keeps_a_command_in_its_fence() -> None:
    text = render_form(evil_plan(), "markdown")
    assert not re.search(r"^# title", text, re.MULTILINE)

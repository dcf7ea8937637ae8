"""Servers ended and settings applied from the screen: what was asked about, and nothing else."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from scenes import views
from situations import server
from terminals import Terminal
from textual.pilot import Pilot
from tui_feeds import HandFeed, moment

from llmtune.advisors.bottleneck.observer import Lasting
from llmtune.tui import acting
from llmtune.tui.app import MonitorApp, Options
from llmtune.tui.feed import Moment
from llmtune.tui.past import Past
from llmtune.tuners.program import trusted_tool

SCREEN = Path(__file__).parent / "monitor_with_verdict.py"
VIEW = views()["one_gpu"]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"


@contextmanager
def stubborn() -> Iterator[subprocess.Popen[bytes]]:
    """A process that SIGTERM does not end."""
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def serving(*pids: int) -> Moment:
    good = moment(VIEW)
    found = good.observation.sample.model_copy(
        update={"servers": tuple(server(pid, started_ticks=None) for pid in pids)}
    )
    return Moment(type(good.observation)(found, None, good.observation.verdicts, (), ()), good.facts)


def shown(app: MonitorApp) -> str:
    return "\n".join(app.board.render_line(row).text for row in range(app.board.size.height))


async def until(pilot: Pilot[int], app: MonitorApp, text: str) -> None:
    for _ in range(500):
        if text in shown(app):
            return
        await pilot.pause(0.02)
    raise AssertionError(shown(app))


def test_what_sigterm_does_not_end_may_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "KILL_AFTER_SECONDS", 0.05)

    async def test(process: subprocess.Popen[bytes]) -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            feed.deliver(serving(process.pid))
            await pilot.pause()
            await pilot.press("x", "y")
            await until(pilot, app, "SIGKILL: it still runs")
            assert process.poll() is None
            await pilot.press("y")
            assert process.wait(10) == -signal.SIGKILL

    with stubborn() as process:
        asyncio.run(test(process))


def test_what_was_asked_about_one_server_never_ends_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "KILL_AFTER_SECONDS", 0.3)

    async def test(first: subprocess.Popen[bytes], second: subprocess.Popen[bytes]) -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            feed.deliver(serving(first.pid))
            await pilot.pause()
            await pilot.press("x", "y")
            feed.deliver(serving(second.pid))
            await pilot.pause()
            # Asked, and not answered: the box that the first one's time opens must not be about this one.
            await pilot.press("x", "escape")
            await pilot.pause(0.6)
            if "SIGKILL" in shown(app):
                asked = first if f"process {first.pid}" in shown(app) else second
                await pilot.press("y")
                asked.wait(10)
            else:
                asked = None
            assert [one.poll() is None for one in (first, second)] == [one is not asked for one in (first, second)]

    with ExitStack() as both:
        asyncio.run(test(both.enter_context(stubborn()), both.enter_context(stubborn())))


def test_sudo_is_the_systems_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sudo").write_text("#!/bin/sh\n")
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    argv = acting.apply_command("vm.swappiness")
    assert str(tmp_path) not in str(argv)
    assert "apply --only vm.swappiness" in (argv if isinstance(argv, str) else " ".join(argv))
    assert isinstance(argv, str) == (trusted_tool("sudo") is None)


def test_python_as_root_imports_nothing_from_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "argv", ["/somewhere/llmtune/__main__.py"])
    assert acting.apply_command("vm.swappiness")[:4] == [sys.executable, "-P", "-m", "llmtune"]


STAND_IN = """#!/bin/sh
echo "runs: $*"
read answer
echo "answered: $answer"
exit 3
"""


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["answered", "interrupted"])
def test_apply_has_the_terminal_and_the_monitor_comes_back(how: str, tmp_path: Path) -> None:
    """As root, which runs the command without sudo: it reads, writes and is interrupted as in any terminal."""
    program = tmp_path / "llmtune"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    with Terminal(["swapping", "vm.swappiness", str(program)], program=[str(SCREEN)]) as terminal:
        terminal.wait_for(b"every 1 s")
        terminal.press(b"a")
        terminal.wait_for(b"Apply vm.swappiness?")
        terminal.press(b"y")
        terminal.wait_for(b"runs: apply --only vm.swappiness")
        terminal.press(b"no\r" if how == "answered" else b"\x03")
        if how == "answered":
            terminal.wait_for(b"answered: no")
        terminal.wait_for(b"Enter goes back")
        terminal.press(b"\r")
        terminal.wait_for(b"ended with code 3" if how == "answered" else b"ended with code -2")
        terminal.press(b"q")
        assert terminal.wait_for_end() == 0
        assert terminal.restored()


@pytest.mark.heavy
def test_the_real_apply_is_run_and_changes_nothing_unasked() -> None:
    before = Path("/proc/sys/vm/swappiness").read_text()
    with Terminal(["swapping", "vm.swappiness"], program=[str(SCREEN)]) as terminal:
        terminal.wait_for(b"every 1 s")
        terminal.press(b"a")
        terminal.wait_for(b"Apply vm.swappiness?")
        terminal.press(b"y")
        time.sleep(1)
        terminal.press(b"\x04")
        terminal.wait_for(b"Enter goes back")
        terminal.press(b"\r")
        terminal.wait_for(b"llmtune apply --only vm.swappiness: ")
        terminal.press(b"q")
        assert terminal.wait_for_end() == 0
        assert terminal.restored()
    assert Path("/proc/sys/vm/swappiness").read_text() == before


def test_of_two_findings_of_one_moment_the_selected_one_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # Not every machine has sudo.

    async def test() -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            good = moment(VIEW)
            assert VIEW.verdict is not None
            two = tuple(
                VIEW.verdict.model_copy(update={"subject": f"gpu{one}", "setting": f"nvidia.power_limit_w@GPU-{one}"})
                for one in (1, 2)
            )
            began = tuple(Lasting(one, good.observation.sample.time_s, 0.0) for one in two)
            feed.deliver(Moment(type(good.observation)(good.observation.sample, None, two, began, ()), good.facts))
            await pilot.pause()
            seen = set()
            for key in ("6", "down"):
                await pilot.press(key, "a")
                seen |= {one for one in ("GPU-1", "GPU-2") if f"Apply nvidia.power_limit_w@{one}?" in shown(app)}
                await pilot.press("escape")
            assert seen == {"GPU-1", "GPU-2"}

    asyncio.run(test())


def test_in_the_past_nothing_is_ended_and_the_way_back_is_told() -> None:
    async def test(process: subprocess.Popen[bytes]) -> None:
        feed = HandFeed()
        feed.past = Past()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            now = serving(process.pid)
            for second in range(4):
                sample = now.observation.sample.model_copy(
                    update={
                        "time_s": now.observation.sample.time_s + second,
                        "clock_s": now.observation.sample.clock_s + second,
                    }
                )
                feed.past.append(sample)
                feed.deliver(Moment(type(now.observation)(sample, None, now.observation.verdicts, (), ()), None))
            await pilot.pause()
            await pilot.press("left", "x")
            assert "End goes back to now" in shown(app)
            await pilot.press("end", "x")
            assert f"End llama-server, process {process.pid}?" in shown(app)

    with stubborn() as process:
        asyncio.run(test(process))


@pytest.mark.parametrize("known", [True, False])
def test_with_no_server_selected_it_is_the_verdicts(known: bool) -> None:
    async def test(first: subprocess.Popen[bytes], second: subprocess.Popen[bytes]) -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            both = serving(first.pid, second.pid).observation
            assert VIEW.verdict is not None
            about = VIEW.verdict.model_copy(update={"subject": str(second.pid) if known else None})
            feed.deliver(Moment(type(both)(both.sample, None, (about,), (), ()), None))
            await pilot.pause()
            await pilot.press("x")
            assert f"process {first.pid}?" not in shown(app)
            assert (f"process {second.pid}?" in shown(app)) is known
            assert ("press 5, choose one with up and down" in shown(app)) is not known
            await pilot.press("escape")

    with ExitStack() as both:
        asyncio.run(test(both.enter_context(stubborn()), both.enter_context(stubborn())))


def test_a_server_that_went_is_told_in_words() -> None:
    async def test(pid: int) -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            feed.deliver(serving(pid))
            await pilot.pause()
            await pilot.press("x")
            assert f"process {pid} has ended already" in shown(app)

    with stubborn() as process:
        pid = process.pid
    asyncio.run(test(pid))

"""The screen in a terminal that is none: keys, sizes, boxes, and what goes wrong."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from effort import examples
from scenes import views
from situations import gpu, server
from textual.pilot import Pilot
from tui_feeds import HandFeed, moment

from llmtune.tui.app import MonitorApp, Options
from llmtune.tui.feed import Trouble
from llmtune.tui.keys import ACTIONS, KEYS
from llmtune.tui.session import Session

VIEWS = views()
SIZES = [(80, 24), (120, 40), (200, 60), (60, 16), (40, 8), (20, 4), (5, 2), (1, 1)]


@asynccontextmanager
async def screen(
    size: tuple[int, int] = (80, 24), show: str | None = "one_gpu", *, read_only: bool = False, ascii_only: bool = False
) -> AsyncIterator[tuple[MonitorApp, HandFeed, Pilot[int]]]:
    feed = HandFeed()
    app = MonitorApp(feed, Options(read_only=read_only, ascii_only=ascii_only))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if show is not None:
            feed.deliver(moment(VIEWS[show]))
            await pilot.pause()
        yield app, feed, pilot


def text(app: MonitorApp) -> str:
    return "\n".join(app.board.render_line(row).text for row in range(app.board.size.height))


def session(app: MonitorApp) -> Session:
    assert app.session is not None
    return app.session


def run(test: object) -> None:
    asyncio.run(test)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_filled_and_nothing_is_wider(size: tuple[int, int]) -> None:
    async def test() -> None:
        async with screen(size, "eight_gpus") as (app, _, _):
            rows = [app.board.render_line(row) for row in range(size[1])]
            assert [row.cell_length for row in rows] == [size[0]] * size[1]
            if size[0] >= 40:
                verdict = VIEWS["eight_gpus"].verdict
                assert verdict is not None
                assert verdict.what[:30] in text(app)

    run(test())


def test_the_frame_is_there_before_anything_is_read() -> None:
    async def test() -> None:
        async with screen(show=None) as (app, feed, _):
            assert feed.began
            assert "quit" in text(app)

    run(test())


def test_every_key_does_something_and_none_breaks() -> None:
    assert all(hasattr(Session, f"_do_{action}") or action == "panel" for action in ACTIONS.values())
    keys = [key for one in KEYS for key in one.keys if one.action not in ("quit", "suspend")]
    assert len(keys) == len(set(keys))

    async def test() -> None:
        async with screen((120, 40), "two_servers") as (app, _, _):
            for panel in "0123456":
                session(app).key(panel, panel)
                for key in keys:
                    session(app).key(key, None)
                    session(app).lines(80, 24)
                    if session(app).dialog is not None:
                        session(app).key("escape", None)
            assert app.is_running

    run(test())


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
def test_quitting(key: str) -> None:
    async def test() -> None:
        async with screen() as (app, _, pilot):
            await pilot.press(key)
            await pilot.pause()
            assert not app.is_running
            assert app.return_code == 0

    run(test())


def test_quitting_before_the_first_sample() -> None:
    async def test() -> None:
        async with screen(show=None) as (app, _, pilot):
            await pilot.press("q")
            await pilot.pause()
            assert not app.is_running

    run(test())


def test_panels_by_number_and_tab() -> None:
    async def test() -> None:
        async with screen() as (app, _, pilot):
            seen = []
            for key in ("1", "6", "tab", "tab", "shift+tab", "escape"):
                await pilot.press(key)
                seen.append(session(app).state.focus)
            assert seen == ["gpus", "log", None, "gpus", None, None]

    run(test())


def test_help_covers_the_screen_and_goes() -> None:
    async def test() -> None:
        async with screen() as (app, _, pilot):
            await pilot.press("question_mark")
            assert "the next panel" in text(app)
            await pilot.press("end")
            assert "paint everything anew" in text(app)
            await pilot.press("q")
            assert app.is_running
            assert "the next panel" not in text(app)

    run(test())


def test_a_filter_is_typed_and_taken_back() -> None:
    async def test() -> None:
        async with screen((120, 40), "two_servers") as (app, _, pilot):
            await pilot.press("5", "slash", *"qx", "backspace")
            assert "> q" in text(app)
            await pilot.press("enter")
            assert session(app).state.choice.filter == "q"
            await pilot.press("escape")
            assert session(app).state.choice.filter == ""
            assert session(app).state.focus == "engine"

    run(test())


def test_sorting_goes_round_and_reverses() -> None:
    async def test() -> None:
        async with screen((120, 40), "two_servers") as (app, _, pilot):
            await pilot.press("5")
            seen = []
            for _ in range(12):
                await pilot.press("s")
                seen.append(session(app).state.choice.sort)
            assert len(set(seen)) > 1
            await pilot.press("r")
            assert session(app).state.choice.reverse

    run(test())


def test_the_verdict_is_explained() -> None:
    async def test() -> None:
        async with screen((100, 40), "disk_bound") as (app, _, pilot):
            await pilot.press("w")
            verdict = VIEWS["disk_bound"].verdict
            assert verdict is not None
            shown = " ".join(text(app).replace("│", " ").split())
            assert " ".join(verdict.what.split()[:4]) in shown
            assert "What was read" in shown

    run(test())


def test_a_line_of_the_log_is_explained() -> None:
    async def test() -> None:
        async with screen((100, 40), "disk_bound") as (app, _, pilot):
            await pilot.press("6", "enter")
            assert "still so" in text(app)

    run(test())


def test_pause_holds_the_screen_while_samples_come() -> None:
    async def test() -> None:
        async with screen() as (app, feed, pilot):
            await pilot.press("space")
            before = text(app)
            assert "PAUSED" in before
            feed.deliver(moment(VIEWS["disk_bound"]))
            await pilot.pause()
            assert text(app) == before
            await pilot.press("space")
            assert "PAUSED" not in text(app)
            assert text(app) != before

    run(test())


def test_only_lines_that_changed_are_painted() -> None:
    async def test() -> None:
        async with screen((120, 40), "two_servers") as (app, feed, pilot):
            strips = [app.board.render_line(row) for row in range(40)]
            feed.deliver(moment(VIEWS["two_servers"]))
            await pilot.pause()
            same = [row for row in range(40) if app.board.render_line(row) is strips[row]]
            assert len(same) > 20

    run(test())


def test_trouble_of_the_feed_is_told() -> None:
    async def test() -> None:
        async with screen() as (app, feed, pilot):
            feed.deliver(Trouble("the drive is full; the record ends here"))
            await pilot.pause()
            assert "the drive is full" in text(app)

    run(test())


def test_a_panel_that_fails_says_so_and_the_others_go_on() -> None:
    """A sample as no machine gives it: a bug in one panel must not take the screen."""

    async def test() -> None:
        async with screen((120, 40)) as (app, feed, pilot):
            good = moment(VIEWS["one_gpu"])
            broken = good.observation.sample.model_copy(update={"gpus": (gpu(throttle_harmful=5, throttle_reasons=5),)})
            seen = type(good.observation)(broken, good.observation.activity, good.observation.verdicts, (), ())
            feed.deliver(type(good)(seen, good.facts))
            await pilot.pause()
            assert app.is_running
            assert "failed: TypeError" in text(app)
            assert "page cache" in text(app)

    run(test())


@pytest.mark.parametrize(("answer", "ending"), [("m", "md"), ("t", "txt"), ("j", "json")])
def test_what_is_shown_becomes_a_file(
    answer: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def test() -> None:
        async with screen((100, 30), "one_gpu") as (app, _, pilot):
            await pilot.press("e", answer)
            assert "written" in text(app)

    run(test())
    (file,) = tmp_path.iterdir()
    assert file.suffix == f".{ending}"
    assert "4090" in file.read_text()
    if ending == "json":
        assert json.loads(file.read_text())["sample"]["gpus"]


def test_themes_go_round() -> None:
    async def test() -> None:
        async with screen() as (app, _, pilot):
            before = app.board.render_line(0)
            await pilot.press("T")
            assert app.theme_name == "dark"
            assert app.board.render_line(0).text == before.text
            assert app.board.render_line(0) != before

    run(test())


@pytest.mark.fuzz
def test_resizing_hundreds_of_times() -> None:
    async def test() -> None:
        async with screen((120, 40), "eight_gpus") as (app, _, pilot):
            for step in range(examples(200)):
                await pilot.resize_terminal(20 + step * 17 % 180, 3 + step * 15 % 57)
            await pilot.resize_terminal(100, 30)
            await pilot.pause()
            assert app.board.render_line(29).cell_length == 100
            assert "quit" in text(app)

    run(test())


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends on SIGTERM, unless it is told not to."""
    process = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def serving(pid: int, started_ticks: int | None = None) -> object:
    good = moment(VIEWS["one_gpu"])
    found = good.observation.sample.model_copy(update={"servers": (server(pid, started_ticks=started_ticks),)})
    return type(good)(type(good.observation)(found, None, good.observation.verdicts, (), ()), good.facts)


def test_a_server_is_ended_after_yes_and_not_before(child: subprocess.Popen[bytes]) -> None:
    async def test() -> None:
        async with screen((100, 30)) as (app, feed, pilot):
            feed.deliver(serving(child.pid))  # type: ignore[arg-type]
            await pilot.pause()
            await pilot.press("x")
            assert f"process {child.pid}" in text(app)
            await pilot.press("n", "enter", "escape")
            assert child.poll() is None
            await pilot.press("x", "y")
            assert child.wait(5) == -signal.SIGTERM

    run(test())


def test_another_process_with_the_number_is_not_ended(child: subprocess.Popen[bytes]) -> None:
    async def test() -> None:
        async with screen((100, 30)) as (app, feed, pilot):
            feed.deliver(serving(child.pid, started_ticks=1))  # type: ignore[arg-type]
            await pilot.pause()
            await pilot.press("x")
            assert "another process by now" in text(app)
            assert child.poll() is None

    run(test())


def test_read_only_ends_and_applies_nothing(child: subprocess.Popen[bytes]) -> None:
    async def test() -> None:
        async with screen((100, 30), read_only=True) as (app, feed, pilot):
            feed.deliver(serving(child.pid))  # type: ignore[arg-type]
            await pilot.pause()
            await pilot.press("x")
            assert "--read-only" in text(app)
            assert child.poll() is None

    run(test())


def test_ascii_only_has_nothing_else() -> None:
    async def test() -> None:
        async with screen((120, 40), "eight_gpus", ascii_only=True) as (app, _, pilot):
            assert text(app).isascii()
            await pilot.press("question_mark")
            assert text(app).isascii()

    run(test())


def test_nothing_is_left_open() -> None:
    before = set(os.listdir("/proc/self/fd"))

    async def test() -> None:
        async with screen():
            pass

    run(test())
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1

"""Several servers on the screen: their order, and those that do not answer."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from scenes import SCENES
from situations import did, engine, server, verdict
from tui_feeds import HandFeed, moment

from llmtune.tui.app import MonitorApp, Options
from llmtune.tui.layout import PANELS
from llmtune.tui.line import Line, text_of
from llmtune.tui.view import View

SMALL = ((80, 24), (60, 16), (120, 40))


def three(**more: Any) -> View:
    """Number 100 does nothing, 200 answers, 300 reads a prompt; the verdict is about 300."""
    scene = SCENES["one_cpu_server"]()
    scene.sample["servers"] = tuple(server(pid, port=9000 + pid) for pid in (100, 200, 300))
    scene.activity["servers"] = {
        100: did(100, 0.0, engine(0.0, 0.0)),
        200: did(200, 0.4, engine(5.0, 0.0)),
        300: did(300, 1.4, engine(0.0, 90.0)),
    }
    scene.series = {"decode/200": 5.0, "prompt/300": 90.0, "decode/100": 0.0}
    scene.verdict = verdict("compute", "Compute bound", subject="300")
    return replace(scene.view(), **more)


def texts(lines: list[Line]) -> str:
    return "\n".join(map(text_of, lines))


def order(text: str) -> list[str]:
    return sorted((one for one in ("100", "200", "300") if f" {one} " in text), key=lambda one: text.index(f" {one} "))


@pytest.mark.parametrize("panel", ["cpu", "memory"])
def test_panels_begin_with_the_verdicts_server_and_those_at_work(panel: str) -> None:
    for size in SMALL:
        assert order(texts(PANELS[panel].lines(three(), *size))) == ["300", "200", "100"]
    [first] = {order(texts(PANELS[panel].lines(three(), 80, 2)))[0]}
    assert first == "300"


def test_the_engines_rows_are_in_the_same_order() -> None:
    assert PANELS["engine"].rows(three()) == ["300", "200", "100"]
    assert PANELS["engine"].rows(three(verdict=None)) == ["200", "300", "100"]


def test_rows_do_not_jump_as_use_changes() -> None:
    view = three(verdict=None)
    assert view.activity is not None
    idle = {pid: did(pid, 0.0, engine(0.0, 0.0)) for pid in (100, 200, 300)}
    less = replace(view, activity=replace(view.activity, servers=idle))
    assert PANELS["engine"].rows(less) == ["200", "300", "100"]


def test_who_chose_a_row_keeps_it_when_rows_change_places() -> None:
    async def test() -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            feed.deliver(moment(three()))
            await pilot.pause()
            await pilot.press("5", "down", "down")
            assert app.session is not None
            chosen = app.session._selected()
            view = three(verdict=verdict("compute", "Compute bound", subject=chosen))
            feed.deliver(moment(view))
            await pilot.pause()
            assert app.session._selected() == chosen
            assert app.session.state.choice.row == 0

    asyncio.run(test())

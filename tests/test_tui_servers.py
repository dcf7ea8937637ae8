"""Several servers on the screen: their order, and those that do not answer."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from scenes import SCENES
from situations import CLOCK_S, did, endpoint, engine, server, slot, verdict
from tui_feeds import HandFeed, moment

from llmtune.tui.app import MonitorApp, Options
from llmtune.tui.cells import line_cells
from llmtune.tui.history import History
from llmtune.tui.layout import PANELS, compose
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


def silent(state: str = "timed out") -> View:
    """The one server has told nothing for 40 seconds."""
    scene = SCENES["one_cpu_server"]()
    busy = (slot(0), slot(1))
    told = endpoint(state=state, clock_s=CLOCK_S - 40, slots=busy if state == "timed out" else (), kv_share=0.4)
    scene.sample["servers"] = (server(endpoint=told),)
    scene.activity["servers"] = {4711: did(4711, 1.0, engine(None, None))}
    history = History()
    for second in range(60):
        now_s = CLOCK_S - 59 + second
        moment_of = scene.view().sample
        assert moment_of is not None
        answered = {4711: did(4711, 1.0, engine(7.64 if second < 20 else None, None))}
        activity = scene.view().activity
        assert activity is not None
        history.add(moment_of.model_copy(update={"clock_s": now_s}), replace(activity, servers=answered))
    return replace(scene.view(), series=history)


@pytest.mark.parametrize("state", ["timed out", "unreachable"])
def test_what_a_silent_server_told_is_not_shown_as_current(state: str) -> None:
    lines = PANELS["engine"].lines(silent(state), 120, 24)
    shown = texts(lines)
    assert "no answer for 40 s" in shown
    assert "decode tokens/s no value now" in shown
    assert "7.64" not in shown
    slots = [one for one in lines if text_of(one).lstrip().startswith(("0  ", "1  ", "slot"))]
    assert len(slots) == (3 if state == "timed out" else 0)
    assert all(part.style == "dim" for one in slots for part in one if part.text.strip())


def test_a_server_that_answers_again_is_shown_as_before() -> None:
    shown = texts(PANELS["engine"].lines(SCENES["one_cpu_server"]().view(), 120, 24))
    assert "no answer" not in shown
    assert "no value now" not in shown


def several(count: int, slots: int) -> View:
    """So many servers with so many slots, all answering."""
    scene = SCENES["one_cpu_server"]()
    pids = range(4711, 4711 + count)
    told = endpoint(slots=tuple(slot(number) for number in range(slots)), kv_share=0.3)
    scene.sample["servers"] = tuple(server(pid, endpoint=told) for pid in pids)
    scene.activity["servers"] = {pid: did(pid, 1.0, engine(5.0)) for pid in pids}
    scene.series |= {f"{name}/{pid}": 5.0 for name in ("decode", "prompt", "kv") for pid in pids}
    return scene.view()


@pytest.mark.parametrize("size", [(80, 40), (100, 30), (120, 30), (120, 36), (120, 40), (200, 60)])
def test_the_engines_charts_stay_as_servers_come(size: tuple[int, int]) -> None:
    for slots in (0, 1, 4, 64):
        for count in (1, 2, 3, 5, 8, 20):
            lines = compose(several(count, slots), None, *size)
            shown = texts(lines)
            assert "decode tokens/s 5.00" in shown, (count, slots, shown)
            assert all(line_cells(one) <= size[0] for one in lines)
            for title in ("CPU and NUMA", "Memory", "I/O", "Log"):
                assert title in shown, (count, slots, shown)


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


def test_who_reads_a_long_prompt_is_at_work() -> None:
    view = three(verdict=None)
    assert view.sample is not None
    first, *others = view.sample.servers
    first = first.model_copy(update={"endpoint": endpoint(slots=(slot(0, "prompt"),))})
    sample = view.sample.model_copy(update={"servers": (*others, first)})
    assert PANELS["engine"].rows(replace(view, sample=sample)) == ["100", "200", "300"]


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

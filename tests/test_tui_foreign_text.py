"""Whatever stands in names and records: nothing that is shown or written steers a terminal or ends a fence."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel
from scenes import views
from situations import gpu, server
from tui_feeds import HandFeed, moment

from llmtune.advisors.bottleneck.judge import judge
from llmtune.advisors.bottleneck.observer import Observation
from llmtune.reports.escape import printable
from llmtune.tui.app import MonitorApp, Options
from llmtune.tui.dialogs.explain import verdict_text
from llmtune.tui.exporting import as_json, export_dialog, markdown, write_new
from llmtune.tui.feed import Moment, Trouble
from llmtune.tui.layout import PANELS, compose
from llmtune.tui.line import text_of
from llmtune.tui.plain import Plain
from llmtune.tui.view import Choice, View

EVIL = "\x1b]0;x\x07\u202e\x9b31m\r\n```\n<b>"
SCENES = ("eight_gpus", "two_servers", "swapping")
M = TypeVar("M", bound=BaseModel)


def evil(model: M) -> M:
    """The same with foreign text in every field that takes any text."""
    plain = model.model_dump(mode="json")
    # Where only some words are allowed, all fields of that name keep theirs.
    names: dict[str, list[tuple[Any, Any]]] = {}

    def collect(node: Any, name: str) -> None:
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            own = key if isinstance(key, str) else name
            if isinstance(value, dict | list):
                collect(value, own)
            elif isinstance(value, str):
                names.setdefault(own, []).append((node, key))

    collect(plain, "")
    for places in names.values():
        kept = [node[key] for node, key in places]
        for node, key in places:
            node[key] += EVIL
        try:
            type(model).model_validate(plain)
        except ValueError:
            for (node, key), value in zip(places, kept, strict=True):
                node[key] = value
    return type(model).model_validate(plain)


def evil_view(name: str) -> View:
    view = views()[name]
    assert view.sample is not None
    sample, facts = evil(view.sample), evil(view.facts) if view.facts is not None else None
    told = tuple(evil(one) for one in (view.verdict, *view.others) if one is not None) + judge((sample,), facts)
    assert EVIL in str(told[0].what)
    return replace(view, sample=sample, facts=facts, verdict=told[0], others=told[1:])


@pytest.mark.parametrize("name", SCENES)
def test_everywhere(name: str) -> None:
    view = evil_view(name)
    lines = []
    for focus in (None, *PANELS):
        lines += compose(replace(view, choice=Choice(detail=True)), focus, 100, 40)
    for verdict in (view.verdict, *view.others):
        assert verdict is not None
        lines += verdict_text(verdict, None, 70)
    shown = [text_of(one) for one in lines]
    assert [one for one in shown if printable(one) != one] == []
    assert not any("failed: " in one for one in shown)


@pytest.mark.parametrize("name", SCENES)
def test_without_a_screen(name: str) -> None:
    view = evil_view(name)
    assert view.sample is not None
    assert view.verdict is not None
    told = list(Plain().tell(Observation(view.sample, view.activity, (view.verdict, *view.others), (), ())))
    assert told
    assert [one for one in told if printable(one) != one] == []


@pytest.mark.parametrize("name", SCENES)
def test_in_a_file(name: str) -> None:
    view = evil_view(name)
    lines = markdown(view).splitlines()
    fences = [number for number, one in enumerate(lines) if one.strip("`") == "" and len(one) >= 3]
    assert fences == [len(lines) - 1]
    assert all(printable(one) == one for one in lines)
    as_json(view).encode()


def test_in_boxes_and_the_last_line() -> None:
    async def test() -> None:
        feed = HandFeed()
        app = MonitorApp(feed, Options())
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            good = moment(views()["one_gpu"])
            one = server(os.getpid(), engine=f"llama{EVIL}", model=f"/models/{EVIL}", started_ticks=None)
            sample = good.observation.sample.model_copy(update={"servers": (one,)})
            feed.deliver(Moment(Observation(sample, None, good.observation.verdicts, (), ()), good.facts))
            await pilot.pause()
            for news, key in ((None, "x"), (Trouble(f"/tmp/{EVIL}: no space left"), "escape")):
                if news is not None:
                    feed.deliver(news)
                await pilot.press(key)
                await pilot.pause()
                rows = [app.board.render_line(row).text for row in range(30)]
                assert [row for row in rows if printable(row) != row] == []

    asyncio.run(test())


def test_files_where_no_locale_or_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "written" in write_new("one.txt", "a\udcffb \u2502")
    assert os.stat("one.txt").st_mode & 0o777 == 0o600
    assert (tmp_path / "one.txt").read_bytes() == "a?b \u2502".encode()
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    told: list[str] = []
    box = export_dialog(views()["one_gpu"], None, told.append)
    assert "gone" in "".join(text_of(one) for one in box.lines(60, 20))
    box.key("t", "t")
    assert "No such file" in told[0]


def test_gpus_of_two_vendors_are_told_once() -> None:
    """Both are the first of their vendor: what the one is must not be told as a change of the other."""
    view = views()["amd_and_intel"]
    assert view.sample is not None
    assert view.verdict is not None
    plain = Plain()
    both = tuple(gpu(vendor=vendor, asleep=vendor == "intel") for vendor in ("nvidia", "intel"))
    seen = Observation(view.sample.model_copy(update={"gpus": both}), view.activity, (view.verdict,), (), ())
    assert "GPU 0: fine. GPU intel0: asleep." in "".join(plain.tell(seen))
    assert list(plain.tell(seen)) == []

"""What the monitor shows, as text: every panel and the whole screen in many situations.

`LLMTUNE_WRITE_GOLDEN=1` writes the files anew; look at what changed before it is committed.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scenes import SCENES, first_reading, starting

from llmtune.tui.cells import line_cells
from llmtune.tui.layout import PANELS, compose
from llmtune.tui.line import Line, text_of
from llmtune.tui.view import Choice, View

GOLDEN = Path(__file__).parent / "golden" / "monitor"
SIZES = ((80, 24), (120, 40), (200, 60), (60, 16))
PANEL_SIZES = ((80, 24), (120, 14), (60, 5))
IN_PANELS = {
    "gpus": ("no_gpu", "one_gpu", "eight_gpus", "unified", "amd_and_intel", "asleep", "no_nvml", "nothing_told"),
    "cpu": ("no_gpu", "one_cpu_server", "swapping", "two_nodes", "many_cpus", "nothing_told"),
    "memory": ("no_gpu", "one_cpu_server", "one_gpu", "disk_bound", "swapping", "nothing_told"),
    "io": ("one_cpu_server", "eight_gpus", "disk_bound", "nothing_told"),
    "engine": ("no_gpu", "one_cpu_server", "one_gpu", "eight_gpus", "many_slots", "two_servers", "no_metrics"),
    "log": ("one_cpu_server", "eight_gpus"),
}


@pytest.fixture(autouse=True)
def _one_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def dump(lines: list[Line], width: int, height: int) -> str:
    """A framed picture in text; lines keep within the frame, or the test fails."""
    assert len(lines) <= height
    for one in lines:
        assert line_cells(one) <= width, text_of(one)
    return "\n".join([f"--- {width}x{height}", *(text_of(one).rstrip() for one in lines), ""])


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("LLMTUNE_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} differs; LLMTUNE_WRITE_GOLDEN=1 writes it anew"


@pytest.mark.parametrize("name", ["starting", "first_reading", *SCENES])
def test_whole_screen(name: str) -> None:
    early = {"starting": starting, "first_reading": first_reading}
    view = early[name]() if name in early else SCENES[name]().view()
    compare(f"screen-{name}", "".join(dump(compose(view, None, *size), *size) for size in SIZES))


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel(panel: str) -> None:
    text = ""
    for name in IN_PANELS[panel]:
        view = SCENES[name]().view()
        text += f"===== {name}\n" + "".join(dump(PANELS[panel].lines(view, *size), *size) for size in PANEL_SIZES)
    compare(f"panel-{panel}", text)


def test_details() -> None:
    text = ""
    for panel, name, row in (
        ("gpus", "eight_gpus", 5),
        ("gpus", "one_gpu", 0),
        ("gpus", "unified", 0),
        ("engine", "one_cpu_server", 0),
        ("engine", "two_servers", 1),
        ("io", "disk_bound", 0),
        ("log", "one_cpu_server", 0),
    ):
        view = SCENES[name]().view(choice=Choice(row=row, detail=True))
        text += f"===== {panel} {name} {row}\n" + "".join(
            dump(PANELS[panel].lines(view, *size), *size) for size in PANEL_SIZES
        )
    compare("details", text)


def test_terminals_without_unicode() -> None:
    text = ""
    for name in ("one_cpu_server", "eight_gpus", "many_cpus"):
        shown = dump(compose(SCENES[name]().view(ascii_only=True), None, 80, 40), 80, 40)
        assert shown.isascii()
        text += f"===== {name}\n{shown}"
    compare("ascii", text)


def test_the_focused_panel_is_served_first() -> None:
    view = SCENES["many_slots"]().view()
    for size in SIZES:
        for focus in PANELS:
            shown = compose(view, focus, *size)
            wanted = f"{list(PANELS).index(focus) + 1} {PANELS[focus].TITLE}"
            assert any(part.style == "accent" and part.text == wanted for one in shown for part in one)
    log = [text_of(one) for one in compose(view, "log", 60, 16)]
    assert any("Queue: all 55 slots" in one for one in log[3:])


def test_a_view_before_anything_was_read_says_what_it_waits_for() -> None:
    shown = "\n".join(text_of(one) for one in compose(starting(), None, 80, 24))
    assert shown.count("waiting for the first reading") == 5
    shown = "\n".join(text_of(one) for one in compose(first_reading(), None, 80, 24))
    assert "waiting for a second reading" in shown


def test_what_is_wrong_with_hidden_gpus_is_told() -> None:
    shown = "\n".join(text_of(one) for one in compose(SCENES["eight_gpus"]().view(), None, 60, 16))
    assert "3 lost" in shown
    assert "5 hardware" in shown


def test_no_line_is_coloured_on_a_machine_that_works_as_it_should() -> None:
    """A load is not a fault, however high."""
    view = SCENES["one_cpu_server"]().view()
    for one in compose(view, None, 120, 40):
        assert not {part.style for part in one} & {"notice", "bad"}, text_of(one)


@pytest.mark.parametrize(
    ("panel", "scene", "words"),
    [
        ("gpus", "eight_gpus", "lost: fell off the bus"),
        ("gpus", "one_gpu", "Gen4 x8 of Gen4 x16"),
        ("cpu", "swapping", "62% of periods (quota 4)"),
        ("cpu", "two_nodes", "47%"),
        ("memory", "disk_bound", "3.1k/s"),
        ("memory", "swapping", "2.20 GiB"),
        ("io", "disk_bound", " 99%"),
        ("engine", "eight_gpus", "12"),
    ],
)
def test_what_is_bad_stands_out(panel: str, scene: str, words: str) -> None:
    shown = PANELS[panel].lines(SCENES[scene]().view(), 120, 30)
    assert words.strip() in {part.text.strip() for one in shown for part in one if part.style in ("notice", "bad")}


def filtered(view: View, **choice: object) -> View:
    return replace(view, choice=Choice(**choice))  # type: ignore[arg-type]


def test_rows_follow_sort_and_filter() -> None:
    view = SCENES["eight_gpus"]().view()
    assert PANELS["gpus"].rows(view) == [str(index) for index in range(8)]
    assert PANELS["gpus"].rows(filtered(view, sort="temperature"))[0] == "5"
    assert PANELS["gpus"].rows(filtered(view, sort="temperature"))[-1] == "3", "what does not tell comes last"
    assert PANELS["io"].rows(filtered(view, sort="read", reverse=True))[0] == "nvme0n1"
    assert PANELS["io"].rows(filtered(view, filter="nvme2")) == ["nvme2n1"]
    two = SCENES["two_servers"]().view()
    assert PANELS["engine"].rows(filtered(two, filter="ollama")) == ["5822"]
    assert PANELS["engine"].rows(filtered(two, sort="engine")) == ["5822", "4711"]
    log = SCENES["one_cpu_server"]().view()
    assert len(PANELS["log"].rows(filtered(log, filter="loading"))) == 1


def test_a_filter_that_nothing_matches_says_so() -> None:
    view = filtered(SCENES["eight_gpus"]().view(), filter="nothing like it")
    for panel in ("gpus", "io", "engine", "log"):
        assert PANELS[panel].rows(view) == []
        assert "nothing like it" in text_of(PANELS[panel].lines(view, 80, 10)[0])


def test_the_selected_row_is_always_in_sight() -> None:
    for row in range(8):
        shown = PANELS["gpus"].lines(filtered(SCENES["eight_gpus"]().view(), row=row), 100, 5)
        assert any(part.style == "selected" for one in shown for part in one), row

"""No line is wider than asked, whatever is shown in it, and nothing foreign reaches the terminal raw."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SCENES, views

from llmtune.tui.cells import cells, cut, line_cells, pad, shorten, shorten_middle
from llmtune.tui.chart import area, chart, nice_top
from llmtune.tui.layout import PANELS, compose
from llmtune.tui.line import text_of
from llmtune.tui.panels.bars import bar, many_bars
from llmtune.tui.panels.units import bytes_text, count_text, cpu_list, lasting_text, rate_text, seconds_text
from llmtune.tui.view import Choice, View

ALL = views()
NASTY = "通义千问3-30B-量化版\x1b[31m\n\u202egniw\u0301\u0301 🦙"


def nasty(view: View, text: str) -> View:
    """The same view with every foreign name replaced."""
    sample = view.sample
    if sample is None:
        return view
    gpus = tuple(
        gpu.model_copy(
            update={
                "name": text,
                "trouble": text if gpu.trouble else None,
                "throttle_reasons": (text,),
                "throttle_harmful": (text,),
                "users": tuple(user.model_copy(update={"name": text, "container": text}) for user in gpu.users),
            }
        )
        for gpu in sample.gpus
    )
    servers = tuple(one.model_copy(update={"model": text, "engine": text, "container": text}) for one in sample.servers)
    drives = tuple(one.model_copy(update={"name": text}) for one in sample.drives)
    said = view.verdict.model_copy(update={"what": text, "helps": text}) if view.verdict else None
    return replace(
        view, sample=sample.model_copy(update={"gpus": gpus, "servers": servers, "drives": drives}), verdict=said
    )


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(ALL)), st.integers(1, 220), st.integers(1, 70), st.sampled_from([None, *PANELS]),
    st.booleans(), st.booleans(), st.integers(-1, 70),
)  # fmt: skip
def test_screens_stay_inside(
    name: str, width: int, height: int, focus: str | None, ascii_only: bool, detail: bool, row: int
) -> None:
    view = replace(ALL[name], ascii_only=ascii_only, choice=Choice(row=row, detail=detail))
    shown = compose(view, focus, width, height)
    assert len(shown) == height
    assert all(line_cells(one) <= width for one in shown)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(ALL)), st.integers(20, 220), st.sampled_from(sorted(PANELS)), st.booleans(),
    st.one_of(st.just(NASTY), st.text(max_size=60)),
)  # fmt: skip
def test_foreign_names_do_no_harm(name: str, width: int, panel: str, detail: bool, text: str) -> None:
    view = replace(nasty(ALL[name], text), choice=Choice(detail=detail))
    for shown in (PANELS[panel].lines(view, width, 20), compose(view, panel, width, 24)):
        for one in shown:
            assert line_cells(one) <= width, text_of(one)
            assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in text_of(one))


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_terminal_without_unicode_gets_none(name: str) -> None:
    view = replace(nasty(ALL[name], NASTY), ascii_only=True)
    for panel in PANELS.values():
        assert all(text_of(one).isascii() for one in panel.lines(view, 80, 30))
    assert all(text_of(one).isascii() for one in compose(view, None, 120, 40))


def test_every_width_of_every_situation() -> None:
    for name, view in ALL.items():
        for width in (20, 59, 80, 109, 120, 220):
            for panel in PANELS.values():
                for height in (2, 9):
                    shown = panel.lines(view, width, height)
                    assert len(shown) <= height, (name, panel.TITLE)
                    assert all(line_cells(one) <= width for one in shown), (name, panel.TITLE, width)


@given(st.text(max_size=40), st.integers(0, 30))
def test_text_is_cut_between_characters(text: str, width: int) -> None:
    clean = "".join(one for one in text if unicodedata.category(one)[0] != "C")
    assert cells(cut(clean, width)) <= width
    assert clean.startswith(cut(clean, width))
    assert cells(shorten(clean, width)) <= width
    assert cells(shorten_middle(clean, width)) <= width
    assert cells(pad(clean, width)) == max(width, cells(clean))


def test_wide_characters_take_two_cells() -> None:
    assert cells("量化") == 4
    assert shorten("量化版本", 6) == "量化…"
    assert shorten_middle("a-rather-long-name-Q4_K_M.gguf", 20).endswith("_M.gguf")
    assert cells("e\u0301") == 1


def test_an_area_has_its_size_whatever_the_values() -> None:
    values: Sequence[float | None] = [None, 0.0, 1.0, 5.0, 99.0, None]
    for plain in (False, True):
        rows = area(values, 7, 3, 10.0, plain)
        assert [len(row) for row in rows] == [7, 7, 7]
    assert area([10.0, 10.0], 1, 2, 10.0) == ["⣿", "⣿"]
    assert area([None, None], 1, 1, 10.0) == [" "], "a gap is a gap"
    assert area([0.001, 0.0], 1, 1, 10.0) == ["⡀"], "a little is seen"
    assert area([5.0], 1, 2, 10.0, ascii_only=True) == [" ", "#"]
    assert len(chart("title", [], 30, 5, 10.0, str)) == 5


def test_the_end_of_an_axis_is_round_and_stays() -> None:
    assert nice_top([41.0, None], 10) == 50
    assert nice_top([42.5], 10) == 50
    assert nice_top([], 10) == 10
    assert nice_top([1e9], 10) == 1e9


def test_bars() -> None:
    assert "".join(part.text for part in bar(0.5, 10)) == "━━━━━─────"
    assert "".join(part.text for part in bar(0.55, 10)) == "━━━━━╸────"
    assert "".join(part.text for part in bar(2.0, 4, ascii_only=True)) == "####"
    assert many_bars([0.0, 0.5, 1.0], 3) == ("▁▅█", 1)
    text, of_each = many_bars([1.0] * 320, 80)
    assert (len(text), of_each) == (80, 2)
    text, of_each = many_bars([0.5] * 320, 160)
    assert (len(text), of_each) == (160, 1)
    assert many_bars([], 10) == ("", 1)


def test_numbers_keep_their_width() -> None:
    for value in (0.0, 0.07, 1.0, 9.99, 9.999, 99.94, 99.96, 512.0, 1023.4):
        assert len(bytes_text(value * (1 << 30))) == 8, value
    for value in (0.0, 8190, 0.11e6, 1e6, 96e6, 999.4e6, 3.12e9):
        assert len(rate_text(value)) == 11, value
    assert bytes_text(131072) == " 128 KiB"
    assert rate_text(8190) == "   0.0 MB/s"
    assert bytes_text(0) == "   0 MiB"
    assert [count_text(value) for value in (0, 312, 4120, 12_345, 1_310_720)] == ["0", "312", "4.1k", "12k", "1.3M"]
    assert [seconds_text(value) for value in (0.0012, 0.31, 1.42, 120)] == ["1.2 ms", "310 ms", "1.4 s", "120 s"]
    assert [lasting_text(value) for value in (8, 194, 7500, 300_000)] == ["8 s", "3 min", "2 h 05", "3 days"]
    assert cpu_list([0, 1, 2, 3, 8, 10, 11]) == "0-3,8,10-11"


def test_all_situations_are_covered() -> None:
    assert set(ALL) == {"starting", "first_reading", *SCENES}

"""What is cut where a line is too narrow: never the end of a file's name, the clock or half a sentence of the help."""

import pytest

from llmtune.tui.cells import cells, line_cells, shorten_path
from llmtune.tui.dialogs.help import help_lines
from llmtune.tui.footer import footer
from llmtune.tui.keys import KEYS
from llmtune.tui.line import text_of

STATUS = "1 min  every 1 s  14:58:32"
PATH = "/home/somebody/a folder with a long name/and one more below it/llmtune-20261121-145812.record"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_clock_is_whole_at_every_width(ascii_only: bool) -> None:
    for width in range(36, 200):
        for mode in ("", "PAUSED", "37 s AGO"):
            shown = footer(width, mode, "", STATUS, ascii_only)
            assert line_cells(shown) <= width
            assert text_of(shown).endswith("14:58:32") or not text_of(shown).rstrip().endswith("14:58")
            if width >= 60:
                assert text_of(shown).endswith(STATUS)


@pytest.mark.parametrize("note", [f"written: {PATH}", f"recording to {PATH}; R ends it"])
@pytest.mark.parametrize("width", [60, 80, 100, 110])
def test_a_files_own_name_is_told_whole(note: str, width: int) -> None:
    for mode in ("", "37 s AGO"):
        for ascii_only in (False, True):
            shown = footer(width, mode, note, STATUS, ascii_only)
            assert line_cells(shown) <= width
            assert "/llmtune-20261121-145812.record" in text_of(shown)


def test_short_notes_leave_the_status() -> None:
    assert text_of(footer(100, "", "charts of 10 min", STATUS, False)).endswith(STATUS)


def test_paths_in_few_cells() -> None:
    for width in range(1, 120):
        for text in (PATH, "no path at all, but a long sentence", "/" * 50, "文" * 40 + "/文"):
            assert cells(shorten_path(text, width)) <= width
            assert cells(shorten_path(text, width, True)) <= width


def test_the_help_cuts_no_sentence() -> None:
    for width in (36, 56, 76):
        lines = help_lines(width)
        assert all(line_cells(one) <= width for one in lines)
        told = " ".join(" ".join(map(text_of, lines)).split())
        assert all(" ".join(key.what.split()) in told for key in KEYS if key.shown)

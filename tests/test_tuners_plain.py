"""Values of journals, written and read strictly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from llmtune.tuners.plain import Plain, as_json, from_json, replaced


class Part(Plain):
    key: str
    sizes: dict[str, str | None] = {}  # noqa: RUF012


class Whole(Plain):
    kind: Literal["whole"] = "whole"
    number: int
    name: str | None
    sure: bool = False
    parts: tuple[Part, ...]


WHOLE = Whole(number=3, name="a", parts=(Part(key="k", sizes={"b": None, "a": "1"}),))


def test_what_was_written_is_read() -> None:
    text = as_json(WHOLE)
    assert json.loads(text) == {
        "kind": "whole",
        "number": 3,
        "name": "a",
        "sure": False,
        "parts": [{"key": "k", "sizes": {"b": None, "a": "1"}}],
    }
    assert list(json.loads(text)) == ["kind", "number", "name", "sure", "parts"]
    assert from_json(Whole, text) == WHOLE
    assert from_json(Whole, as_json(WHOLE, indent=1).encode()) == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "NaN",
        '{"number": 1, "name": "a"}',
        '{"number": "1", "name": "a", "parts": []}',
        '{"number": 1.0, "name": "a", "parts": []}',
        '{"number": true, "name": "a", "parts": []}',
        '{"number": 1, "name": 2, "parts": []}',
        '{"number": 1, "name": "a", "parts": {}}',
        '{"number": 1, "name": "a", "parts": [1]}',
        '{"number": 1, "name": "a", "parts": [{"key": "k", "sizes": {"a": 1}}]}',
        '{"number": 1, "name": "a", "parts": [], "more": 1}',
        '{"number": 1, "name": "a", "parts": [], "kind": "part"}',
        '{"number": 1, "name": "a", "parts": [], "kind": ["whole"]}',
        '{"number": 1, "name": "a", "parts": [], "sure": 1}',
        '{"number": 1, "name": "\\ud800", "parts": []}',
        '{"number": ' + "9" * 10_000 + ', "name": "a", "parts": []}',
        b'{"number": 1, "name": "\xff", "parts": []}',
    ],
)
def test_anything_else_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whichever, its words are not shown
        from_json(Whole, text)


def test_values_are_frozen_and_share_nothing() -> None:
    with pytest.raises(AttributeError):
        WHOLE.number = 4  # type: ignore[misc]
    first, second = Part(key="a"), Part(key="b")
    first.sizes["x"] = "1"
    assert second.sizes == {}
    assert replaced(WHOLE, number=4) == Whole(number=4, name="a", parts=WHOLE.parts)
    assert replaced(WHOLE, number=4) != WHOLE


def test_fields_are_checked_when_made() -> None:
    with pytest.raises(TypeError):
        Part()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Part(key="a", more=1)  # type: ignore[call-arg]


def test_to_apply_and_to_put_back_pydantic_is_not_loaded() -> None:
    code = "import llmtune.cli.applying, llmtune.cli.rolling_back, sys; sys.exit('pydantic' in sys.modules)"
    path = str(Path(__file__).parent.parent / "build" / "path")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == 0

"""What is shown, as a file."""

import json
import os
import re
from collections.abc import Callable

from .dialogs.dialog import AskDialog
from .layout import compose
from .line import text_of
from .recording import fresh_name
from .view import View

WIDTH = 100
MAX_HEIGHT = 400


def export_dialog(view: View, focus: str | None, tell: Callable[[str], None]) -> AskDialog:
    """Ask in which form; `view` is what is shown now."""

    def write(answer: str) -> None:
        ending, make = {"m": ("md", markdown), "t": ("txt", text), "j": ("json", as_json)}[answer]
        tell(write_new(fresh_name("llmtune-monitor", ending), make(view)))

    try:
        folder = os.getcwd()
    except OSError as error:
        folder = f"a folder that is gone ({error.strerror})"
    answers = (("m", "Markdown"), ("t", "text"), ("j", "JSON: the sample as it was read"))
    return AskDialog("Write what is shown to a file", (f"In {folder}:",), answers, write)


def write_new(name: str, content: str) -> str:
    """Write a file that must not be there yet; tells what came of it."""
    try:
        path = os.path.abspath(name)
        # What runs here is its user's own, as in records.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        # Names of files may hold bytes that are no text.
        with open(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(content)
    except OSError as error:
        return f"{name}: {error.strerror or error}"
    return f"written: {path}"


def text(view: View) -> str:
    """All panels in full."""
    lines = [text_of(one).rstrip() for one in compose(view, None, WIDTH, MAX_HEIGHT)]
    return "\n".join(lines).rstrip() + "\n"


def markdown(view: View) -> str:
    """All panels in full, literally."""
    verdict = view.verdict.what if view.verdict is not None else "no verdict yet"
    from ..reports.escape import markdown as literal

    shown = text(view)
    # A fence of more back-ticks than any in the text cannot be ended by it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"# llmtune monitor\n\n{literal(verdict)}\n\n{fence}text\n{shown}{fence}\n"


def as_json(view: View) -> str:
    """The sample and the verdicts."""
    verdicts = [one for one in (view.verdict, *view.others) if one is not None]
    found = {
        "schema_version": 1,
        "sample": view.sample.model_dump(mode="json") if view.sample is not None else None,
        "verdicts": [one.model_dump(mode="json") for one in verdicts],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"

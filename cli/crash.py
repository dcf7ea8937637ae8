"""A bug in llmtune: one line for the user, the traceback in a file."""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..reports.escape import printable

_WEBHOOK = "--webhook"


def report_crash(error: Exception, arguments: Sequence[str]) -> None:
    """Write the traceback below the user's state directory and say where it is."""
    header = f"llmtune {__version__} {' '.join(without_secrets(arguments))}\nPython {sys.version}\n\n"
    text = header + "".join(traceback.format_exception(error))
    try:
        where = _write(text)
    except OSError:
        sys.stderr.write(text)
        where = "above"
    what = printable(f"{type(error).__name__}: {error}")
    sys.stderr.write(f"llmtune: internal error: {what}; please report it, details: {where}\n")


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """The report is to be sent to others, and a webhook's address is the key to it."""
    pairs = zip(["", *arguments], arguments, strict=False)
    return [
        "..." if before == _WEBHOOK else f"{_WEBHOOK}=..." if one.startswith(f"{_WEBHOOK}=") else one
        for before, one in pairs
    ]


def _write(text: str) -> str:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    folder = Path(state) / "llmtune"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix="crash-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
    ) as file:
        file.write(text)
    return file.name

"""A bug in llmtune: one line for the user, the traceback in a file."""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from .. import __version__


def report_crash(error: Exception, arguments: Sequence[str]) -> None:
    """Write the traceback below the user's state directory and say where it is."""
    header = f"llmtune {__version__} {' '.join(arguments)}\nPython {sys.version}\n\n"
    text = header + "".join(traceback.format_exception(error))
    try:
        where = _write(text)
    except OSError:
        sys.stderr.write(text)
        where = "above"
    sys.stderr.write(f"llmtune: internal error: {type(error).__name__}: {error}; please report it, details: {where}\n")


def _write(text: str) -> str:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    folder = Path(state) / "llmtune"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix="crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    return file.name

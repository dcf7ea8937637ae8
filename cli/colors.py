"""Whether colours are wanted."""

import os


def wants_color(no_color: bool) -> bool | None:
    """False where colours are not wanted (https://no-color.org), else None: click decides by the terminal."""
    return False if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None

"""`90s`, `10m`, `2h` on the command line."""

import re
from typing import Any

import click

_FORM = re.compile(r"(\d{1,6})\s*(s|m|min|h)?\Z", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, None: 60}
_MOST_SECONDS = 7 * 86400


class Duration(click.ParamType[int]):
    """Seconds; a bare number is minutes."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """From 5 seconds to a week."""
        if isinstance(value, int):
            return value
        found = _FORM.match(str(value))
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not 5 <= seconds <= _MOST_SECONDS:
            self.fail(f"{value!r} is no time such as 90s, 10m or 2h (5 seconds to a week)", param, ctx)
        return seconds

"""The list of keys."""

from ..cells import pad
from ..keys import KEYS
from ..line import Line, Span, line
from .dialog import wrapped

COLOURS = (
    "Colours tell what is bad, not what is busy: a GPU at 100 % is doing its work. "
    "Rates are of the time between two samples. What a machine does not tell is shown as such."
)


def help_lines(width: int) -> list[Line]:
    """Every key."""
    keys = [line(Span(pad(key.shown, 10), "accent"), f" {key.what}") for key in KEYS if key.shown]
    return [*keys, (), *wrapped(COLOURS, width)]

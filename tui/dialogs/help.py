"""The list of keys."""

from ..cells import pad
from ..keys import KEYS
from ..line import Line, Span, line
from .dialog import wrapped

_SHOWN = 10
COLOURS = (
    "Colours tell what is bad, not what is busy: a GPU at 100 % is doing its work. "
    "Rates are of the time between two samples. What a machine does not tell is shown as such."
)


def help_lines(width: int) -> list[Line]:
    """Every key."""
    keys: list[Line] = []
    for key in KEYS:
        if key.shown:
            first, *more = wrapped(key.what, width - _SHOWN - 1)
            keys.append(line(Span(pad(key.shown, _SHOWN), "accent"), " ", *first))
            keys += [line(" " * (_SHOWN + 1), *rest) for rest in more]
    return [*keys, (), *wrapped(COLOURS, width)]

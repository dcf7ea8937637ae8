"""`SystemSetting`: one change of the system that is advised, and `SystemAdvice`: all of them."""

from typing import Literal

from ...probe.reading import Reading
from ..finding import Effect

Kind = Literal["right", "not-applicable", "unknown", "declined"]
"""`unknown`: the machine does not tell, and that is never shown as right; `declined`: it could be set, better not."""


class SystemSetting(Reading):
    """What to change. The key is one of `tuners/knobs/catalogue.py`."""

    key: str
    value: str
    found: str | None
    """The value when it was advised."""
    reason: str
    """Why it helps this machine, with the readings."""
    effect: Effect
    risk: str | None = None
    """What may get worse, or None."""
    required: bool = False
    """Whether the rest makes no sense without it: then a refusal undoes all."""
    at_least: bool = False
    """A larger value is right too."""
    keep_short: bool = False
    """A part of what is asked for (fewer huge pages) is of use."""


class LeftOut(Reading):
    """A setting that is not advised here, and why."""

    key: str
    reason: str
    kind: Kind = "declined"


class SystemAdvice(Reading):
    """What a profile means on one machine."""

    profile: str
    settings: tuple[SystemSetting, ...]
    """In the order in which they are to be made."""
    left_out: tuple[LeftOut, ...]
    conflicts: tuple[str, ...] = ()
    """Other programs that set the same, in words: named, not fought."""

"""How what could not be read is told. Without pydantic: commands that only act need no more of the probes than this."""

from typing import Literal

GapReason = Literal["missing", "denied", "malformed", "timed out", "not asked"]


class Unreadable(Exception):
    """A source could not answer. Raised by sources only; `Host` turns it into a `Gap`."""

    def __init__(self, reason: GapReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: GapReason = reason
        self.detail = detail


class Malformed(ValueError):
    """A parser was given text that does not follow its format. The only error parsers raise."""

"""The base of everything that is read, and how what could not be read is told."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

GapReason = Literal["missing", "denied", "malformed", "timed out", "not asked"]


class Reading(BaseModel):
    """A frozen value that passes between rooms. `None` in a field means: this machine does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Gap(Reading):
    """Something that was looked for and could not be read."""

    probe: str
    """The probe that asked."""
    source: str
    """The path, call or address that was asked."""
    reason: GapReason
    detail: str = ""
    """The error in words, or the offending raw value."""


class Unreadable(Exception):
    """A source could not answer. Raised by sources only; `Host` turns it into a `Gap`."""

    def __init__(self, reason: GapReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: GapReason = reason
        self.detail = detail


class Malformed(ValueError):
    """A parser was given text that does not follow its format. The only error parsers raise."""

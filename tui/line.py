"""Lines of styled text: what panels make, and widgets, dumps and plain mode show."""

from typing import Literal, NamedTuple

from ..reports.escape import printable

Style = Literal["plain", "dim", "bold", "title", "good", "notice", "bad", "accent", "selected"]
"""`good`, `notice` and `bad` are judgements: a load that is as it should be is never coloured."""


class Span(NamedTuple):
    """A piece of one line, already printable."""

    text: str
    style: Style = "plain"


Line = tuple[Span, ...]


def span(text: object, style: Style = "plain") -> Span:
    """A piece of foreign text, made printable."""
    return Span(printable(str(text)), style)


def line(*parts: str | Span) -> Line:
    """A line of our own words and of spans."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def text_of(spans: Line) -> str:
    """Without styles."""
    return "".join(part.text for part in spans)

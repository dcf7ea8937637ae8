"""What boxes are made of, and how they are laid over the screen."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Protocol

from ...reports.escape import printable
from ..cells import clip, cut, line_cells, padded
from ..line import Line, Span, line

_EDGES = {False: "┌─┐│└┘", True: "+-+|++"}


class Dialog(Protocol):
    """A box. A key either changes it or closes it."""

    title: str

    def lines(self, width: int, height: int) -> list[Line]:
        """Its inside, in at most so many cells."""
        ...

    def key(self, key: str, character: str | None) -> bool:
        """True closes it; the key and what it would type."""
        ...


def overlay(below: Sequence[Line], dialog: Dialog, width: int, height: int, ascii_only: bool) -> list[Line]:
    """The screen with the box in its middle; rows beside it are blank."""
    corners = _EDGES[ascii_only]
    inside = max(min(width - 4, 78), 1)
    content = [clip(one, inside, ascii_only) for one in dialog.lines(inside, max(height - 2, 1))][: max(height - 2, 1)]
    left = " " * max((width - inside - 4) // 2, 0)
    title = cut(f" {printable(dialog.title)} ", max(inside, 0))
    top = corners[0] + corners[1] + title + corners[1] * max(inside + 1 - line_cells((Span(title),)), 0) + corners[2]
    box = [line(left, Span(top, "title"))]
    edge = Span(left + corners[3] + " "), Span(" " + corners[3])
    box += [(edge[0], *padded(one, inside), edge[1]) for one in content]
    box.append(line(left + corners[4] + corners[1] * (inside + 2) + corners[5]))
    start = max((height - len(box)) // 2, 0)
    rows = list(below) + [()] * (height - len(below))
    rows[start : start + len(box)] = box[: height - start]
    return rows[:height]


def wrapped(text: str, width: int) -> list[Line]:
    """Text, foreign or ours, in printable lines."""
    found: list[Line] = []
    for paragraph in text.split("\n"):
        found += [line(one) for one in textwrap.wrap(printable(paragraph), max(width, 1))] or [()]
    return found


class TextDialog:
    """Text to read; scrolls. Some keys may do something: they close it and call back."""

    def __init__(
        self,
        title: str,
        make: Callable[[int], list[Line]],
        keys: Sequence[tuple[str, str, Callable[[], None]]] = (),
    ) -> None:
        self.title = title
        self._make = make
        self._keys = keys
        self._top = 0
        self._page = 1
        self._last = 0

    def lines(self, width: int, height: int) -> list[Line]:
        """A page, and what the keys do."""
        text = self._make(width)
        self._page = max(height - 2, 1)
        self._last = max(len(text) - self._page, 0)
        self._top = min(self._top, self._last)
        more = f"  {self._top + 1}-{min(self._top + self._page, len(text))} of {len(text)}" if self._last else ""
        hints = "  ".join([*(f"{key} {what}" for key, what, _ in self._keys), "Esc close"])
        return [*text[self._top : self._top + self._page], (), line(Span(hints + more, "dim"))]

    def key(self, key: str, character: str | None) -> bool:
        """Scroll, act or close."""
        for wanted, _, act in self._keys:
            if character == wanted:
                act()
                return True
        moves = {"down": 1, "j": 1, "up": -1, "k": -1, "pagedown": self._page, "space": self._page}
        moves |= {"pageup": -self._page, "home": -self._last, "end": self._last}
        if key in moves:
            self._top = min(max(self._top + moves[key], 0), self._last)
            return False
        return True


class AskDialog:
    """A question with a few answers, each by one key; any other key answers nothing."""

    def __init__(
        self, title: str, text: Sequence[str], answers: Sequence[tuple[str, str]], done: Callable[[str], None]
    ) -> None:
        self.title = title
        self._text = text
        self._answers = answers
        self._done = done

    def lines(self, width: int, height: int) -> list[Line]:
        """The question and the answers."""
        found = [one for text in self._text for one in wrapped(text, width)]
        keys = [line(Span(f"{key}  ", "bold"), what) for key, what in (*self._answers, ("Esc", "do nothing"))]
        return [*found[: max(height - len(keys) - 1, 1)], (), *keys]

    def key(self, key: str, character: str | None) -> bool:
        """An answer or a closing key; all else is no answer."""
        if key in ("escape", "ctrl+c", "q"):
            return True
        for answer, _ in self._answers:
            if character == answer:
                self._done(answer)
                return True
        return False


class InputDialog:
    """One line to type."""

    def __init__(self, title: str, hint: str, value: str, done: Callable[[str], str | None]) -> None:
        """`done` tells what is wrong with the text, or None where it is taken."""
        self.title = title
        self._hint = hint
        self._text = value
        self._done = done
        self._wrong = ""

    def lines(self, width: int, height: int) -> list[Line]:
        """What was typed, and what is wrong with it."""
        shown = self._text[-(width - 4) :] if width > 4 else ""
        note = Span(self._wrong, "bad") if self._wrong else Span(self._hint, "dim")
        return [line("> ", Span(shown), Span(" ", "selected")), (), line(note)]

    def key(self, key: str, character: str | None) -> bool:
        """Type, take or give up."""
        if key in ("escape", "ctrl+c"):
            return True
        if key == "enter":
            self._wrong = self._done(self._text) or ""
            return not self._wrong
        if key in ("backspace", "ctrl+h"):
            self._text = self._text[:-1]
        elif key == "ctrl+u":
            self._text = ""
        elif character is not None and character.isprintable():
            self.paste(character)
        return False

    def paste(self, text: str) -> None:
        """Add a piece of text."""
        self._text = (self._text + "".join(one for one in text if one.isprintable()))[:200]

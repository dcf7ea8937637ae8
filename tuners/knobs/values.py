"""The forms that values of kernel files take: numbers, words, the chosen one in brackets."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .knob import Refused

_NUMBER = re.compile(r"-?\d{1,19}\Z", re.ASCII)
_WORD = re.compile(r"[\w.:/+-]{1,80}\Z", re.ASCII)
_CHOSEN = re.compile(r"\[([^\[\]\s]+)\]")

Raw = Callable[[], str]


class Values(Protocol):
    """What a knob may hold."""

    def parse(self, raw: str) -> str:
        """The kernel's text in canonical form; raises ValueError."""
        ...

    def canonical(self, asked: str, read_raw: Raw) -> str:
        """What a person asks for in canonical form; raises `Refused`."""
        ...

    def holds(self, value: str) -> bool:
        """Whether text is in canonical form."""
        ...

    def matches(self, asked: str, found: str) -> bool:
        """Whether the kernel makes `found` of `asked`."""
        ...


@dataclass(frozen=True)
class Integer:
    """A decimal number. Kernels read 010 as 8 and take the first of two numbers, so only plain decimals pass."""

    low: int
    high: int
    unit: str = ""
    rounded_to: int = 1
    """The kernel may round to a multiple of this, downwards."""
    slack: int = 0
    """The kernel may miss by so much (jiffies)."""
    refuses: str | None = None
    """A value in range that the kernel does not take, such as 0 in `vm.dirty_bytes`."""

    def parse(self, raw: str) -> str:
        """The number."""
        if not _NUMBER.match(raw):
            raise ValueError(raw)
        return str(int(raw))

    def canonical(self, asked: str, read_raw: Raw) -> str:
        """A number in range."""
        del read_raw
        unit = f" {self.unit}" if self.unit else ""
        if not _NUMBER.match(asked) or asked != str(int(asked)):
            raise Refused(f"a whole number from {self.low} to {self.high}{unit} is needed")
        if not self.low <= int(asked) <= self.high:
            raise Refused(f"it must be from {self.low} to {self.high}{unit}")
        if asked == self.refuses:
            raise Refused("the kernel does not take it; set the other of the pair")
        return str(int(asked))

    def holds(self, value: str) -> bool:
        """Whether it is a number."""
        return bool(_NUMBER.match(value))

    def matches(self, asked: str, found: str) -> bool:
        """Equal up to rounding."""
        if asked == found:
            return True
        if not (self.holds(asked) and self.holds(found)):
            return False
        wanted, got = int(asked), int(found)
        return (self.rounded_to > 1 and got == wanted - wanted % self.rounded_to) or abs(got - wanted) <= self.slack


@dataclass(frozen=True)
class Word:
    """One word, of these where they are named."""

    choices: tuple[str, ...] = ()

    def parse(self, raw: str) -> str:
        """The word."""
        if not _WORD.match(raw):
            raise ValueError(raw)
        return raw

    def canonical(self, asked: str, read_raw: Raw) -> str:
        """One of the choices."""
        del read_raw
        if not _WORD.match(asked) or (self.choices and asked not in self.choices):
            raise Refused(f"it must be one of {', '.join(self.choices)}" if self.choices else "one word is needed")
        return asked

    def holds(self, value: str) -> bool:
        """Whether it is one word."""
        return bool(_WORD.match(value))

    def matches(self, asked: str, found: str) -> bool:
        """Equal."""
        return asked == found


@dataclass(frozen=True)
class Bracketed(Word):
    """The kernel lists what can be had with the chosen one in brackets: `always [madvise] never`."""

    def parse(self, raw: str) -> str:
        """The word in brackets; a lone word counts too (`none` where there is no choice)."""
        chosen = _CHOSEN.search(raw)
        return super().parse(chosen[1] if chosen else raw)

    def canonical(self, asked: str, read_raw: Raw) -> str:
        """One of those that the kernel lists."""
        offered = read_raw().replace("[", " ").replace("]", " ").split()
        if asked not in offered:
            raise Refused(f"it must be one of {', '.join(offered)}")
        return super().canonical(asked, read_raw)

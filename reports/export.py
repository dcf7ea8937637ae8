"""Settings for people who manage machines with other tools: what a format can say, and what it cannot."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..tuners.knobs.catalogue import expand, resolve
from ..tuners.knobs.hugepages import PoolKnob
from ..tuners.knobs.kernel_file import FileKnob, Tree
from ..tuners.knobs.knob import Knob, Unavailable
from ..tuners.knobs.system_files import MemlockKnob
from ..tuners.persist import lasts_by_itself
from ..tuners.prepare import Wish

_SYSCTL = re.compile(r"sysctl -w ([\w.-]+)=\{\}\Z", re.ASCII)


@dataclass(frozen=True)
class Item:
    """One setting, as other tools see it."""

    key: str
    value: str
    knob: Knob
    reason: str | None
    at_least: bool = False

    @property
    def sysctl(self) -> str | None:
        """The name of the sysctl, or None."""
        shown = self.knob.shown if isinstance(self.knob, FileKnob) else None
        found = _SYSCTL.match(shown or "")
        return found[1] if found else None

    @property
    def sysfs(self) -> str | None:
        """The path below /sys of a file that takes the value as it is, or None."""
        path = self.path
        return path if path is not None and path.startswith("/sys/") else None

    @property
    def path(self) -> str | None:
        """The kernel's file that takes the value as it is, or None."""
        return self.knob.path if isinstance(self.knob, FileKnob) and self.knob.plain else None

    @property
    def written(self) -> tuple[str, str] | None:
        """The path and content of a file that llmtune would write, or None."""
        if isinstance(self.knob, MemlockKnob):
            return self.knob.place.path, self.knob.render(self.value).decode()
        return None

    @property
    def command(self) -> str:
        """The shell command."""
        return self.knob.command(self.value)


@dataclass(frozen=True)
class Exported:
    """A file for another tool."""

    text: str
    left_out: tuple[str, ...]
    """What the format cannot say: one line each, also told in the text."""


def items(wishes: Iterable[Wish], reasons: dict[str, str], tree: Tree) -> list[Item]:
    """The settings with their values checked; a later one of the same key counts. Raises `Refused`."""
    found: dict[str, Item] = {}
    for wish in wishes:
        for key in expand(wish.key, tree):
            knob = resolve(key, tree)
            try:
                value = knob.canonical(wish.value)
            except Unavailable:
                value = wish.value  # for another machine than this one
            found.pop(key, None)
            found[key] = Item(key, value, knob, reasons.get(wish.key), wish.at_least)
    return list(found.values())


def belongs_to_this_boot(item: Item) -> bool:
    """Whether a setting is of a process that other machines do not have."""
    return lasts_by_itself(item.key) and item.written is None


def notes(item: Item) -> list[str]:
    """What a person should know of a setting: why, and what is lost in another tool's hands."""
    lines = [] if item.reason is None else [" ".join(item.reason.split())]
    if item.at_least:
        lines.append("llmtune leaves a larger value as it is; this sets it all the same.")
    if isinstance(item.knob, PoolKnob):
        lines.append("Fewer pages may be granted than asked for, and nobody says so: look afterwards.")
    if "@" in item.key and item.written is None:
        lines.append("Named as on the machine where this was made: other machines may call it otherwise.")
    return lines


def comment(lines: Iterable[str], indent: str = "") -> list[str]:
    """Lines as comments; no character can end one early."""
    return [indent + "# " + "".join(c if c.isprintable() else "?" for c in line) for line in lines]

"""Priorities of swap areas: swapon(2), /proc/swaps.

The kernel takes a priority only when an area is switched on, so a change switches it off and on again. That moves all
its pages back into memory: it is done only while the area is empty.
"""

import ctypes
import errno
import os
import re
import shlex
from dataclasses import dataclass

from .kernel_file import LIVE, Tree
from .knob import Gone, Knob, Refused, Unavailable

KEYS = ("swap.priority@PATH",)
_PATH = re.compile(r"/[\w./@:+-]{1,200}\Z", re.ASCII)
_PRIORITY = re.compile(r"-?\d{1,5}\Z", re.ASCII)
_HIGHEST = 32767
_PREFER = 0x8000
"""SWAP_FLAG_PREFER of linux/swap.h; the priority is in the bits below."""
OFF = "off"
"""The area is known to be there and not in use: what a killed change leaves."""


@dataclass(frozen=True)
class SwapKnob(Knob):
    """The priority of one swap area."""

    key: str
    path: str
    tree: Tree = LIVE

    def read(self) -> str:
        """The priority, or `off`; raises `Unavailable`."""
        found = self._line()
        if found is None:
            if not self.tree.exists(self.path):
                raise Gone(f"{self.key}: there is no such file or device")
            return OFF
        return found[4]

    def write(self, value: str) -> None:
        """Switch the area off, if it is on and empty, and on again."""
        found = self._line()
        if found is not None:
            if found[3] != "0":
                raise OSError(errno.EBUSY, f"{found[3]} KiB are swapped out to it; only an empty area is switched")
            _libc("swapoff", self.path.encode())
        if value != OFF:
            flags = 0 if value.startswith("-") else _PREFER | int(value)
            _libc("swapon", self.path.encode(), flags)

    def canonical(self, asked: str) -> str:
        """A priority; negative ones are the kernel's own to give."""
        if not _PRIORITY.match(asked) or not 0 <= int(asked) <= _HIGHEST:
            raise Refused(f"{self.key}: a whole number from 0 to {_HIGHEST} is needed")
        if self.read() == OFF:
            raise Refused(f"{self.key}: this swap area is not in use; llmtune changes only those that are")
        return str(int(asked))

    def holds(self, value: str) -> bool:
        """Whether it is a priority or `off`."""
        return value == OFF or bool(_PRIORITY.match(value))

    def matches(self, asked: str, found: str) -> bool:
        """Equal; negative priorities are dealt out by the kernel."""
        return asked == found or (asked.startswith("-") and found.startswith("-"))

    def command(self, value: str) -> str:
        """What people type."""
        path = shlex.quote(self.path)
        if value == OFF:
            return f"swapoff {path}"
        return f"swapoff {path} && swapon{'' if value.startswith('-') else f' -p {value}'} {path}"

    def _line(self) -> list[str] | None:
        text = self.tree.text("/proc/swaps")
        if text is None:
            raise Unavailable(f"{self.key}: /proc/swaps cannot be read")
        for line in text.splitlines()[1:]:
            parts = line.split()
            if len(parts) == 5 and parts[0] == self.path:
                return parts
        return None


def _libc(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def swap_knob(key: str, scope: str | None, tree: Tree = LIVE) -> SwapKnob | None:
    """The knob of `swap.priority` for the area at the path that `scope` names, else None."""
    if key != "swap.priority" or scope is None or not _PATH.match(scope) or ".." in scope:
        return None
    return SwapKnob(f"{key}@{scope}", scope, tree)

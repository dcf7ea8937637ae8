"""Questions to NVML of which a missing answer is `None`, and the checks that an answer is what it should be."""

from collections.abc import Mapping

from ..host import Host, Json
from ..reading import Unreadable

MAX_VALUE = 1 << 63
GPU_IS_LOST = "(NVML error 15)"


class Asker:
    """Asks a `Host`. What a GPU does not support is no gap; after a call that hangs nothing more is asked."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.hung: str | None = None
        """The call that did not come back."""
        self.lost: str | None = None
        """What NVML says when the GPU that is being read falls off the bus meanwhile."""

    def ask(self, function: str, *arguments: str | int) -> Json:
        """The answer as it is."""
        if self.hung:
            return None
        try:
            return self.host.nvml(function, *arguments)
        except Unreadable as why:
            call = f"{function}({', '.join(str(argument) for argument in arguments)})"
            if why.reason == "timed out":
                self.hung = f"{call}: {why.detail}"
            if GPU_IS_LOST in why.detail:
                self.lost = why.detail
            elif why.reason != "missing":
                self.host.note_gap(call, why)
            return None

    def integer(self, function: str, *arguments: str | int) -> int | None:
        """A count."""
        return whole(self.ask(function, *arguments))

    def positive(self, function: str, *arguments: str | int) -> int | None:
        """For what a card answers 0 when it does not know."""
        return self.integer(function, *arguments) or None

    def text(self, function: str, *arguments: str | int) -> str | None:
        """A text that is not empty."""
        answer = self.ask(function, *arguments)
        return answer.strip()[:200] or None if isinstance(answer, str) else None

    def flag(self, function: str, *arguments: str | int) -> bool | None:
        """One of 0 and 1."""
        return as_flag(self.ask(function, *arguments))

    def numbers(self, function: str, *arguments: str | int) -> tuple[int | None, ...]:
        """A list of numbers; empty where there is none."""
        answer = self.ask(function, *arguments)
        return tuple(whole(item) for item in answer[:64]) if isinstance(answer, list) else ()

    def members(self, function: str, *arguments: str | int) -> Mapping[str, Json]:
        """A structure; empty where there is none."""
        answer = self.ask(function, *arguments)
        return answer if isinstance(answer, dict) else {}


def whole(answer: Json) -> int | None:
    """A count that NVML can mean: its "not available" is all ones."""
    return answer if type(answer) is int and 0 <= answer < MAX_VALUE else None


def as_flag(answer: Json) -> bool | None:
    """0 or 1 as a truth value."""
    return bool(answer) if type(answer) is int and answer in (0, 1) else None

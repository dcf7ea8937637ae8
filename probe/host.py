"""`Host`: the only door to a machine.

Probes ask a `Host`; it asks its `Source` (the live machine, a directory tree, a recording) once per question and
remembers the answer, so everything in one snapshot is of one moment, and what was asked is exactly what a
recording holds. What a source cannot answer becomes a `Gap` here, and `None` for the probe.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard, TypeVar, cast

from .errors import Malformed, Unreadable
from .parse import natural_key, parse_cpu_list, parse_int

if TYPE_CHECKING:
    from .reading import Gap

T = TypeVar("T")

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Answer: TypeAlias = bytes | Json
Question: TypeAlias = tuple[str | int, ...]
"""A kind, then its arguments; the kinds and their answers are listed in `source.py`."""


class Source(Protocol):
    """Something that can answer questions about one machine."""

    name: str
    """What a person calls it: `this machine` or the path of a recording."""
    live: bool

    def ask(self, question: Question) -> Answer:
        """The raw answer; raises `Unreadable`."""
        ...


class Host:
    """One machine as the probes see it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.answers: dict[Question, Answer | Unreadable] = {}
        self.gaps: list[Gap] = []
        self._probe = "host"
        self._noted: set[tuple[str, str, str]] = set()

    @property
    def live(self) -> bool:
        """Whether this is the machine llmtune runs on, now."""
        return self.source.live

    @contextmanager
    def probing(self, probe: str) -> Iterator[None]:
        """Gaps noted inside carry the name `probe`."""
        before, self._probe = self._probe, probe
        try:
            yield
        finally:
            self._probe = before

    def note_gap(self, source: str, why: Unreadable | Malformed) -> None:
        """Record that `source` could not be read, once per probe, source and reason."""
        from .reading import Gap

        reason = why.reason if isinstance(why, Unreadable) else "malformed"
        detail = why.detail if isinstance(why, Unreadable) else str(why)
        if (self._probe, source, reason) not in self._noted:
            self._noted.add((self._probe, source, reason))
            self.gaps.append(Gap(probe=self._probe, source=source, reason=reason, detail=detail[:300]))

    def ask(self, *question: str | int) -> Answer:
        """The raw answer to a question; raises `Unreadable`. Probes prefer the methods below."""
        answer = self.answers.get(question, self)
        if answer is self:
            try:
                answer = self.source.ask(question)
            except Unreadable as why:
                answer = why
            self.answers[question] = answer
        if isinstance(answer, Unreadable):
            raise answer
        return cast(Answer, answer)

    def _or_gap(self, optional: bool, label: str, *question: str | int) -> Answer:
        try:
            return self.ask(*question)
        except Unreadable as why:
            if not (optional and why.reason == "missing"):
                self.note_gap(label, why)
            return None

    def data(self, path: str, *, optional: bool = False, moment: int = 0) -> bytes | None:
        """The bytes of a file (at most 16 MiB). `moment` tells repeated reads of a changing file apart."""
        question = ("read", path, moment) if moment else ("read", path)
        answer = self._or_gap(optional, path, *question)
        return answer if isinstance(answer, bytes) else None

    def text(self, path: str, *, optional: bool = False, moment: int = 0) -> str | None:
        """A file's text without surrounding white space and NULs. With `optional`, a missing file is no gap."""
        data = self.data(path, optional=optional, moment=moment)
        return None if data is None else data.decode("utf-8", "replace").strip(" \t\r\n\0")

    def parsed(self, path: str, parse: Callable[[str], T], *, optional: bool = False) -> T | None:
        """`parse` of a file's text; `Malformed` text becomes a gap."""
        text = self.text(path, optional=optional)
        if text is None:
            return None
        try:
            return parse(text)
        except Malformed as why:
            self.note_gap(path, why)
            return None

    def integer(self, path: str, low: int | None = 0, high: int | None = None, *, optional: bool = False) -> int | None:
        """A file that holds one integer within `low`..`high`."""
        return self.parsed(path, lambda text: parse_int(text, low, high), optional=optional)

    def cpu_list(self, path: str, *, optional: bool = False) -> tuple[int, ...] | None:
        """A file that holds a kernel list such as `0-3,8`."""
        return self.parsed(path, parse_cpu_list, optional=optional)

    def names(self, path: str, *, optional: bool = True, natural: bool = True) -> tuple[str, ...]:
        """The names in a directory, in natural order (costly for thousands) or plain; empty where there is none."""
        answer = self._or_gap(optional, path, "list", path)
        found = [str(name) for name in answer] if isinstance(answer, list) else []
        return tuple(sorted(found, key=natural_key if natural else None))

    def numbered(self, path: str, prefix: str) -> dict[int, str]:
        """The entries `prefix<number>` of a directory: number -> full path, in order."""
        found = {}
        for name in self.names(path, natural=False):
            number = name.removeprefix(prefix)
            if name.startswith(prefix) and number.isascii() and number.isdigit() and len(number) <= 6:
                found[int(number)] = f"{path}/{name}"
        return dict(sorted(found.items()))

    def exists(self, path: str) -> bool:
        """Whether something is at `path` (links followed)."""
        return self.stat(path) is not None

    def stat(self, path: str) -> Mapping[str, Json] | None:
        """`kind` (file, directory, block, char, other), `size`, `uid`, `gid`, `mode`, `device` and `rdev` (as 8:0)."""
        answer = self._or_gap(True, path, "stat", path)
        if not _has(answer, _STAT_MEMBERS):
            return None
        told = {name: kind for name, kind in _STAT_MORE.items() if name in answer}
        return answer if _has(answer, told) else None

    def may_open(self, path: str) -> bool | None:
        """Whether this process may open a file for reading and writing; None where only the live machine knows."""
        try:
            answer = self.ask("access", path)
        except Unreadable:
            return None
        return answer if isinstance(answer, bool) else None

    def link(self, path: str) -> str | None:
        """Where a symbolic link points, as written; None where there is no link."""
        answer = self._or_gap(True, path, "link", path)
        return answer if isinstance(answer, str) else None

    def resolve(self, path: str) -> str | None:
        """The path with all links followed, as seen from the machine's root; None where it leads nowhere."""
        answer = self._or_gap(True, path, "resolve", path)
        return answer if isinstance(answer, str) else None

    def space(self, path: str) -> Mapping[str, Json] | None:
        """`total_bytes`, `free_bytes` (for anyone) and `available_bytes` (for users) of the file system at `path`."""
        answer = self._or_gap(False, path, "space", path)
        return answer if _has(answer, _SPACE_MEMBERS) else None

    def span(self, path: str, offset: int, length: int, *, optional: bool = False) -> bytes | None:
        """`length` bytes of a file from `offset` (at most 16 MiB, fewer at the file's end)."""
        answer = self._or_gap(optional, path, "span", path, offset, length)
        return answer if isinstance(answer, bytes) else None

    def forget_span(self, path: str, offset: int, length: int) -> None:
        """Do not remember this part of a file any longer: whoever reads a large one keeps what is of use."""
        self.answers.pop(("span", path, offset, length), None)

    def counts(self, path: str, offset: int, length: int, patterns: tuple[str, ...]) -> tuple[int, ...] | None:
        """How often each bytes regular expression occurs in a span of a file (at most 64 MiB)."""
        answer = self._or_gap(False, path, "counts", path, offset, length, *patterns)
        counts = _ints(answer)
        return counts if isinstance(answer, list) and len(counts) == len(patterns) else None

    def environment(self, name: str) -> str | None:
        """A variable of llmtune's own environment."""
        answer = self._or_gap(True, f"${name}", "environment", name)
        return answer if isinstance(answer, str) else None

    def processes(self, pattern: str) -> tuple[int, ...]:
        """The ids of the processes whose name or first arguments match the regular expression `pattern`."""
        answer = self._or_gap(True, "/proc", "processes", pattern)
        return _ints(answer)

    def arguments(self, pid: int) -> tuple[str, ...]:
        """A process' command line; the values of arguments that may be secrets are already replaced."""
        answer = self._or_gap(True, f"/proc/{pid}/cmdline", "arguments", pid)
        return tuple(item for item in answer if isinstance(item, str)) if isinstance(answer, list) else ()

    def variables(self, pid: int, names: tuple[str, ...]) -> Mapping[str, str]:
        """Those of the named variables that are set in a process' environment."""
        answer = self._or_gap(True, f"/proc/{pid}/environ", "variables", pid, *names)
        return _texts(answer)

    def udev(self, subsystem: str) -> Mapping[str, Mapping[str, str]]:
        """The udev properties of a subsystem's devices: sysfs path (below /sys) -> property -> value."""
        answer = self._or_gap(False, f"udev {subsystem}", "udev", subsystem)
        return {device: _texts(properties) for device, properties in answer.items()} if isinstance(answer, dict) else {}

    def nvml(self, function: str, *arguments: str | int) -> Json:
        """What an NVML function answers, structures as dicts; raises `Unreadable`."""
        answer = self.ask("nvml", function, *arguments)
        return None if isinstance(answer, bytes) else answer

    def command(self, *argv: str, optional: bool = True) -> str | None:
        """What a program of the distribution prints (absolute path, root-owned; see `source.py`)."""
        answer = self._or_gap(optional, " ".join(argv), "command", *argv)
        return answer if isinstance(answer, str) else None

    def engine(self, path: str, *words: str) -> tuple[str | None, str]:
        """What an engine's program says to `--help` or `--version`, or None and why it was not asked."""
        try:
            answer = self.ask("engine", path, *words)
        except Unreadable as why:
            return None, why.detail or why.reason
        text = answer.get("text") if isinstance(answer, dict) else None
        return (text, "") if isinstance(text, str) else (None, "malformed")

    def strings(self, path: str, offset: int, length: int, pattern: str) -> tuple[str, ...]:
        """The different texts that a bytes regular expression's group finds in a span of a file (at most 64 MiB)."""
        answer = self._or_gap(True, path, "strings", path, offset, length, pattern)
        return tuple(item for item in answer if isinstance(item, str)) if isinstance(answer, list) else ()

    def http(self, port: int, path: str) -> str | None:
        """What a server on loopback answers to GET `path` (at most 1 MiB, within half a second)."""
        answer = self._or_gap(True, f"http://127.0.0.1:{port}{path}", "http", port, path)
        return answer if isinstance(answer, str) else None

    def clock(self, moment: int) -> float | None:
        """Monotonic seconds at a numbered moment, for rates between two reads."""
        answer = self._or_gap(True, "clock", "clock", moment)
        return float(answer) if isinstance(answer, int | float) else None

    def wait(self, seconds: float, moment: int) -> None:
        """Let at most `seconds` pass before the reads of `moment`; a recording has them already."""
        self._or_gap(True, "clock", "wait", str(seconds), moment)

    def cpuinfo(self) -> Mapping[str, Json] | None:
        """What py-cpuinfo says (takes more than a second); a tree and an older recording rightly hold no answer."""
        try:
            answer = self.ask("cpuinfo")
        except Unreadable as why:
            if why.reason != "not asked":
                self.note_gap("py-cpuinfo", why)
            return None
        return answer if isinstance(answer, dict) else None


def _ints(answer: Answer) -> tuple[int, ...]:
    # A recording from a stranger may hold anything.
    return tuple(n for n in answer if type(n) is int) if isinstance(answer, list) else ()


def _texts(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.items() if isinstance(value, str)} if isinstance(answer, dict) else {}


_STAT_MEMBERS = {"kind": str, "size": int}
_STAT_MORE = {"uid": int, "gid": int, "mode": int, "device": str, "rdev": str}
"""Not told by archives of trees: there they are whoever packed it."""
_SPACE_MEMBERS = {"total_bytes": int, "free_bytes": int, "available_bytes": int}


def _has(answer: Answer, members: Mapping[str, type]) -> TypeGuard[dict[str, Json]]:
    return isinstance(answer, dict) and all(isinstance(answer.get(name), kind) for name, kind in members.items())

"""Machines made of a few files, read through the same door as real ones."""

from collections.abc import Mapping
from pathlib import Path

from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.reading import Unreadable
from llmtune.probe.tree import TreeSource


class Link(str):
    """The target of a symbolic link."""

    __slots__ = ()


def write_tree(root: Path, files: Mapping[str, str | bytes | Link]) -> Path:
    """Write `files` (machine path -> content or Link) below `root`, with empty proc and sys beside them."""
    for name in ("proc", "sys"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            place.symlink_to(content)
        elif isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.write_text(content)
    return root


class AnsweringTree(TreeSource):
    """A tree that also answers what files cannot: NVML, udev, HTTP ..."""

    def __init__(self, root: Path, answers: Mapping[Question, Answer | Unreadable]) -> None:
        super().__init__(str(root))
        self.extra = answers

    def ask(self, question: Question) -> Answer:
        if question in self.extra:
            answer = self.extra[question]
            if isinstance(answer, Unreadable):
                raise answer
            return answer
        return super().ask(question)


def tree_host(
    root: Path,
    files: Mapping[str, str | bytes | Link],
    answers: Mapping[Question, Answer | Unreadable] | None = None,
) -> Host:
    """A `Host` over a tree of `files`, with further `answers`."""
    return Host(AnsweringTree(write_tree(root, files), answers or {}))

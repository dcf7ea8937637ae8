"""A launch as a command that a person can paste into a shell."""

from collections.abc import Iterator, Sequence

from ..advisors.plan import Launch
from .quoting import shell_word

WIDTH = 96


def render_command(launch: Launch, *, broken: bool = False) -> str:
    """On one line, or on several that end in backslashes."""
    variables = [f"{name}={shell_word(value)}" for name, value in launch.env.items()]
    words = [*variables, *map(shell_word, (*binding_words(launch), *launch.argv))]
    if not broken:
        return " ".join(words)
    return " \\\n".join(broken_lines(words))


def binding_words(launch: Launch) -> tuple[str, ...]:
    """What stands before the program: niceness, I/O class, CPUs and memory nodes."""
    words: list[str] = []
    if launch.nice is not None:
        words += ["nice", "-n", str(launch.nice)]
    if launch.io_class is not None:
        words += ["ionice", "-c", {"best-effort": "2", "idle": "3"}[launch.io_class]]
    if launch.binding.memory_policy != "default" and launch.binding.memory_nodes:
        policy = {"bind": "--membind", "interleave": "--interleave"}[launch.binding.memory_policy]
        words += ["numactl", f"{policy}={ranges(launch.binding.memory_nodes)}"]
        if launch.binding.cpus:
            words.append(f"--physcpubind={ranges(launch.binding.cpus)}")
        words.append("--")
    elif launch.binding.cpus:
        words += ["taskset", "-c", ranges(launch.binding.cpus)]
    return tuple(words)


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as the kernel's lists: `0-3,8`."""
    parts: list[str] = []
    ordered = sorted(set(numbers))
    start = 0
    for at, number in enumerate(ordered):
        if at + 1 == len(ordered) or ordered[at + 1] != number + 1:
            parts.append(str(number) if ordered[start] == number else f"{ordered[start]}-{number}")
            start = at + 1
    return ",".join(parts)


def broken_lines(words: Sequence[str]) -> Iterator[str]:
    """Options with their values together, as many as fit a line."""
    line = ""
    for group in _groups(words):
        if line and len(line) + 1 + len(group) > WIDTH:
            yield line
            line = "  " + group
        else:
            line = f"{line} {group}" if line else group
    if line:
        yield line


def _groups(words: Sequence[str]) -> Iterator[str]:
    group: list[str] = []
    for word in words:
        if group and (word.startswith("-") or not group[0].startswith("-") or len(group) > 1):
            yield " ".join(group)
            group = []
        group.append(word)
    if group:
        yield " ".join(group)

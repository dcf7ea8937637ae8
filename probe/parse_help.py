"""Read the `--help` of llama.cpp's programs and of its forks, new and old.

An entry is a line that begins (within a few columns, after a `*` in old builds) with an option; its spellings stand
between commas, then what it takes, then, two spaces on or on the next lines, what it does.
"""

import re

_FIRST_COLUMNS = 12
_MAX_LINES = 20_000
_OPTION = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9_.-]*")
_CHOICES = re.compile(r"[\[{<(]([A-Za-z0-9_+-]+(?:[|,]\s?[A-Za-z0-9_+-]+)+)[\]})>]")
_ALLOWED = re.compile(r"(?:allowed values|one of|options): ?((?:[a-z0-9_+]+, )*[a-z0-9_+]+)")
_BULLET = re.compile(r"- ([a-z0-9_+-]+)(?: \(default\))?:")
_GONE = ("has been removed", "no longer supported")
_VERSION = re.compile(r"version:\s+(\S+)(?:\s+\(build (\d+))?")


def parse_help(text: str) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    """The options in all spellings, and the values of those that list them."""
    options: set[str] = set()
    values: dict[str, tuple[str, ...]] = {}
    for names, takes, lines in _entries(text):
        told = " ".join(lines)
        if any(words in told for words in _GONE):
            continue
        options.update(names)
        choices = _choices(takes, told, lines)
        if choices:
            values.update(dict.fromkeys(names, choices))
    return frozenset(options), values


def parse_version(text: str) -> tuple[str | None, int | None]:
    """What `--version` calls the version, and the build number: `version: 6123 (abc)` or `0.6.0 (build 11434, ...)`."""
    match = _VERSION.search(text)
    if match is None or len(match[1]) > 40:
        return None, None
    number = match[2] or match[1]
    build = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0
    # A build from an archive without its history calls itself 0.
    return match[1], build or None


def _entries(text: str) -> list[tuple[list[str], str, list[str]]]:
    """Spellings, what the option takes, and the lines that tell of it."""
    entries: list[tuple[list[str], str, list[str]]] = []
    for line in text.splitlines()[:_MAX_LINES]:
        bare = line.removeprefix("*").lstrip(" ")
        names, rest = _names(bare) if len(line) - len(bare) <= _FIRST_COLUMNS else ([], "")
        if names:
            takes, _, does = rest.strip().partition("  ") if not rest.startswith("  ") else ("", "", rest)
            entries.append((names, takes.strip(), [does.strip()]))
        elif entries and line.startswith(" "):
            entries[-1][2].append(line.strip())
        elif line.strip():
            entries.append(([], "", []))  # a heading ends what came before
    return [entry for entry in entries if entry[0]]


def _names(line: str) -> tuple[list[str], str]:
    names = []
    while match := _OPTION.match(line):
        names.append(match[0])
        line = line[match.end() :]
        following = line.lstrip(" ")
        if not following.startswith((",", "|")):
            break
        line = following[1:].lstrip(" ")
    # `- auto: what it does` is no option, and so is a dash in prose.
    return (names, line) if not line or line[0] in " =,[" else ([], "")


def _choices(takes: str, told: str, lines: list[str]) -> tuple[str, ...]:
    match = _CHOICES.fullmatch(takes)
    if match is None and takes:
        match = _ALLOWED.search(told)
    if match is not None:
        return tuple(word.strip() for word in re.split(r"[|,]", match[1]))
    if not takes:
        return ()
    return tuple(dict.fromkeys(bullet[1] for line in lines if (bullet := _BULLET.match(line))))

"""Small pure parsers shared by the probes. Every one raises `Malformed` and nothing else."""

import re
from collections.abc import Iterable, Sequence

from .errors import Malformed

MAX_CPU_NUMBER = 65_535
"""Above Linux' largest CONFIG_NR_CPUS (8192 on x86, 4096 on arm64), and bounds what a hostile list can cost."""

_INT = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,19})\s*([KMGT]?)(i?B)?", re.ASCII)
_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def excerpt(text: str, limit: int = 60) -> str:
    """`text` cut to `limit` characters, for an error message."""
    return repr(text if len(text) <= limit else text[:limit] + "...")


def parse_int(text: str, low: int | None = None, high: int | None = None) -> int:
    """One decimal integer, with surrounding white space, within `low`..`high`."""
    stripped = text.strip()
    if not _INT.fullmatch(stripped):
        raise Malformed(f"not an integer: {excerpt(stripped)}")
    value = int(stripped)
    if (low is not None and value < low) or (high is not None and value > high):
        raise Malformed(f"out of range {low}..{high}: {value}")
    return value


def parse_hex(text: str) -> int:
    """One hexadecimal integer, with or without 0x."""
    try:
        return int(text.strip(), 16)
    except ValueError:
        raise Malformed(f"not a hexadecimal number: {excerpt(text)}") from None


def parse_size_bytes(text: str) -> int:
    """A size as the kernel prints it: `32K`, `1024 kB`, `2M`, `512` -> bytes."""
    match = _SIZE.fullmatch(text.strip().replace("k", "K"))
    if not match:
        raise Malformed(f"not a size: {excerpt(text)}")
    return int(match[1]) * _SIZE_UNITS[match[2]]


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """A kernel list such as `0-3,8,10-11` (empty text: nothing) -> sorted numbers."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        if not part:
            continue
        first, _, last = part.strip().partition("-")
        last, _, stride = last.partition(":")
        start = parse_int(first, 0, MAX_CPU_NUMBER)
        stop = parse_int(last, start, MAX_CPU_NUMBER) if last else start
        if stride:
            used, _, group = stride.partition("/")
            size = parse_int(group, 1, MAX_CPU_NUMBER)
            count = parse_int(used, 1, size)
            numbers.update(n for n in range(start, stop + 1) if (n - start) % size < count)
        else:
            numbers.update(range(start, stop + 1))
    return tuple(sorted(numbers))


def parse_cpu_mask(text: str) -> tuple[int, ...]:
    """A kernel bit mask such as `00000000,0000000f` -> sorted numbers."""
    words = text.strip().split(",")
    if len(words) > (MAX_CPU_NUMBER + 1) // 32 or not all(re.fullmatch("[0-9a-fA-F]{1,8}", w) for w in words):
        raise Malformed(f"not a CPU mask: {excerpt(text)}")
    bits = int("".join(w.rjust(8, "0") for w in words), 16)
    return tuple(i for i in range(bits.bit_length()) if bits >> i & 1)


def format_cpu_list(numbers: Iterable[int]) -> str:
    """The shortest kernel list for `numbers`: (0, 1, 2, 8) -> `0-2,8`."""
    parts: list[str] = []
    run: list[int] = []
    for number in sorted(set(numbers)):
        if run and number != run[-1] + 1:
            parts.append(_format_run(run))
            run = []
        run.append(number)
    if run:
        parts.append(_format_run(run))
    return ",".join(parts)


def _format_run(run: Sequence[int]) -> str:
    return str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"


def parse_selected(text: str) -> str:
    """The chosen word of a selector file: `always [madvise] never` -> `madvise`."""
    match = re.search(r"\[([^\[\]\s]+)\]", text)
    if match:
        return match[1]
    words = text.split()
    if len(words) == 1:
        return words[0]
    raise Malformed(f"no choice marked: {excerpt(text)}")


def parse_key_values(text: str, separator: str = ":") -> dict[str, str]:
    """Lines of `key<separator>value`, as in /proc/meminfo; lines without the separator are passed over."""
    pairs = (line.partition(separator) for line in text.splitlines())
    return {key.strip(): value.strip() for key, found, value in pairs if found}


def pick_numbers(text: str, names: Iterable[str]) -> dict[str, int]:
    """Of lines that begin with one of `names` the number behind it; other lines cost next to nothing."""
    text = "\n" + text
    found = {}
    for name in names:
        start = text.find("\n" + name)
        if start >= 0:
            start += len(name) + 1
            word = text[start : start + 40].partition("\n")[0].split(None, 1)[:1]
            if word and len(word[0]) <= 20 and word[0].isascii() and word[0].isdigit():
                found[name] = int(word[0])
    return found


def parse_uptime(text: str) -> float:
    """/proc/uptime -> seconds since boot."""
    try:
        seconds = float(text.split()[0])
    except (IndexError, ValueError):
        raise Malformed(f"not an uptime: {text[:40]!r}") from None
    if not 0 < seconds < 1e10:
        raise Malformed(f"not an uptime: {text[:40]!r}")
    return seconds


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which cpu2 comes before cpu10."""
    return tuple(
        (1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part)
        for part in re.split(r"([0-9]+)", name)
        if part
    )

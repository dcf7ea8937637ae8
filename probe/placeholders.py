"""Stand-ins for identifiers: of the same length and kind, numbered in the order of first appearance.

Equal lengths keep every offset and table in binary answers right. A stand-in is known by its form and left alone,
so replacing twice changes nothing.
"""

import re
from collections.abc import Iterable

_PREFIXES = {"user": "user-", "host": "host-", "serial": "serial-"}
_HEX_DIGIT = re.compile(r"[0-9A-Fa-f]")
_SMALL = 1 << 24
_IPV4_BASE = (198 << 24) | (18 << 16)  # 198.18.0.0/15: for benchmarks (RFC 2544), never a real machine's.


class Placeholders:
    """Gives each identifier its stand-in; the same one to equal identifiers."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._used: set[tuple[str, str]] = set()
        self._last: dict[str, int] = {}

    def reserve(self, kind: str, values: Iterable[str]) -> None:
        """Values that stand already in the text and must not be given to another identifier."""
        self._used.update((kind, value) for value in values)

    def name(self, kind: str, value: str) -> str:
        """The stand-in of a `user`, `host` or `serial`."""
        if is_stand_in(kind, value):
            return value
        return self._give(kind, value, len(value.encode("utf-8", "replace")))

    def hex(self, value: str) -> str:
        """The stand-in of a UUID, MAC or other row of hexadecimal digits, in the same shape and prefix."""
        digits = hex_digits(value)
        if is_hex_stand_in(digits):
            return value
        # One count for each length: equal digits in another shape are the same identifier.
        given = iter(self._give(f"hex{len(digits)}", digits, len(digits)))
        head = value[: len(value) - len(hex_part(value))]
        return head + _HEX_DIGIT.sub(lambda _: next(given), hex_part(value))

    def address(self, value: str) -> str:
        """The stand-in of an IP address."""
        return self._give("ipv6" if ":" in value else "ipv4", value.lower(), 0)

    def _give(self, kind: str, value: str, length: int) -> str:
        given = self._given.get((kind, value))
        while given is None:
            number = self._last[kind] = self._last.get(kind, 0) + 1
            candidate = _form(kind, number, length)
            if (kind, candidate) not in self._used:
                given = self._given[kind, value] = candidate
        return given


def _form(kind: str, number: int, length: int) -> str:
    if kind == "ipv4":
        value = _IPV4_BASE + number
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
    if kind == "ipv6":
        return f"2001:db8::{number:x}"
    prefix = _PREFIXES.get(kind)
    if prefix is None:
        return str(number).rjust(length, "0")
    digits = str(number)
    if length >= len(prefix) + len(digits):
        return prefix + digits.rjust(length - len(prefix), "0")
    return prefix.rstrip("-")[: max(length - len(digits), 0)] + digits


def is_stand_in(kind: str, value: str) -> bool:
    """Whether a name has the form that `Placeholders.name` gives."""
    head = value.rstrip("0123456789")
    digits = value[len(head) :]
    return (
        bool(digits) and len(digits) <= 200 and int(digits) < 100_000 and _form(kind, int(digits), len(value)) == value
    )


def is_hex_stand_in(digits: str) -> bool:
    """Whether hexadecimal digits are a stand-in, or no identifier at all (all zero, all F)."""
    return int(digits, 16) < _SMALL or not digits.lower().strip("f")


def hex_part(value: str) -> str:
    """A value without the prefix that is no number: `eui.`, `naa.`, `0x`, `wwn-0x`, `enx`."""
    for mark in (".", "0x", "enx"):
        _, found, rest = value.partition(mark)
        if found:
            return rest
    return value


def hex_digits(value: str) -> str:
    """The digits alone, in lower case."""
    return "".join(_HEX_DIGIT.findall(hex_part(value))).lower()

"""Make foreign text harmless for the place where it is shown."""

import re
import unicodedata

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def printable(text: str) -> str:
    """`text` on one line without control, format (bidi) and unassigned characters; these show as their number."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character == " " or unicodedata.category(character)[0] not in "CZ"
        else " "
        if character in "\n\t\u00a0"
        else f"\\u{ord(character):04x}"
        for character in text
    )


def markdown(text: str) -> str:
    """`text` as literal Markdown text."""
    return _MARKDOWN.sub(r"\\\1", printable(text))


def markdown_code(text: str) -> str:
    """`text` as a Markdown code span, fenced so that back-ticks in it stay literal."""
    clean = printable(text)
    longest = max((len(run) for run in re.findall("`+", clean)), default=0)
    fence = "`" * (longest + 1)
    space = " " if clean.startswith("`") or clean.endswith("`") else ""
    return f"{fence}{space}{clean.replace('|', chr(92) + '|')}{space}{fence}"

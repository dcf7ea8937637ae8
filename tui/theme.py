"""From our styles to the terminal's colours."""

from collections.abc import Mapping

from rich.style import Style as RichStyle

from .line import Style

# "terminal" uses the sixteen colours that the user's terminal defines: readable on light and dark ones, and few bytes.
_THEMES: Mapping[str, Mapping[Style, str]] = {
    "terminal": {
        "plain": "",
        "dim": "bright_black",
        "bold": "bold",
        "title": "bold",
        "good": "green",
        "notice": "yellow",
        "bad": "bold red",
        "accent": "cyan",
        "selected": "reverse",
    },
    "dark": {
        "plain": "#d0d0d0 on #121212",
        "dim": "#8a8a8a on #121212",
        "bold": "bold #f0f0f0 on #121212",
        "title": "bold #9ecbff on #121212",
        "good": "#7bd88f on #121212",
        "notice": "#f0c674 on #121212",
        "bad": "bold #ff7b72 on #121212",
        "accent": "#79c0ff on #121212",
        "selected": "#f0f0f0 on #30465f",
    },
    "light": {
        "plain": "#202020 on #ffffff",
        "dim": "#6a6a6a on #ffffff",
        "bold": "bold #000000 on #ffffff",
        "title": "bold #0b4f9e on #ffffff",
        "good": "#176f2c on #ffffff",
        "notice": "#8a5a00 on #ffffff",
        "bad": "bold #b3001b on #ffffff",
        "accent": "#0b5fb5 on #ffffff",
        "selected": "#000000 on #cfe3ff",
    },
    "contrast": {
        "plain": "#ffffff on #000000",
        "dim": "#ffffff on #000000",
        "bold": "bold #ffffff on #000000",
        "title": "bold underline #ffffff on #000000",
        "good": "#00ff00 on #000000",
        "notice": "#ffff00 on #000000",
        "bad": "bold #ff6060 on #000000",
        "accent": "#00ffff on #000000",
        "selected": "bold #000000 on #ffff00",
    },
}
_MONOCHROME: Mapping[Style, str] = {
    "plain": "",
    "dim": "",
    "bold": "bold",
    "title": "bold underline",
    "good": "",
    "notice": "bold",
    "bad": "bold reverse",
    "accent": "",
    "selected": "reverse",
}
NAMES = tuple(_THEMES)


def palette(name: str, monochrome: bool = False) -> dict[Style, RichStyle]:
    """The look of each of our styles; without any colour where `monochrome` is set."""
    return {
        ours: RichStyle.parse(look or "none") for ours, look in (_MONOCHROME if monochrome else _THEMES[name]).items()
    }

"""Profiles: which advice counts for what the machine is to be fit for. TOML, readable, and never a program."""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from ...probe.reading import Reading

Strength = Literal["off", "warnings", "hints", "performance"]
"""`warnings`: where `llmtune doctor` warns; `hints`: also where it only tells; `performance`: the fastest there is."""
STRENGTHS: tuple[Strength, ...] = get_args(Strength)
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z", re.ASCII)
_KEY = re.compile(r"[\w.@/:+-]{1,120}\Z", re.ASCII)
_VALUE = re.compile(r"[\w.,:+-]{1,120}\Z", re.ASCII)
_MOST_BASES = 4
_MEMBERS = {"summary", "base", "advice", "set"}
_MOST_SUMMARY = 200


class BadProfile(ValueError):
    """A profile that says what cannot be. The message is one line that says what, where and what would be right."""


class Profile(Reading):
    """What to advise."""

    name: str
    summary: str
    advice: dict[str, Strength]
    """Name of an advice -> from when on it counts; one that is not named is off."""
    settings: dict[str, str]
    """Key -> value that the profile sets whatever the advice is."""


def parse_profile(
    text: str, name: str, known: Mapping[str, tuple[Strength, ...]], load_base: Callable[[str], str]
) -> Profile:
    """A profile with what it takes from its base; `known`: each advice with its strengths; raises `BadProfile`."""
    advice: dict[str, Strength] = {}
    settings: dict[str, str] = {}
    summary = ""
    chain = [name]
    parts = [_parse(text, name)]
    while (base := parts[-1].get("base")) is not None:
        if not isinstance(base, str) or not NAME.match(base):
            raise BadProfile(f"profile {chain[-1]}: base must be the name of a profile")
        if base in chain or len(chain) > _MOST_BASES:
            raise BadProfile(f"profile {chain[-1]}: base {base} leads in a circle or too far")
        chain.append(base)
        parts.append(_parse(load_base(base), base))
    for part, owner in reversed(list(zip(parts, chain, strict=True))):
        advice.update(_advice(part.get("advice", {}), owner, known))
        settings.update(_settings(part.get("set", {}), owner))
        summary = _summary(part.get("summary", summary), owner)
    return Profile(name=name, summary=summary, advice=advice, settings=settings)


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadProfile(f"profile {name}: it is no TOML: {' '.join(str(error).split())[:200]}") from None
    for member in found:
        if member not in _MEMBERS:
            raise BadProfile(f"profile {name}: {_shown(member)} is not known; there are {', '.join(sorted(_MEMBERS))}")
    return found


def _advice(table: object, name: str, known: Mapping[str, tuple[Strength, ...]]) -> dict[str, Strength]:
    if not isinstance(table, dict):
        raise BadProfile(f"profile {name}: [advice] must be a table")
    found: dict[str, Strength] = {}
    for key, value in table.items():
        if key not in known:
            raise BadProfile(f"profile {name}: no advice is called {_shown(key)}; there are {', '.join(known)}")
        if value not in known[key]:
            raise BadProfile(f"profile {name}: advice.{key} must be one of {', '.join(known[key])}")
        found[key] = value
    return found


def _settings(table: object, name: str) -> dict[str, str]:
    if not isinstance(table, dict):
        raise BadProfile(f"profile {name}: [set] must be a table")
    found = {}
    for key, value in table.items():
        text = str(value)
        if isinstance(value, bool) or not isinstance(value, int | str) or not _VALUE.match(text):
            raise BadProfile(f"profile {name}: set.{_shown(key)} must be a number or a word")
        if not _KEY.match(key):
            raise BadProfile(f"profile {name}: {_shown(key)} is no key of a setting")
        found[key] = text
    return found


def _summary(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MOST_SUMMARY or not value.isprintable():
        raise BadProfile(f"profile {name}: summary must be one line of at most {_MOST_SUMMARY} letters")
    return value


def _shown(text: object) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:60])

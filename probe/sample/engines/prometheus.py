"""Prometheus' text format, read within bounds and only where it is asked for.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/. A scrape of vLLM has hundreds of histogram
buckets that nobody here looks at, so one expression picks the wanted names, and only their lines are looked at closely.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from math import isfinite
from typing import NamedTuple

from ..engine import MeanOf

MAX_SERIES = 2000
"""Of all wanted names together: a server with more labels than this is not one that we know."""
# Possessive throughout: each line is gone over once, whatever it holds.
_LABELS = r'\{(?:[^"\n}]|"(?:[^"\\\n]|\\.)*+"){0,4000}+\}'
_LABEL = re.compile(r'(?<![a-zA-Z0-9_])([a-zA-Z_][a-zA-Z0-9_]*+)\s*+=\s*+"((?:[^"\\\n]|\\.)*+)"')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}


class Series(NamedTuple):
    """One line: labels and value."""

    labels: Mapping[str, str]
    value: float


class Metrics:
    """The series of one scrape by name; values that are not finite are left out."""

    def __init__(self, series: Mapping[str, list[Series]]) -> None:
        self._series = series

    def __contains__(self, name: str) -> bool:
        return name in self._series

    def __bool__(self) -> bool:
        return bool(self._series)

    def series(self, name: str) -> list[Series]:
        """All lines of this name."""
        return self._series.get(name, [])

    def rows(self, name: str, same: frozenset[str] = frozenset(), **only: str) -> list[float]:
        """One value for each set of labels; those that differ in `same` labels only are one: the largest."""
        found: dict[tuple[tuple[str, str], ...], float] = {}
        for labels, value in self.series(name):
            if all(labels.get(label) == wanted for label, wanted in only.items()):
                key = tuple(sorted(pair for pair in labels.items() if pair[0] not in same))
                found[key] = max(value, found.get(key, value))
        return list(found.values())

    def total(self, names: Iterable[str], same: frozenset[str] = frozenset(), **only: str) -> float | None:
        """The sum over all rows of the first of `names` that is there."""
        for name in names:
            if values := self.rows(name, same, **only):
                total = sum(values)
                return total if isfinite(total) else None
        return None

    def largest(self, names: Iterable[str], same: frozenset[str] = frozenset()) -> float | None:
        """The largest row of the first of `names` that is there."""
        for name in names:
            if values := self.rows(name, same):
                return max(values)
        return None

    def mean(self, names: Iterable[str], same: frozenset[str] = frozenset()) -> MeanOf | None:
        """The histogram's sum and count, of the first of `names` that is there."""
        for name in names:
            seconds, count = self.total([f"{name}_sum"], same), self.total([f"{name}_count"], same)
            if seconds is not None and count is not None:
                return MeanOf(seconds=seconds, count=count)
        return None

    def label(self, names: Iterable[str], label: str) -> str | None:
        """The first value of a label, bounded."""
        for name in names:
            for labels, _ in self.series(name):
                if value := labels.get(label):
                    return value[:4096]
        return None


def parse_metrics(data: bytes, prefix: str, names: tuple[str, ...]) -> Metrics:
    """The series of these names, told without `prefix`; both are expressions. Whatever else there is is skipped."""
    found: dict[str, list[Series]] = {}
    left = MAX_SERIES
    for match in _lines(prefix, names).finditer(data.decode("utf-8", "replace")):
        value = _number(match[3])
        if value is None:
            continue
        found.setdefault(match[1], []).append(Series(_labels(match[2]) if match[2] else {}, value))
        left -= 1
        if not left:
            break
    return Metrics(found)


@cache
def _lines(prefix: str, names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        rf"^(?:{prefix})({'|'.join(names)})(?=[ \t{{])[ \t]*+({_LABELS})?[ \t]*+([^\s{{}}]{{1,40}})", re.MULTILINE
    )


def _labels(text: str) -> dict[str, str]:
    return {
        name: _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[0]), value) if "\\" in value else value
        for name, value in _LABEL.findall(text)
    }


def _number(text: str) -> float | None:
    try:
        value = float(text) if "_" not in text else None
    except ValueError:
        return None
    return value if value is not None and isfinite(value) else None

"""JSON from outside: without numbers that nothing we read could be."""

import json
import math

MAX_DIGITS = 30


def _bounded_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number")
    return number


# Python's JSON takes NaN, infinities and numbers of any length.
BOUNDED_JSON = json.JSONDecoder(parse_int=_bounded_int, parse_float=_finite, parse_constant=_finite)

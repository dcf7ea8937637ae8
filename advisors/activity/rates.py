"""Counters become rates."""


def rate(before: float | None, now: float | None, seconds: float) -> float | None:
    """Growth per second; None where one is not known, time stood still or the counter fell (it began anew)."""
    if before is None or now is None or seconds <= 0 or now < before:
        return None
    return (now - before) / seconds


def growth(before: int | None, now: int | None) -> int | None:
    """By how much a counter grew; None where one is not known or it fell."""
    return None if before is None or now is None or now < before else now - before

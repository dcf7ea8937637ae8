"""The lines and messages of `llmtune watch`: pure functions of what was observed."""

import time
from collections.abc import Mapping

from ..advisors.bottleneck.observer import Lasting
from ..advisors.bottleneck.verdict import Bottleneck
from ..tuners.verify import Held
from .escape import printable

SCHEMA_VERSION = 1
_PRIORITY = {"bad": 4, "notice": 5, "good": 6}
"""Of syslog: warning, notice, information."""


def duration(seconds: float) -> str:
    """Two units at most: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def began_line(verdict: Bottleneck) -> str:
    """A verdict that came."""
    helps = f" What helps: {verdict.helps}" if verdict.helps else ""
    return printable(f"begins: {_sentence(verdict.what)} ({verdict.confidence} confidence){helps}")


def ended_line(past: Lasting) -> str:
    """A verdict that went."""
    return printable(f"ends after {duration(past.seconds)}: {_sentence(past.verdict.what)}")


def drift_line(held: Held) -> str:
    """A setting that llmtune applied and that does not hold any more."""
    found = f", found {held.found}" if held.found is not None else ""
    return printable(f"no longer as applied: {held.key}, wanted {held.wanted}{found}. {held.why}".rstrip())


def holds_line(key: str) -> str:
    """A setting that holds again."""
    return printable(f"as applied again: {key}")


def stamped(line: str, time_s: float, badness: str, journal: bool) -> str:
    """For the journal with its priority (sd-daemon(3)), which has the time already; else with the time."""
    if journal:
        return f"<{_PRIORITY[badness]}>{line}"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(time_s))} {line}"


def message(event: str, machine: str, time_s: float, **more: object) -> Mapping[str, object]:
    """What a webhook or a command is given: `began`, `ended`, `drift` or `holds`."""
    return {"schema_version": SCHEMA_VERSION, "event": event, "machine": machine, "at": iso_time(time_s), **more}


def verdict_json(verdict: Bottleneck) -> Mapping[str, object]:
    """All of a verdict."""
    return verdict.model_dump(mode="json")


def iso_time(time_s: float) -> str:
    """UTC, to the second (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."

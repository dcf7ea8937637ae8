"""One observation as a JSON object, for scripts."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from ..advisors.bottleneck.observer import Observation
from ..probe.reading import Reading

SCHEMA_VERSION = 1


def observation_json(observation: Observation) -> Mapping[str, object]:
    """`verdicts`: first what binds most; `activity`: rates since the object before; `sample`: counters and gauges."""
    return {
        "schema_version": SCHEMA_VERSION,
        "time_s": round(observation.sample.time_s, 3),
        "verdicts": observation.verdicts,
        "activity": observation.activity,
        "sample": observation.sample,
    }


def json_line(value: object) -> str:
    """In one line, without its end; in ASCII, for foreign text in it must not steer a terminal."""
    return _ENCODER.encode(value)


def _plain(value: object) -> object:
    if isinstance(value, Reading):
        return value.__dict__
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain, check_circular=False)

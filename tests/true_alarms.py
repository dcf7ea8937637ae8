"""Alarms on recorded machines that were looked at and are true: check id -> machines."""

from collections.abc import Mapping

TRUE_ALARMS: Mapping[str, tuple[str, ...]] = {}

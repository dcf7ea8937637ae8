"""Whether what was applied still holds: no root, no daemon, a reason for each key."""

from dataclasses import dataclass
from typing import Literal

from .knobs.catalogue import resolve
from .knobs.kernel_file import Tree
from .knobs.knob import Gone, Refused, Unavailable
from .knobs.own_files import ABSENT, NOWHERE
from .summary import Summary

_FOR_BOOT = "boot.settings"
State = Literal["ok", "drift", "gone", "unknown"]


@dataclass(frozen=True)
class Held:
    """One key."""

    key: str
    state: State
    wanted: str | None
    found: str | None
    why: str


def verify(summary: Summary | None, tree: Tree) -> list[Held]:
    """Each key that we set, as it is now; and whether what is to be applied at each boot was."""
    if summary is None:
        return _not_since_boot(tree)
    return [_look(key, wanted, tree) for key, wanted in summary.values().items()]


def _not_since_boot(tree: Tree) -> list[Held]:
    """Root tells of every run in /run, which a boot empties: without that, a file for the boot was not followed."""
    try:
        kept = resolve(_FOR_BOOT, tree).read()
    except (Refused, Unavailable):
        return []
    if kept in (ABSENT, NOWHERE):
        return []
    why = "settings are kept over reboots, but were not applied since this boot: systemctl status llmtune"
    return [Held(_FOR_BOOT, "drift", None, None, why)]


def _look(key: str, wanted: str | None, tree: Tree) -> Held:
    try:
        knob = resolve(key, tree)
        knob.identity()
        found = knob.read()
    except Gone as why:
        return Held(key, "gone", wanted, None, str(why))
    except (Refused, Unavailable) as why:
        return Held(key, "unknown", wanted, None, str(why))
    if wanted is None or found == wanted or knob.matches(wanted, found):
        return Held(key, "ok", wanted, found, "as it was applied")
    return Held(key, "drift", wanted, found, f"{wanted} was applied, somebody has changed it to {found}")

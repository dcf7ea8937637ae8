"""`Advice`: when a finding of `doctor` speaks, these settings follow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...probe.snapshot import Snapshot
from ..finding import Effect
from .profile import Strength


@dataclass(frozen=True)
class Wanted:
    """One value for one key."""

    key: str
    value: str
    found: str | None


@dataclass(frozen=True)
class Advice:
    """What is advised because of one check."""

    name: str
    """What profiles call it."""
    check: str | None
    """The check of `doctor` whose finding decides; None: `settings` alone does."""
    key: str
    """What it is about, where nothing is set."""
    settings: Callable[[Snapshot], Iterable[Wanted]]
    """The settings that mend the finding; empty where no setting does."""
    fastest: Callable[[Snapshot], Iterable[Wanted]] | None = None
    """Those of the strength `performance`, whatever the finding is."""
    fastest_effect: Effect | None = None
    reason: str = ""
    """Why, where the check does not tell it in words that fit; and `else_why` where it is not needed."""
    can_tell: Callable[[Snapshot], bool] | None = None
    """Where no check tells it: whether the machine tells enough to judge."""
    effect: Effect | None = None
    """What it gains, where no check tells it."""
    else_why: str = ""
    hold_back: Callable[[Snapshot], str | None] | None = None
    """Why it is not advised although the check speaks, or None."""
    risk: str | None = None
    at_least: bool = False

    @property
    def strengths(self) -> tuple[Strength, ...]:
        """What a profile may ask for."""
        usual: tuple[Strength, ...] = ("off", "warnings", "hints")
        return usual if self.fastest is None else (*usual, "performance")

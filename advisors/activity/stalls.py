"""The shares of the time between two moments in which tasks waited."""

from ...probe.sample.sample import PressureMoment, StallTotals
from .activity import StallShares
from .rates import rate

UNKNOWN = StallShares(None, None, None, None, None)


def stall_shares(before: PressureMoment | None, now: PressureMoment | None, seconds: float) -> StallShares:
    """Shares, 0 to 1."""
    if before is None or now is None:
        return UNKNOWN
    cpu_some, _ = _shares(before.cpu, now.cpu, seconds)
    memory_some, memory_full = _shares(before.memory, now.memory, seconds)
    io_some, io_full = _shares(before.io, now.io, seconds)
    return StallShares(cpu_some, memory_some, memory_full, io_some, io_full)


def _shares(before: StallTotals | None, now: StallTotals | None, seconds: float) -> tuple[float | None, float | None]:
    if before is None or now is None:
        return None, None
    return _share(before.some_us, now.some_us, seconds), _share(before.full_us, now.full_us, seconds)


def _share(before_us: int | None, now_us: int | None, seconds: float) -> float | None:
    share = rate(before_us, now_us, seconds * 1_000_000)
    # The clock is read a little before the counters, so a short stretch can come out above the whole.
    return None if share is None else min(share, 1.0)

"""What moved between memory and drives between two moments."""

from ...probe.sample.sample import MemoryMoment
from .activity import MemoryActivity
from .rates import rate

UNKNOWN = MemoryActivity(None, None, None, None)


def memory_activity(before: MemoryMoment | None, now: MemoryMoment | None, seconds: float) -> MemoryActivity:
    """Rates of the whole machine."""
    if before is None or now is None:
        return UNKNOWN
    return MemoryActivity(
        major_faults_per_s=rate(before.major_faults, now.major_faults, seconds),
        swap_in_bytes_per_s=rate(before.swapped_in_bytes, now.swapped_in_bytes, seconds),
        swap_out_bytes_per_s=rate(before.swapped_out_bytes, now.swapped_out_bytes, seconds),
        refault_bytes_per_s=rate(before.refaulted_file_bytes, now.refaulted_file_bytes, seconds),
    )

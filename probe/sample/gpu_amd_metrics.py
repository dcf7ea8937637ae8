"""Why an AMD GPU runs slower than it could: `gpu_metrics`, a binary file of sysfs.

Layouts: drivers/gpu/drm/amd/include/kgd_pp_interface.h. Read are those that tell reasons which mean the same on all
chips: v1_3 (cards since 2019) and v2_2 to v2_4 (processors with graphics) as bits, the SMU_THROTTLER_*_BIT of
drivers/gpu/drm/amd/pm/swsmu/inc/amdgpu_smu.h; v3_0 (since Strix) as counters that grow while a limit holds.
"""

import struct

_BITS_AT = {(1, 3): 112, (2, 2): 120, (2, 3): 120, (2, 4): 120}
NOT_TOLD = (1 << 64) - 1
_BITS: tuple[tuple[range, str], ...] = (
    (range(8), "power limit"),
    (range(16, 24), "current limit"),
    (range(32, 37), "heat"),
    (range(37, 38), "heat (chip)"),
    (range(38, 42), "heat (voltage regulators)"),
    (range(42, 44), "heat (liquid)"),
    (range(44, 46), "heat (voltage regulators)"),
    (range(46, 48), "processor hot"),
    (range(56, 57), "power limit of the platform"),
    (range(57, 58), "reliability limit of the voltage"),
)
_COUNTERS_AT = {(3, 0): 228}
_COUNTERS = ("processor hot", "power limit", "power limit", "power limit", "heat (processor)", "heat", "heat (chip)")
"""prochot, spl, fppt, sppt, thm_core, thm_gfx, thm_soc."""


class Throttling:
    """Remembers the counters, where the reasons are counted."""

    def __init__(self) -> None:
        self._before: tuple[int, ...] | None = None

    def words(self, data: bytes) -> tuple[str, ...] | None:
        """The reasons, none where it runs freely; None where this layout does not tell them, or not yet."""
        if len(data) < 4:
            return None
        size, layout, content = struct.unpack_from("<HBB", data)
        size = min(size, len(data))
        at = _BITS_AT.get((layout, content))
        if at is not None and size >= at + 8:
            (bits,) = struct.unpack_from("<Q", data, at)
            return None if bits == NOT_TOLD else _words(bits)
        at = _COUNTERS_AT.get((layout, content))
        if at is None or size < at + 4 * len(_COUNTERS):
            return None
        before, self._before = self._before, struct.unpack_from(f"<{len(_COUNTERS)}I", data, at)
        if before is None:
            return None
        grown = zip(_COUNTERS, before, self._before, strict=True)
        return tuple(dict.fromkeys(words for words, old, new in grown if new != old))


def tells_reasons(data: bytes) -> bool:
    """Whether this layout is one of those."""
    return len(data) >= 4 and tuple(data[2:4]) in _BITS_AT.keys() | _COUNTERS_AT.keys()


def _words(bits: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words for places, words in _BITS if any(bits >> place & 1 for place in places)))

"""Why an AMD GPU runs slower than it could: `gpu_metrics`, a binary file of sysfs.

Layouts: drivers/gpu/drm/amd/include/kgd_pp_interface.h. Only those that tell the reasons in bits that mean the same on
all chips are read: v1_3 (cards since 2019) and v2_2 to v2_4 (processors with graphics); their bits are the
SMU_THROTTLER_*_BIT of drivers/gpu/drm/amd/pm/swsmu/inc/amdgpu_smu.h.
"""

import struct

_REASONS_AT = {(1, 3): 112, (2, 2): 120, (2, 3): 120, (2, 4): 120}
NOT_TOLD = (1 << 64) - 1
_WORDS: tuple[tuple[range, str], ...] = (
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


def parse_throttling(data: bytes) -> tuple[str, ...] | None:
    """The reasons in words, none where it runs freely; None for layouts that do not tell them."""
    if len(data) < 4:
        return None
    size, layout, content = struct.unpack_from("<HBB", data)
    at = _REASONS_AT.get((layout, content))
    if at is None or len(data) < at + 8 or size < at + 8:
        return None
    (bits,) = struct.unpack_from("<Q", data, at)
    if bits == NOT_TOLD:
        return None
    return tuple(dict.fromkeys(words for places, words in _WORDS if any(bits >> place & 1 for place in places)))

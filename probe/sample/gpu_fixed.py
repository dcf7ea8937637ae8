"""A GPU of a recording or a folder as one moment: what the probe found."""

from ..gpu.types import Gpu
from .gpu import GpuMoment, GpuUser
from .gpu_known import unread


def fixed_moment(gpu: Gpu, clock_s: float) -> GpuMoment:
    """What a probed GPU says of the fields of a moment."""
    return unread(clock_s, gpu.index, gpu.vendor, None).model_copy(
        update={
            "name": gpu.name,
            "uuid": gpu.uuid,
            "pci_address": gpu.pci_address,
            "numa_node": gpu.numa_node,
            "trouble": f"lost: {gpu.lost}" if gpu.lost else None,
            "utilization_percent": gpu.utilization_percent,
            "memory_kind": gpu.memory.kind,
            "used_bytes": gpu.memory.used_bytes,
            "total_bytes": gpu.memory.total_bytes,
            "temperature_c": gpu.temperature_c,
            "slowdown_temperature_c": gpu.slowdown_temperature_c,
            "power_mw": gpu.power.draw_mw,
            "power_limit_mw": gpu.power.limit_mw,
            "core_mhz": gpu.clocks.core_mhz,
            "core_max_mhz": gpu.clocks.core_max_mhz,
            "memory_mhz": gpu.clocks.memory_mhz,
            "memory_max_mhz": gpu.clocks.memory_max_mhz,
            "throttle_reasons": gpu.throttle_reasons,
            "throttle_harmful": gpu.throttle_harmful,
            "link_generation_now": gpu.link.generation_now,
            "link_generation_max": gpu.link.generation_max,
            "link_width_now": gpu.link.width_now,
            "link_width_max": gpu.link.width_max,
            "users": tuple(
                GpuUser(pid=one.pid, name=one.name, used_bytes=one.used_bytes, container=None) for one in gpu.processes
            ),
        }
    )

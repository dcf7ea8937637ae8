"""Alarms on recorded machines that were looked at and are true: check id -> machines."""

from collections.abc import Mapping

TRUE_ALARMS: Mapping[str, tuple[str, ...]] = {
    # Their cpusets leave fewer CPUs than the cores that llama.cpp counts in sysfs.
    "cpu-allowed": (
        "hwloc-linux__16amd64-4n4c-cgroup-distance-merge",
        "hwloc-linux__16amd64-8n2c-cpusets",
        "hwloc-linux__32amd64-4s2n4c-cgroup2",
        "hwloc-linux__4fake-4gr1nu1pu",
    ),
    # 2048 huge pages, all of them free, on a machine of 31.5 GiB.
    "memory-idle-huge-pages": ("hwloc-linux__16amd64-4n4c-cgroup-distance-merge",),
    # Tasks waited for memory for a fifth of the time.
    "memory-pressure": ("sysstat__root3", "sysstat__root5"),
    # A phone, held to 1.0 GHz of 3.0.
    "cpu-frequency-limit": ("util-linux-lscpu__arm-A510-A710-A715-X3",),
    # BAT1 says Discharging, and no charger is there.
    "on-battery": ("sysstat__root3",),
}

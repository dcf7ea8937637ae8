"""Advice on GPUs: NVIDIA's persistence mode and power limit, and sleep of any."""

from collections.abc import Iterator

from ...probe.snapshot import Snapshot
from ..checks.gpu_common import alive
from ..checks.gpu_setup import GPU_DRIVERS, gpu_devices
from ..finding import Effect
from .advice import Advice, Wanted


def _persistence(snapshot: Snapshot) -> Iterator[Wanted]:
    for gpu in alive(snapshot):
        if gpu.uuid and gpu.persistence_mode is False and not gpu.display_active:
            yield Wanted(f"nvidia.persistence@{gpu.uuid}", "on", "off")


def _power_limit(snapshot: Snapshot) -> Iterator[Wanted]:
    for gpu in alive(snapshot):
        limit, default = gpu.power.limit_mw, gpu.power.default_limit_mw
        if gpu.uuid and gpu.vendor == "nvidia" and limit and default and limit // 1000 < default // 1000:
            yield Wanted(f"nvidia.power_limit_w@{gpu.uuid}", str(default // 1000), f"{limit / 1000:g}")


def _awake(snapshot: Snapshot) -> Iterator[Wanted]:
    """Those that have a driver which can run models, and draw no screen."""
    for device in gpu_devices(snapshot):
        drivers = GPU_DRIVERS.get(device.vendor_id or 0, ())
        if device.runtime_status == "suspended" and not device.boot_vga and device.driver in drivers:
            yield Wanted(f"pci.runtime_power@{device.pci_address}", "on", "auto")


def _has_battery(snapshot: Snapshot) -> str | None:
    return "a machine with a battery gains from letting the GPU sleep" if snapshot.power_supply.batteries else None


def _daemon_holds_it(snapshot: Snapshot) -> str | None:
    running = any(daemon.name == "nvidia-persistenced" for daemon in snapshot.tuning.daemons or ())
    return "nvidia-persistenced runs and is there for that: see 'nvidia-smi -q' for what it does" if running else None


ADVICE = (
    Advice(
        "gpu-persistence",
        "gpu-persistence",
        "nvidia.persistence",
        _persistence,
        hold_back=_daemon_holds_it,
        risk="some watts when idle",
    ),
    Advice(
        "gpu-power-limit",
        "gpu-power-limit",
        "nvidia.power_limit_w",
        _power_limit,
        risk="more watts and heat; the limit may have been lowered on purpose",
    ),
    Advice(
        "gpu-awake",
        "gpu-suspended",
        "pci.runtime_power",
        _awake,
        reason="the GPU sleeps while nobody uses it, and the first program waits until it is awake",
        effect=Effect(text="seconds at the start of the first program; nothing once it runs", basis="not known"),
        hold_back=_has_battery,
        risk="ten and more watts while idle",
    ),
)

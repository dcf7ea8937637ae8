"""`activity`: all rates between two samples."""

from collections.abc import Mapping

from ...probe.diskstats import Rates, rates
from ...probe.sample.gpu import GpuMoment
from ...probe.sample.sample import DriveMoment, Sample
from .activity import Activity
from .cpu import cpu_activity
from .memory import memory_activity
from .rates import rate
from .servers import same_process, server_activity
from .stalls import stall_shares


def activity(before: Sample, now: Sample) -> Activity:
    """What happened from `before` to `now`. What cannot be told is None or left out, never negative."""
    seconds = now.clock_s - before.clock_s
    old_servers = {server.pid: server for server in before.servers}
    return Activity(
        seconds=max(seconds, 0.0),
        cpu=cpu_activity(before.cpu, now.cpu, seconds),
        memory=memory_activity(before.memory, now.memory, seconds),
        stalls=stall_shares(before.pressure, now.pressure, seconds),
        drives=_drives(before.drives, now.drives, seconds),
        servers={
            server.pid: server_activity(old, server, seconds)
            for server in now.servers
            if (old := old_servers.get(server.pid)) is not None and same_process(old, server)
        },
        nvlink_bytes_per_s=_nvlink(before.gpus, now.gpus),
    )


def _drives(before: tuple[DriveMoment, ...], now: tuple[DriveMoment, ...], seconds: float) -> Mapping[str, Rates]:
    old = {drive.name: drive.counters for drive in before}
    return {
        drive.name: between
        for drive in now
        if drive.name in old and (between := rates(old[drive.name], drive.counters, seconds)) is not None
    }


def _nvlink(before: tuple[GpuMoment, ...], now: tuple[GpuMoment, ...]) -> Mapping[int, tuple[float, float]]:
    # Each GPU has its own clock; its number may have gone to another one.
    old = {(gpu.index, gpu.uuid): gpu for gpu in before}
    found = {}
    for gpu in now:
        last = old.get((gpu.index, gpu.uuid))
        if last is None:
            continue
        seconds = gpu.clock_s - last.clock_s
        received = rate(last.nvlink_rx_bytes, gpu.nvlink_rx_bytes, seconds)
        sent = rate(last.nvlink_tx_bytes, gpu.nvlink_tx_bytes, seconds)
        if received is not None and sent is not None:
            found[gpu.index] = (received, sent)
    return found

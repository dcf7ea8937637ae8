"""Storage on this machine against lsblk and iostat."""

import io
import json
import os
import shutil
import subprocess
import time
from typing import Any

import pytest

from llmtune.probe.block_devices import Device
from llmtune.probe.diskstats import Rates, start_disk_sample
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.recording import encode_recording, load_recording
from llmtune.probe.storage import probe_storage

NOT_TOLD = {"ram", "fd"}


def answer(*command: str) -> Any:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    output = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})
    return json.loads(output.stdout)


def live_devices() -> dict[str, Device]:
    return {device.name: device for device in probe_storage(Host(LiveSource())).devices}


def flattened(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for row in rows:
        found[row["kname"]] = row
        found |= flattened(row.get("children", []))
    return found


def test_equals_lsblk() -> None:
    devices = live_devices()
    rows = flattened(answer("lsblk", "-J", "-O", "-b")["blockdevices"])
    whole = {name: row for name, row in rows.items() if row["type"] != "part"}
    assert set(devices) == {name for name in whole if name.rstrip("0123456789") not in NOT_TOLD}
    for name, device in devices.items():
        row = whole[name]
        assert device.size_bytes == int(row["size"])
        assert device.device_number == row["maj:min"]
        assert device.rotational == bool(row["rota"])
        assert device.read_only == bool(row["ro"])
        assert device.removable == bool(row["rm"])
        assert device.read_ahead_bytes == int(row["ra"]) * 1024
        assert device.logical_block_bytes == int(row["log-sec"])
        assert device.physical_block_bytes == int(row["phy-sec"])
        assert device.scheduler == row["sched"]
        assert device.nr_requests == (int(row["rq-size"]) if row["rq-size"] is not None else None)
        assert device.state == row["state"]
        assert set(device.partitions) == {n for n, r in rows.items() if r["type"] == "part" and r["pkname"] == name}


def within(value: float, before: float, after: float) -> bool:
    """Between two readings, give or take what iostat rounds off and what happens between the readings."""
    slack = 0.02 + 0.05 * max(before, after)
    return min(before, after) - slack <= value <= max(before, after) + slack


def agrees(row: dict[str, float], before: Rates, after: Rates) -> bool:
    return (
        within(row["r/s"], before.reads_per_s, after.reads_per_s)
        and within(row["w/s"], before.writes_per_s, after.writes_per_s)
        and within(row["rkB/s"], before.read_bytes_per_s / 1024, after.read_bytes_per_s / 1024)
        and within(row["wkB/s"], before.write_bytes_per_s / 1024, after.write_bytes_per_s / 1024)
        and within(row["r_await"], before.read_await_ms or 0, after.read_await_ms or 0)
        and within(row["w_await"], before.write_await_ms or 0, after.write_await_ms or 0)
        and within(row["util"], before.util_percent, after.util_percent)
    )


def test_rates_since_boot_equal_iostat() -> None:
    for attempt in range(5):
        before = live_devices()
        disks = answer("iostat", "-x", "-o", "JSON")["sysstat"]["hosts"][0]["statistics"][0]["disk"]
        after = live_devices()
        disagreeing = []
        for row in disks:
            first, second = before.get(row["disk_device"]), after.get(row["disk_device"])
            pair = (first and first.since_boot, second and second.since_boot)
            if pair[0] and pair[1] and not agrees(row, pair[0], pair[1]):
                disagreeing.append((row, *pair))
        if not disagreeing:
            assert disks
            return
        time.sleep(attempt)  # Somebody writes a lot just now.
    raise AssertionError(disagreeing)


def test_sample_is_of_now_and_short() -> None:
    sampled = [device.sampled for device in live_devices().values()]
    assert sampled
    for rates in sampled:
        assert rates is not None
        assert 0.1 <= rates.seconds < 5


def test_replays_to_the_same_reading() -> None:
    host = Host(LiveSource())
    sample = start_disk_sample(host)
    taken = probe_storage(host, sample)
    replay = Host(load_recording(io.BytesIO(encode_recording(host.answers, {})), "replay"))
    assert probe_storage(replay, start_disk_sample(replay)) == taken
    assert replay.gaps == host.gaps

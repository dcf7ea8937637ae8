"""Rates between two samples: what grows, what falls, what comes and goes, and time that stands still."""

import os
import time

import psutil
import pytest
from bottleneck_samples import PID, drive, gpu, group, memory, sample, server
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtune.advisors.activity.activity import Activity
from llmtune.advisors.activity.between import activity
from llmtune.advisors.activity.cpu import cpu_activity
from llmtune.advisors.activity.rates import rate
from llmtune.probe.diskstats import Counters, Rates
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.sample.cpu import read_cpu
from llmtune.probe.sample.sample import CpuMoment, CpuTicks, PressureMoment, StallTotals


def cpus(*ticks: CpuTicks) -> CpuMoment:
    return CpuMoment(ticks=ticks, frequencies_khz={}, running_tasks=None, blocked_tasks=None)


def numbers(value: object) -> list[float]:
    """Every number in an activity, however deep."""
    if isinstance(value, bool | str) or value is None:
        return []
    if isinstance(value, int | float):
        return [value]
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list | tuple):
        return [number for inner in value for number in numbers(inner)]
    if isinstance(value, Rates):
        return numbers(list(value.model_dump().values()))
    return [number for name in value.__slots__ for number in numbers(getattr(value, name))]  # type: ignore[attr-defined]


def everything(clock_s: float, **changes: object) -> Activity:
    """From second 10 to `clock_s`, with something of each part."""

    def moment(second: float) -> object:
        stalls = StallTotals(int(3e5 * second), int(1e5 * second))
        return sample(
            second,
            server(second, cpus=3, waiting=0.5, faults=7, read=5000, cgroup=group(second, 0.3, 0.2)),
            busy=4,
            steal=1,
            memory=memory(second, swap_in=4096, major_faults=int(9 * second), refaulted_file_bytes=int(8192 * second)),
            pressure=PressureMoment(cpu=StallTotals(int(2e5 * second), None), memory=stalls, io=stalls),
            drives=(drive(second, busy=0.5, read=1 << 20),),
            gpus=(gpu(second, nvlink_rx_bytes=int(1e6 * second), nvlink_tx_bytes=int(2e6 * second)),),
        )

    before, now = moment(10), moment(clock_s)
    return activity(before, now.model_copy(update=changes))  # type: ignore[arg-type, attr-defined]


def test_everything_that_grows_becomes_a_rate() -> None:
    told = everything(20)
    assert told.seconds == 10
    assert told.cpu is not None
    assert (told.cpu.busy_cpus, told.cpu.steal_cpus) == pytest.approx((4, 1))
    assert told.cpu.busy_share == {cpu: pytest.approx(0.5) for cpu in range(8)}
    assert (told.memory.major_faults_per_s, told.memory.swap_in_bytes_per_s) == (9, 4096)
    assert (told.memory.swap_out_bytes_per_s, told.memory.refault_bytes_per_s) == (0, 8192)
    assert told.stalls.cpu_some == pytest.approx(0.2)
    assert (told.stalls.memory_some, told.stalls.memory_full) == pytest.approx((0.3, 0.1))
    assert (told.stalls.io_some, told.stalls.io_full) == pytest.approx((0.3, 0.1))
    assert told.drives["nvme0n1"].read_bytes_per_s == 1 << 20
    assert told.drives["nvme0n1"].util_percent == 50
    assert told.nvlink_bytes_per_s == {0: (1e6, 2e6)}
    one = told.servers[PID]
    assert (one.cpus, one.waiting_cpus, one.major_faults_per_s, one.read_bytes_per_s) == (3, 0.5, 7, 5000)
    assert one.throttled_share == pytest.approx(0.3)
    assert one.throttled_cpus == pytest.approx(0.15)
    assert one.stalls.memory_full == pytest.approx(0.2)
    assert one.engine is not None


def test_no_part_is_a_reason_to_fail() -> None:
    told = everything(20, cpu=None, memory=None, drives=(), servers=(), gpus=())
    assert (told.cpu, told.memory.major_faults_per_s) == (None, None)
    assert (told.drives, told.servers, told.nvlink_bytes_per_s) == ({}, {}, {})


@pytest.mark.parametrize("second", [10, 9.5])
def test_no_time_or_time_that_ran_backwards_tells_nothing(second: float) -> None:
    told = everything(second)
    assert told.cpu is None
    assert set(numbers(told)) <= {0.0, PID}
    assert (told.drives, told.nvlink_bytes_per_s) == ({}, {})


def test_a_number_that_went_to_another_process_begins_anew() -> None:
    before, now = sample(1, server(1, cpus=1)), sample(2, server(2, cpus=2, started_ticks=2))
    assert activity(before, now).servers == {}


def test_a_new_server_has_no_rates_yet_and_one_that_went_has_none_any_more() -> None:
    without, with_one = sample(1), sample(2, server(2))
    assert activity(without, with_one).servers == {}
    assert activity(with_one, sample(3)).servers == {}


def test_a_process_moved_to_another_group_is_not_compared_across() -> None:
    before, now = sample(1, server(1, cgroup=group(1))), sample(2, server(2, cgroup=group(2, path="/other")))
    told = activity(before, now).servers[PID]
    assert (told.throttled_share, told.throttled_cpus, told.refault_bytes_per_s) == (None, None, None)


def test_a_group_in_which_nothing_ran_was_not_throttled() -> None:
    before, now = sample(1, server(1, cgroup=group(1))), sample(2, server(2, cgroup=group(1)))
    assert activity(before, now).servers[PID].throttled_share == 0


def test_counters_that_fall_are_left_out() -> None:
    earlier = sample(20, server(20, faults=9, read=9000, cgroup=group(20, 0.5)), memory=memory(20, swap_in=1000))
    later = sample(10, server(10, faults=9, read=9000, cgroup=group(10, 0.5)), memory=memory(10, swap_in=1000))
    told = activity(earlier, later.model_copy(update={"clock_s": 21.0}))
    assert (told.memory.swap_in_bytes_per_s, told.memory.major_faults_per_s) == (None, 0)
    one = told.servers[PID]
    assert (one.major_faults_per_s, one.read_bytes_per_s, one.throttled_share) == (None, None, None)


def test_cpus_that_come_go_and_count_backwards_are_left_out() -> None:
    before = cpus(CpuTicks(0, 10, 90, 0, 0), CpuTicks(1, 10, 90, 0, 0), CpuTicks(2, 10, 90, 0, 0))
    now = cpus(CpuTicks(0, 60, 140, 20, 0), CpuTicks(2, 5, 190, 0, 0), CpuTicks(3, 100, 0, 0, 0))
    told = cpu_activity(before, now, 1.0)
    assert told is not None
    assert told.busy_share == {0: 0.5}
    assert (told.busy_cpus, told.iowait_cpus) == (0.5, 0.2)


def test_idle_time_that_falls_by_a_tick_is_nothing() -> None:
    told = cpu_activity(cpus(CpuTicks(0, 10, 90, 9, 0)), cpus(CpuTicks(0, 20, 89, 7, 0)), 0.1)
    assert told is not None
    assert (told.busy_share, told.iowait_cpus) == ({0: 1.0}, 0.0)


def test_drives_that_were_replaced_or_came_are_left_out() -> None:
    fallen = drive(1).model_copy(update={"counters": Counters(0, 0, 0, 0, 0, 0, 0, 0, 0)})
    new = drive(20).model_copy(update={"name": "sdz"})
    before, now = sample(10, drives=(drive(10, busy=0.5),)), sample(20, drives=(fallen, new))
    assert activity(before, now).drives == {}


def test_each_gpu_has_its_own_clock_and_name() -> None:
    counts = {"nvlink_rx_bytes": 100, "nvlink_tx_bytes": 100}
    before = sample(1, gpus=(gpu(1, **counts), gpu(1, index=1, uuid="GPU-2", **counts)))
    more = {"nvlink_rx_bytes": 300, "nvlink_tx_bytes": 200}
    now = sample(2, gpus=(gpu(3, **more), gpu(2, index=1, uuid="GPU-3", **more)))
    assert activity(before, now).nvlink_bytes_per_s == {0: (100, 50)}
    same = sample(2, gpus=(gpu(1, **counts),))
    assert activity(before, same).nvlink_bytes_per_s == {}


@pytest.mark.parametrize(
    ("before", "now", "seconds", "expected"),
    [
        (1, 3, 2, 1),
        (3, 1, 2, None),
        (None, 1, 2, None),
        (1, None, 2, None),
        (1, 3, 0, None),
        (1, 3, -1, None),
        (1, 1, 1, 0),
    ],
)
def test_a_rate(before: float | None, now: float | None, seconds: float, expected: float | None) -> None:
    assert rate(before, now, seconds) == expected


@settings(max_examples=40)
@given(st.lists(st.integers(0, 1 << 64), min_size=12, max_size=12), st.floats(-5, 5))
def test_nothing_is_ever_negative(counts: list[int], seconds: float) -> None:
    def one(first: int, clock_s: float) -> object:
        numbers_ = counts[first : first + 6]
        counters = Counters(*(numbers_ + numbers_)[:9])
        process = server(1).model_copy(update={"major_faults": counts[first], "user_ticks": counts[first + 1]})
        return sample(
            clock_s,
            process,
            cpu=cpus(CpuTicks(0, *numbers_[:4])),
            drives=(drive(1).model_copy(update={"counters": counters}),),
            pressure=PressureMoment(cpu=StallTotals(counts[first + 2], counts[first + 3]), memory=None, io=None),
        )

    told = activity(one(0, 5.0), one(6, 5.0 + seconds))  # type: ignore[arg-type]
    assert all(number >= 0 for number in numbers(told) if number != numbers(told)[0])
    assert told.cpu is None or all(share <= 1 for share in told.cpu.busy_share.values())


def test_a_thousand_cpus() -> None:
    before = cpus(*(CpuTicks(n, 100, 900, 10, 0) for n in range(1024)))
    now = cpus(*(CpuTicks(n, 150, 950, 20, 0) for n in range(1024)))
    told = cpu_activity(before, now, 1.0)
    assert told is not None
    assert (told.busy_cpus, told.iowait_cpus) == pytest.approx((512, 102.4))


def busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(getattr(times, name) for name in ("user", "nice", "system", "irq", "softirq")))


def test_this_machine_lies_between_readings_of_psutil() -> None:
    source = LiveSource()
    outer, started_s = busy_s(), time.monotonic()
    first = read_cpu(Host(source))
    inner = busy_s()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    inner_s = busy_s() - inner
    second = read_cpu(Host(source))
    seconds = time.monotonic() - started_s
    outer_s = busy_s() - outer
    told = cpu_activity(first, second, seconds)
    assert told is not None
    # Each CPU's counters may stand a tick or two behind.
    allowed_s = 0.05 * (os.cpu_count() or 1) + 0.1 * outer_s
    assert inner_s - allowed_s <= told.busy_cpus * seconds <= outer_s + allowed_s

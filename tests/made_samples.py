"""Samples that go on as those of a real machine do, for records."""

import random
from collections.abc import Iterator

from situations import blank, endpoint, gpu, server, slot

from llmtune.probe.diskstats import Counters
from llmtune.probe.sample.sample import (
    CpuMoment,
    CpuTicks,
    DriveMoment,
    MemoryMoment,
    PressureMoment,
    Sample,
    StallTotals,
)


def samples(cpus: int = 8, gpus: int = 1, servers: int = 1, interval_s: float = 1.0) -> Iterator[Sample]:
    """Without end; equal arguments give equal samples."""
    chance = random.Random(7)
    ticks = [[chance.randrange(10**7), chance.randrange(10**7), chance.randrange(10**4)] for _ in range(cpus)]
    grown, number = 1_000_000, 0
    while True:
        for one in ticks:
            busy = chance.randrange(100)
            one[0] += busy
            one[1] += 100 - busy
        grown += chance.randrange(100_000)
        clock_s = 5000.0 + number * interval_s
        stalled = StallTotals(grown * 3, grown)
        yield Sample(
            clock_s=clock_s,
            time_s=1_763_700_000.0 + number * interval_s,
            cpu=CpuMoment(
                ticks=tuple(CpuTicks(cpu, busy, idle, wait, 0) for cpu, (busy, idle, wait) in enumerate(ticks)),
                frequencies_khz={cpu: chance.randrange(2_000_000, 3_500_000) for cpu in range(0, cpus, 4)},
                running_tasks=chance.randrange(20),
                blocked_tasks=0,
            ),
            memory=blank(
                MemoryMoment,
                total_bytes=256 << 30,
                available_bytes=(100 << 30) + chance.randrange(1 << 20) * 4096,
                cached_bytes=(90 << 30) + chance.randrange(1 << 16) * 4096,
                major_faults=grown // 1000,
            ),
            pressure=PressureMoment(cpu=stalled, memory=stalled, io=stalled),
            drives=(_drive(grown),),
            nodes=(),
            gpus=tuple(
                gpu(index, clock_s=clock_s, power_mw=chance.randrange(600_000, 650_000)) for index in range(gpus)
            ),
            servers=tuple(
                server(
                    pid=4711 + index,
                    user_ticks=grown,
                    system_ticks=grown // 20,
                    run_delay_us=grown * 7,
                    endpoint=endpoint(
                        clock_s=clock_s,
                        generated_tokens=grown // 100,
                        slots=tuple(slot(place, decoded=number % 60 * 30) for place in range(4)),
                    ),
                )
                for index in range(servers)
            ),
        )
        number += 1


def _drive(grown: int) -> DriveMoment:
    counted = Counters(grown, grown * 8, grown // 2, grown // 3, grown * 5, grown // 9, 0, grown // 5, grown)
    return DriveMoment(name="nvme0n1", counters=counted, read_ahead_bytes=131072)

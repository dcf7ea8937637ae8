"""The screen over many hours: what it keeps does not grow."""

import re
import time
from itertools import islice
from pathlib import Path

import pytest
from made_samples import samples
from terminals import Terminal

from llmtune.probe.parse import pick_numbers
from llmtune.probe.sample.log import SampleWriter
from llmtune.probe.sample.sample import Sample

HOURS = 12
PLACE = re.compile(rb"(\d+) of %d" % (HOURS * 3600))
FASTEST = b"300 times as fast"


def coming_and_going(number: int, one: Sample) -> Sample:
    """Another server every five minutes, and one that waits for CPUs every other minute: verdicts come and go."""
    waits = number * 900_000 if number // 60 % 2 else number // 60 * 60 * 900_000
    old = one.servers[0]
    return one.model_copy(
        update={"servers": (old.model_copy(update={"pid": 1000 + number // 300, "run_delay_us": waits}),)}
    )


@pytest.mark.heavy
def test_twelve_hours_in_fast_replay_take_no_more_memory_than_three(tmp_path: Path) -> None:
    writer = SampleWriter(str(tmp_path / "record"))
    for number, one in enumerate(islice(samples(cpus=4), HOURS * 3600)):
        writer.write(coming_and_going(number, one))
    writer.close()
    kept: dict[int, int] = {}
    with Terminal(["monitor", "--replay", str(tmp_path / "record")], width=120, height=40) as terminal:
        terminal.wait_for(b"REPLAY")
        while FASTEST not in terminal.seen:
            terminal.press(b"+")
            terminal.read(0.3)
        end_s = time.monotonic() + 1200
        at = 0
        while at < HOURS * 3600:
            assert time.monotonic() < end_s, at
            terminal.seen = terminal.seen[-1000:]
            terminal.read(1.0)
            at = max([at, *map(int, PLACE.findall(terminal.seen))])
            status = Path(f"/proc/{terminal.process.pid}/status").read_text()
            # The pages of the record itself are the kernel's to take.
            kept[at] = pick_numbers(status, ("RssAnon:",))["RssAnon:"] << 10
        terminal.press(b"q")
        assert terminal.wait_for_end() == 0
        assert terminal.restored()
    early = max(size for place, size in kept.items() if place <= HOURS * 900)
    print({place: f"{size / 1e6:.1f} MB" for place, size in list(kept.items())[:: max(len(kept) // 12, 1)]})
    assert kept[HOURS * 3600] - early < 2 << 20

"""What neighbours use of the CPUs, from two readings of /proc/stat."""

from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.busy import finish_busy_sample, parse_busy_ticks, parse_own_ticks, start_busy_sample
from llmtune.probe.host import Answer, Question
from llmtune.probe.reading import Malformed

SELF = "42 (a name) with ) brackets) R 1 1 1 0 -1 0 1 0 0 0 {user} 3 0 0 20 0 1 0 5 1 1 1"


def stat(first: int, second: int) -> str:
    return f"cpu  0 0 0 0\ncpu0 {first} 0 0 900 5 0 0 0 0 0\ncpu1 {second} 0 0 900 5 0 0 2 0 0\nintr 1\n"


def answers(*readings: tuple[float, int, int, int]) -> dict[Question, Answer]:
    """At each moment: the clock, the busy ticks of two CPUs, our own."""
    found: dict[Question, Answer] = {("wait", "0.3", 13): None}
    for moment, (clock, first, second, own) in zip((11, 12, 13), readings, strict=False):
        found[("clock", moment)] = clock
        found[("read", "/proc/stat", moment)] = stat(first, second).encode()
        found[("read", "/proc/self/stat", moment)] = SELF.format(user=own).encode()
    return found


@pytest.mark.parametrize(
    ("readings", "cpus", "busy"),
    [
        # All that was used was ours.
        (((0.0, 0, 0, 0), (0.2, 20, 0, 20)), (0, 1), 0.0),
        # A neighbour, still there when looked at again.
        (((0.0, 0, 0, 0), (0.2, 20, 20, 20), (0.7, 20, 70, 20)), (0, 1), 1.0),
        # Something that was gone when looked at again.
        (((0.0, 0, 0, 0), (0.2, 20, 20, 20), (0.7, 21, 20, 20)), (0, 1), 0.02),
        # A neighbour on a CPU that is not ours to use.
        (((0.0, 0, 0, 0), (0.2, 20, 20, 20)), (0,), 0.0),
    ],
)
def test_busy(
    tmp_path: Path, readings: tuple[tuple[float, int, int, int], ...], cpus: tuple[int, ...], busy: float
) -> None:
    host = tree_host(tmp_path, {}, answers(*readings))
    assert finish_busy_sample(host, start_busy_sample(host), cpus) == pytest.approx(busy)


def test_a_machine_that_does_not_say(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {})
    assert finish_busy_sample(host, start_busy_sample(host), (0, 1)) is None
    assert host.gaps == []


def test_ticks() -> None:
    assert parse_busy_ticks(stat(7, 8)) == {0: 7, 1: 10}
    assert parse_own_ticks(SELF.format(user=4)) == 7
    assert parse_own_ticks("") == parse_own_ticks("1 (x) R 1") == 0
    with pytest.raises(Malformed):
        parse_busy_ticks("nothing")

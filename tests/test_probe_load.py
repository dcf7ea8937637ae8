from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.load import parse_cpu_times, parse_loadavg, probe_load
from llmtune.probe.pressure import parse_pressure
from llmtune.probe.reading import Malformed

PRESSURE = "some avg10=12.50 avg60=3.00 avg300=1.25 total=42\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def test_load(tmp_path: Path) -> None:
    files = {
        "/proc/loadavg": "1.50 1.00 0.50 3/200 4711\n",
        "/proc/stat": "cpu  100 0 100 9000 50 0 0 50 0 0\ncpu0 1 1 1 1\n",
        "/proc/pressure/cpu": PRESSURE,
    }
    load = probe_load(tree_host(tmp_path, files))
    assert (load.average_1min, load.running_tasks) == (1.5, 3)
    assert (load.waiting_percent_10s, load.waiting_percent_300s) == (12.5, 1.25)
    assert (load.steal_percent, load.wanted_seconds) == (20.0, 2.5)


def test_kernels_without_steal_or_pressure(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/stat": "cpu  100 0 100 9000\n"})
    load = probe_load(host)
    assert (load.steal_percent, load.waiting_percent_10s, load.average_1min, host.gaps) == (None, None, None, [])


@pytest.mark.parametrize("parse", [parse_loadavg, parse_cpu_times, parse_pressure])
@pytest.mark.parametrize("text", ["", "\0\0", "cpu x y", "some avg10=nan avg60=1 avg300=1", "1.0 2"])
def test_damage(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(Malformed):
        parse(text)

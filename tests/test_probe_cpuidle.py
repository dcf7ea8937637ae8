from pathlib import Path

from trees import tree_host

from llmtune.probe.cpuidle import probe_cpuidle

CPU = "/sys/devices/system/cpu"


def test_states_of_the_first_cpu(tmp_path: Path) -> None:
    files = {
        f"{CPU}/cpuidle/current_driver": "intel_idle",
        f"{CPU}/cpuidle/current_governor_ro": "menu",
        f"{CPU}/cpu0/cpuidle/state0/name": "POLL",
        f"{CPU}/cpu0/cpuidle/state0/latency": "0",
        f"{CPU}/cpu0/cpuidle/state0/disable": "0",
        f"{CPU}/cpu0/cpuidle/state1/name": "C6",
        f"{CPU}/cpu0/cpuidle/state1/latency": "133",
        f"{CPU}/cpu0/cpuidle/state1/disable": "1",
    }
    idle = probe_cpuidle(tree_host(tmp_path, files))
    assert (idle.driver, idle.governor, idle.cpu) == ("intel_idle", "menu", 0)
    assert [(s.name, s.latency_us, s.disabled) for s in idle.states] == [("POLL", 0, False), ("C6", 133, True)]


def test_no_driver(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {f"{CPU}/cpuidle/current_driver": "none"})
    idle = probe_cpuidle(host)
    assert (idle.driver, idle.states, host.gaps) == (None, (), [])

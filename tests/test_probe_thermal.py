from pathlib import Path

from trees import tree_host

from llmtune.probe.thermal import probe_thermal

CPU = "/sys/devices/system/cpu"
THERMAL = "/sys/class/thermal"


def two_sockets_of_two_threads() -> dict[str, str]:
    files = {"/proc/uptime": "1000.50 900.00"}
    for cpu in range(4):
        siblings = "0-1" if cpu < 2 else "2-3"
        files |= {
            f"{CPU}/cpu{cpu}/topology/package_cpus_list": siblings,
            f"{CPU}/cpu{cpu}/topology/core_cpus_list": siblings,
            f"{CPU}/cpu{cpu}/thermal_throttle/core_throttle_count": "3",
            f"{CPU}/cpu{cpu}/thermal_throttle/package_throttle_count": "10",
            f"{CPU}/cpu{cpu}/thermal_throttle/package_throttle_total_time_ms": "700" if cpu < 2 else "900",
        }
    return files


def test_each_core_and_socket_counts_once(tmp_path: Path) -> None:
    heat = probe_thermal(tree_host(tmp_path, two_sockets_of_two_threads()))
    assert (heat.core_throttle_count, heat.package_throttle_count, heat.package_throttle_ms) == (6, 20, 900)
    assert heat.uptime_s == 1000.5


def test_zones_and_what_slows_cpus_now(tmp_path: Path) -> None:
    files = {
        f"{THERMAL}/thermal_zone0/type": "x86_pkg_temp",
        f"{THERMAL}/thermal_zone0/temp": "83000",
        f"{THERMAL}/thermal_zone1/type": "iwlwifi_1",
        f"{THERMAL}/cooling_device0/type": "Processor",
        f"{THERMAL}/cooling_device0/cur_state": "2",
        f"{THERMAL}/cooling_device0/max_state": "10",
        f"{THERMAL}/cooling_device1/type": "Fan",
        f"{THERMAL}/cooling_device1/cur_state": "1",
        f"{THERMAL}/cooling_device2/type": "intel_powerclamp",
        f"{THERMAL}/cooling_device2/cur_state": "-1",
        f"{THERMAL}/cooling_device3/type": "cpufreq-cpu0",
        f"{THERMAL}/cooling_device3/cur_state": "0",
    }
    host = tree_host(tmp_path, files)
    heat = probe_thermal(host)
    assert [(zone.name, zone.temperature_mc) for zone in heat.zones] == [("x86_pkg_temp", 83000), ("iwlwifi_1", None)]
    assert [(cooler.name, cooler.state, cooler.max_state) for cooler in heat.coolers] == [("Processor", 2, 10)]
    assert host.gaps == []


def test_nothing_to_read(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {f"{CPU}/cpu0/online": "1"})
    heat = probe_thermal(host)
    assert (heat.core_throttle_count, heat.package_throttle_count, heat.zones, host.gaps) == (None, None, (), [])

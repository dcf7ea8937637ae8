"""systemd as the first process: trials end by themselves; what is persisted comes back at boot and can be removed."""

import json
from pathlib import Path

import pytest
from vm.guest import Guest, make_disk

pytestmark = [pytest.mark.heavy, pytest.mark.vm]

SWAPPINESS = "sysctl -n vm.swappiness"
FILES = "find /etc/llmtune /etc/systemd/system -name '*llmtune*' -o -name boot.json 2>/dev/null | sort"
OURS = [
    "/etc/llmtune",
    "/etc/llmtune/boot.json",
    "/etc/systemd/system/llmtune.service",
    "/etc/systemd/system/multi-user.target.wants/llmtune.service",
]


def wait_for(guest: Guest, condition: str) -> None:
    guest.sh(f"for try in $(seq 600); do if {condition}; then exit 0; fi; sleep 0.3; done; exit 1")


def files(guest: Guest) -> list[str]:
    return guest.sh(FILES).split()


def boot(disk: Path) -> Guest:
    return Guest(disk=disk, cpus=2, node_mib=1536, systemd=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_disk(tmp_path_factory.mktemp("systemd") / "disk")


def test_trials_and_persistence_over_boots_and_a_power_cut(disk: Path) -> None:
    with boot(disk) as guest:
        assert guest.sh("cat /proc/1/comm").strip() == "systemd"
        guest.sh("sysctl -q -w vm.swappiness=35")
        a_trial_ends_by_itself(guest)
        a_confirmed_trial_stays(guest)
        assert files(guest) == []
        guest.llmtune("apply --set vm.swappiness=10 --set thp.enabled=never --persist --yes")
        assert files(guest) == OURS
        # So that the next boot begins with another value than this one.
        guest.sh("echo vm.swappiness=44 >/etc/sysctl.d/60-site.conf")
        guest.shut_down("systemctl poweroff")
    with boot(disk) as guest:
        comes_back_at_boot(guest)
        goes_without_a_trace(guest)
        guest.llmtune_until_stalled("apply --set vm.swappiness=12 --persist --yes", "linked llmtune.service")
        assert files(guest) == OURS[:3]
        guest.sh("sync")
        guest.cut_power()
    with boot(disk) as guest:
        is_cleared_after_a_power_cut(guest)


def a_trial_ends_by_itself(guest: Guest) -> None:
    guest.llmtune("apply --set vm.swappiness=11 --trial 20s --yes")
    assert guest.sh("systemctl list-timers --all --no-legend 'llmtune-trial-*'").strip() != ""
    wait_for(guest, f'[ "$({SWAPPINESS})" = 35 ]')
    wait_for(guest, '[ -z "$(systemctl list-units --all --no-legend "llmtune-trial-*")" ]')
    assert "Nothing is applied" in guest.llmtune("status")


def a_confirmed_trial_stays(guest: Guest) -> None:
    guest.llmtune("apply --set vm.swappiness=11 --trial 60s --yes")
    armed = float(guest.sh("cut -d ' ' -f 1 /proc/uptime"))
    guest.llmtune("confirm")
    assert guest.sh("systemctl list-units --all --no-legend 'llmtune-trial-*'").strip() == ""
    wait_for(guest, f"awk '{{exit $1 < {armed + 65}}}' /proc/uptime")
    assert guest.sh(SWAPPINESS).strip() == "11"
    guest.llmtune("rollback --yes")
    assert guest.sh(SWAPPINESS).strip() == "35"


def comes_back_at_boot(guest: Guest) -> None:
    wait_for(guest, "systemctl is-active --quiet llmtune.service || systemctl is-failed --quiet llmtune.service")
    told = guest.run("systemctl status --no-pager --full llmtune.service").out
    assert guest.sh(SWAPPINESS).strip() == "10", told
    assert "[never]" in guest.sh("cat /sys/kernel/mm/transparent_hugepage/enabled")
    assert guest.sh("systemctl is-active llmtune.service").strip() == "active"
    guest.llmtune("verify")
    applied = json.loads(guest.llmtune("status --format json"))["transactions"]
    assert applied[-1]["keys"]["vm.swappiness"] == {"before": "44", "value": "10"}


def goes_without_a_trace(guest: Guest) -> None:
    guest.llmtune("rollback --yes")
    assert guest.sh(SWAPPINESS).strip() == "44"
    assert "[always]" in guest.sh("cat /sys/kernel/mm/transparent_hugepage/enabled")
    assert files(guest) == []


def is_cleared_after_a_power_cut(guest: Guest) -> None:
    assert guest.sh(SWAPPINESS).strip() == "44"
    assert files(guest) != []
    assert "had been broken off" in guest.llmtune("rollback --yes")
    assert files(guest) == []
    assert guest.sh(SWAPPINESS).strip() == "44"

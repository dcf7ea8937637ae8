"""The power goes in mid-apply and in mid-rollback: the next boot finds out, claims nothing and leaves all as it is."""

import json
from pathlib import Path

import pytest
from vm.guest import Guest, make_disk

pytestmark = [pytest.mark.heavy, pytest.mark.vm]

SETS = "--set vm.swappiness=10 --set vm.stat_interval=7 --set vm.page-cluster=1"
SWAPPINESS, LAST = "wrote /proc/sys/vm/swappiness", "wrote /proc/sys/vm/page-cluster"
# Not what llmtune found before: whatever is put back by mistake is seen.
OTHERS = "sysctl -q -w vm.swappiness=33 vm.stat_interval=3"
AFTER_BOOT = ["33", "3", "3"]


def boot(disk: Path) -> Guest:
    return Guest(disk=disk, cpus=1, node_mib=1024)


def values(guest: Guest) -> list[str]:
    return guest.sh("sysctl -n vm.swappiness vm.stat_interval vm.page-cluster").split()


def check_next_boot(guest: Guest, known: list[int]) -> None:
    """Earlier transactions are known to have gone with their boot, and no value of this boot is touched for them."""
    guest.sh(OTHERS)
    told = json.loads(guest.llmtune("history --format json"))["transactions"]
    assert [(found["id"], found["state"]) for found in told] == [(number, "gone by boot") for number in known]
    assert "Nothing is applied" in guest.llmtune("status")
    assert "Nothing is in force" in guest.llmtune("rollback --yes")
    assert values(guest) == AFTER_BOOT


def cut_in_mid_apply(disk: Path, on: str, *, without_fsync: bool = False) -> None:
    with boot(disk) as guest:
        guest.sh("test ! -e /var/lib/llmtune")
        guest.llmtune_until_stalled(f"apply {SETS} --yes", on, without_fsync=without_fsync)
        assert values(guest) == ["10", "1", "3"]
        guest.cut_power()


def test_power_cuts_in_mid_apply_and_in_mid_rollback(tmp_path: Path) -> None:
    disk = make_disk(tmp_path / "disk")
    cut_in_mid_apply(disk, SWAPPINESS)
    with boot(disk) as guest:
        check_next_boot(guest, [1])
        guest.llmtune_until_stalled(f"apply {SETS} --yes", LAST)
        assert values(guest) == ["10", "7", "1"]
        guest.cut_power()
    with boot(disk) as guest:
        check_next_boot(guest, [1, 2])
        guest.llmtune(f"apply {SETS} --yes")
        guest.llmtune_until_stalled("rollback --yes", LAST)
        assert values(guest) == ["10", "7", "3"]
        guest.cut_power()
    with boot(disk) as guest:
        check_next_boot(guest, [1, 2, 3])


def test_without_fsync_the_next_boot_knows_nothing(tmp_path: Path) -> None:
    # What the other test relies on: without it that test is red.
    disk = make_disk(tmp_path / "disk")
    cut_in_mid_apply(disk, SWAPPINESS, without_fsync=True)
    with boot(disk) as guest, pytest.raises(AssertionError, match="gone by boot"):
        check_next_boot(guest, [1])

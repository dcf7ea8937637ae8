from pathlib import Path

import pytest
from trees import Link, tree_host

from llmtune.probe.kernel import parse_command_line, parse_version, probe_kernel
from llmtune.probe.sysctl_files import parse_sysctl_file, read_sysctl_files
from llmtune.probe.tuning import probe_tuning


def test_kernel(tmp_path: Path) -> None:
    kernel = probe_kernel(
        tree_host(
            tmp_path,
            {
                "/proc/sys/kernel/osrelease": "6.8.0-45-generic",
                "/proc/cmdline": "BOOT_IMAGE=/vmlinuz ro quiet transparent-hugepage=never isolcpus=2-3",
                "/proc/uptime": "123.45 200.00",
                "/etc/os-release": 'NAME="X"\nPRETTY_NAME="X Linux 1"\n',
                "/sys/kernel/security/lockdown": "none [integrity] confidentiality",
            },
        )
    )
    assert kernel.version == (6, 8)
    assert kernel.distribution == "X Linux 1"
    assert kernel.lockdown == "integrity"
    assert kernel.uptime_s == 123
    assert kernel.parameter("transparent_hugepage") == "never"
    assert kernel.parameter("quiet") == ""
    assert kernel.parameter("mitigations") is None


def test_release_from_the_version_line(tmp_path: Path) -> None:
    host = tree_host(tmp_path, {"/proc/version": "Linux version 3.10.0-1160.el7.x86_64 (mockbuild@x) (gcc)"})
    assert probe_kernel(host).release == "3.10.0-1160.el7.x86_64"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", ()),
        ("ro -- --mitigations=off", (("ro", None),)),
        ("a=1 a=2", (("a", "1"), ("a", "2"))),
        ('dyndbg="file x +p" b', (("dyndbg", "file x +p"), ("b", None))),
        ('broken="quote', (("broken", '"quote'),)),
    ],
)
def test_command_line(text: str, pairs: tuple[tuple[str, str | None], ...]) -> None:
    assert parse_command_line(text) == pairs


def test_version_of_nonsense() -> None:
    assert parse_version("garbage") is None


def test_sysctl_lines() -> None:
    text = "# comment\nvm.swappiness = 10  # why\n-vm/max_map_count=9\n; old\nkernel.x\nvm.dirty_ratio=\n"
    assert parse_sysctl_file(text) == [
        ("vm.swappiness", "10  # why"),
        ("vm.max_map_count", "9"),
        ("vm.dirty_ratio", ""),
    ]


def test_the_last_name_wins_and_etc_hides_usr(tmp_path: Path) -> None:
    host = tree_host(
        tmp_path,
        {
            "/usr/lib/sysctl.d/50-a.conf": "vm.swappiness=1\nvm.max_map_count=1",
            "/etc/sysctl.d/50-a.conf": "vm.swappiness=2",
            "/usr/lib/sysctl.d/90-b.conf": "vm.dirty_ratio=3",
            "/etc/sysctl.d/10-c.conf": "vm.dirty_ratio=4",
            "/etc/sysctl.d/99-sysctl.conf": Link("../sysctl.conf"),
            "/etc/sysctl.conf": "vm.overcommit_memory=1",
            "/proc/sys/vm/swappiness": "60",
        },
    )
    lines = {line.key: (line.value, line.source, line.running) for line in read_sysctl_files(host)}
    assert lines["vm.swappiness"] == ("2", "/etc/sysctl.d/50-a.conf", "60")
    assert lines["vm.dirty_ratio"] == ("3", "/usr/lib/sysctl.d/90-b.conf", None)
    assert "vm.max_map_count" not in lines
    assert lines["vm.overcommit_memory"][0] == "1"


def test_daemons_by_name_and_by_argument(tmp_path: Path) -> None:
    host = tree_host(
        tmp_path,
        {
            "/proc/1/comm": "systemd",
            "/proc/10/comm": "irqbalance",
            "/proc/10/cmdline": "/usr/sbin/irqbalance\0",
            "/proc/11/comm": "python3",
            "/proc/11/cmdline": "/usr/bin/python3\0-Es\0/usr/sbin/tuned\0-l\0",
            "/proc/12/comm": "bash",
            "/proc/12/cmdline": "vim\0/etc/tuned\0",
            "/etc/systemd/system/multi-user.target.wants/tlp.service": Link("/usr/lib/systemd/system/tlp.service"),
            "/etc/tuned/active_profile": "balanced\n",
        },
    )
    tuning = probe_tuning(host)
    assert [(daemon.name, daemon.pid) for daemon in tuning.daemons or ()] == [("irqbalance", 10), ("tuned", 11)]
    assert tuning.enabled_units == ("tlp.service",)
    assert tuning.tuned_profile == "balanced"

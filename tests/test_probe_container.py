from pathlib import Path

import pytest
from trees import tree_host

from llmtune.probe.container import probe_container

DMI = "/sys/class/dmi/id"
VIRTUAL_CPU = {"/proc/cpuinfo": "processor : 0\nvendor_id : GenuineIntel\nflags : fpu hypervisor lm\n"}
BARE_CPU = {"/proc/cpuinfo": "processor : 0\nvendor_id : GenuineIntel\nflags : fpu lm\n"}


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({}, "none"),
        ({"/.dockerenv": ""}, "docker"),
        ({"/run/.containerenv": "", "/proc/self/cgroup": "0::/\n"}, "podman"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"/proc/self/cgroup": "4:memory:/kubepods/burstable/pod1/abc\n", "/.dockerenv": ""}, "kubernetes"),
        ({"/var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, "kubernetes"),
        ({"/proc/self/cgroup": "2:cpu:/lxc/box\n"}, "lxc"),
        ({"/proc/self/cgroup": "0::/system.slice/docker-0a1b.scope\n"}, "docker"),
        ({"/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-2.scope\n"}, "none"),
        ({"/proc/version": "Linux version 5.15.90.1-microsoft-standard-WSL2"}, "wsl"),
    ],
)
def test_container(tmp_path: Path, files: dict[str, str], kind: str) -> None:
    host = tree_host(tmp_path, files)
    assert probe_container(host).kind == kind
    assert host.gaps == []


@pytest.mark.parametrize(
    ("files", "hypervisor"),
    [
        ({}, None),
        (BARE_CPU | {f"{DMI}/sys_vendor": "Dell Inc."}, None),
        (BARE_CPU | {f"{DMI}/sys_vendor": "Amazon EC2", f"{DMI}/product_name": "m5.metal"}, None),
        (VIRTUAL_CPU | {f"{DMI}/sys_vendor": "Amazon EC2", f"{DMI}/product_name": "m5.large"}, "amazon"),
        (VIRTUAL_CPU | {f"{DMI}/sys_vendor": "QEMU", f"{DMI}/product_name": "Standard PC"}, "qemu"),
        (VIRTUAL_CPU | {f"{DMI}/product_name": "VMware Virtual Platform"}, "vmware"),
        (
            VIRTUAL_CPU | {f"{DMI}/sys_vendor": "Microsoft Corporation", f"{DMI}/product_name": "Virtual Machine"},
            "hyper-v",
        ),
        (VIRTUAL_CPU | {"/sys/hypervisor/type": "xen"}, "xen"),
        (VIRTUAL_CPU, "unnamed"),
        (
            VIRTUAL_CPU | {"/sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc kvm-clock"},
            "kvm",
        ),
        ({"/proc/sysinfo": "VM00 Control Program: KVM/Linux"}, "kvm"),
        ({"/proc/sysinfo": "VM00 Control Program: z/VM    6.4.0"}, "z/vm"),
        ({"/proc/device-tree/hypervisor/compatible": "linux,kvm\0"}, "kvm"),
    ],
)
def test_hypervisor(tmp_path: Path, files: dict[str, str], hypervisor: str | None) -> None:
    assert probe_container(tree_host(tmp_path, files)).hypervisor == hypervisor

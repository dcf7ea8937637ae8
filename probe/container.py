"""Whether this is a container, a virtual machine, or the bare machine.

Containers: /run/systemd/container, /run/.containerenv, /.dockerenv, Kubernetes' secrets, cgroup paths.
Virtual machines: the DMI names in /sys/class/dmi/id, /sys/hypervisor, device tree, clock source, and the CPU's own
`hypervisor` flag, much as systemd-detect-virt(1) does where it cannot ask the CPU.
"""

from .host import Host
from .parse import parse_key_values
from .reading import Reading

_CGROUP_WORDS = (
    ("kubepods", "kubernetes"),
    ("/docker/", "docker"),
    ("docker-", "docker"),
    ("libpod", "podman"),
    ("lxc", "lxc"),
    ("machine.slice/systemd-nspawn", "systemd-nspawn"),
)
_DMI_WORDS = (
    ("firecracker", "firecracker"),
    ("kubevirt", "kvm"),
    ("openstack", "kvm"),
    ("qemu", "qemu"),
    ("kvm", "kvm"),
    ("amazon ec2", "amazon"),
    ("google", "google"),
    ("alibaba cloud", "alibaba"),
    ("digitalocean", "kvm"),
    ("vmware", "vmware"),
    ("innotek", "virtualbox"),
    ("virtualbox", "virtualbox"),
    ("xen", "xen"),
    ("bochs", "bochs"),
    ("parallels", "parallels"),
    ("bhyve", "bhyve"),
    ("apple virtualization", "apple"),
    ("hyper-v", "hyper-v"),
)
_DMI_FILES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")


class Container(Reading):
    """What stands between this process and the bare machine."""

    kind: str
    """docker, podman, kubernetes, lxc, systemd-nspawn, wsl, other containers' own names; `none` for none seen."""
    kind_source: str | None
    """The file that told."""
    hypervisor: str | None
    """kvm, qemu, vmware, xen, hyper-v, amazon ...; `unnamed` where only the CPU says so; None for a bare machine."""
    hypervisor_source: str | None


def probe_container(host: Host) -> Container:
    """Look for signs of containers and virtual machines."""
    kind, kind_source = _container(host)
    hypervisor, hypervisor_source = _hypervisor(host)
    return Container(kind=kind, kind_source=kind_source, hypervisor=hypervisor, hypervisor_source=hypervisor_source)


def _container(host: Host) -> tuple[str, str | None]:
    version = (host.text("/proc/version", optional=True) or "").lower()
    if "microsoft" in version or "wsl" in version:
        return "wsl", "/proc/version"
    cgroups = host.text("/proc/self/cgroup", optional=True) or ""
    if "kubepods" in cgroups:
        return "kubernetes", "/proc/self/cgroup"
    if host.exists("/var/run/secrets/kubernetes.io"):
        return "kubernetes", "/var/run/secrets/kubernetes.io"
    told = host.text("/run/systemd/container", optional=True)
    if told:
        return told[:40], "/run/systemd/container"
    for path, kind in (("/run/.containerenv", "podman"), ("/.dockerenv", "docker")):
        if host.exists(path):
            return kind, path
    for word, kind in _CGROUP_WORDS:
        if word in cgroups:
            return kind, "/proc/self/cgroup"
    return "none", None


def _hypervisor(host: Host) -> tuple[str | None, str | None]:
    flagged = _hypervisor_flag(host)
    if flagged is not False:
        # Cloud vendors' names are also on their bare machines, where the CPU does not say `hypervisor`.
        for name in _DMI_FILES:
            path = f"/sys/class/dmi/id/{name}"
            words = (host.text(path, optional=True) or "").lower()
            kind = next((kind for word, kind in _DMI_WORDS if word in words), None)
            if kind is None and words == "virtual machine":
                kind = "hyper-v"
            if kind and not (flagged is None and kind in ("google", "amazon", "alibaba")):
                return kind, path
    kind = host.text("/sys/hypervisor/type", optional=True)
    if kind and flagged is not False:
        return kind[:40], "/sys/hypervisor/type"
    return _hypervisor_elsewhere(host, flagged)


def _hypervisor_elsewhere(host: Host, flagged: bool | None) -> tuple[str | None, str | None]:
    tree = host.text("/proc/device-tree/hypervisor/compatible", optional=True)
    if tree:
        return ("kvm" if "kvm" in tree else tree[:40]), "/proc/device-tree/hypervisor/compatible"
    for line in (host.text("/proc/sysinfo", optional=True) or "").splitlines():
        if "Control Program" in line:  # s390
            return ("kvm" if "KVM" in line else "z/vm"), "/proc/sysinfo"
    cpuinfo = host.text("/proc/cpuinfo", optional=True) or ""
    if "emulated by qemu" in cpuinfo:  # POWER
        return "qemu", "/proc/cpuinfo"
    clocks = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
    words = host.text(clocks, optional=True) or ""
    for word, kind in (("kvm-clock", "kvm"), ("hyperv", "hyper-v"), ("xen", "xen")):
        if word in words:
            return kind, clocks
    return ("unnamed", "/proc/cpuinfo") if flagged else (None, None)


def _hypervisor_flag(host: Host) -> bool | None:
    """Whether an x86 CPU says that it is virtual; None on others."""
    first = (host.text("/proc/cpuinfo", optional=True) or "").partition("\n\n")[0]
    flags = parse_key_values(first).get("flags")
    return None if flags is None else "hypervisor" in flags.split()

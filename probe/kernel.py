"""The kernel: version, command line, and what of it concerns inference.

Reads /proc/sys/kernel/osrelease, /proc/version, /proc/cmdline (Documentation/admin-guide/kernel-parameters.rst),
/sys/kernel/security/lockdown, /etc/os-release and /proc/uptime.
"""

import re
import shlex

from .host import Host
from .parse import parse_key_values, parse_uptime
from .reading import Malformed, Reading

MAX_COMMAND_LINE = 64 << 10


class Kernel(Reading):
    """The running kernel and its distribution."""

    release: str | None
    """As `uname -r`."""
    version: tuple[int, int] | None
    distribution: str | None
    """PRETTY_NAME of os-release."""
    command_line: tuple[tuple[str, str | None], ...] | None
    """Name and value of each parameter, in order; the value is None for a bare word."""
    lockdown: str | None
    """`none`, `integrity` or `confidentiality`; with the latter two even root cannot write MSRs or debugfs."""
    tainted: int | None
    uptime_s: int | None

    def parameter(self, name: str) -> str | None:
        """The last value given for a parameter; `` for a bare word; None where it is not given."""
        values = [value or "" for key, value in self.command_line or () if key == name]
        return values[-1] if values else None


def probe_kernel(host: Host) -> Kernel:
    """Read the kernel."""
    release = host.text("/proc/sys/kernel/osrelease", optional=True)
    if release is None:
        release = host.parsed("/proc/version", parse_version_line, optional=True)
    uptime_s = host.parsed("/proc/uptime", parse_uptime, optional=True)
    system = host.text("/etc/os-release", optional=True) or host.text("/usr/lib/os-release", optional=True)
    return Kernel(
        release=release,
        version=parse_version(release or ""),
        distribution=parse_key_values(system, "=").get("PRETTY_NAME", "").strip("\"'") or None if system else None,
        command_line=host.parsed("/proc/cmdline", parse_command_line),
        lockdown=_lockdown(host),
        tainted=host.integer("/proc/sys/kernel/tainted", optional=True),
        uptime_s=None if uptime_s is None else int(uptime_s),
    )


def parse_version_line(text: str) -> str:
    """`Linux version 6.1.0-13-amd64 (...)` -> the release."""
    match = re.match(r"Linux version (\S{1,100})", text)
    if not match:
        raise Malformed(f"not a kernel version: {text[:60]!r}")
    return match[1]


def parse_version(release: str) -> tuple[int, int] | None:
    """`6.1.0-13-amd64` -> (6, 1)."""
    match = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", release, re.ASCII)
    return (int(match[1]), int(match[2])) if match else None


def parse_command_line(text: str) -> tuple[tuple[str, str | None], ...]:
    """The kernel's command line; dashes and underscores in names mean the same, and are made underscores."""
    if len(text) > MAX_COMMAND_LINE:
        raise Malformed("longer than any kernel's command line")
    try:
        words = shlex.split(text, posix=True)
    except ValueError:
        words = text.split()
    if "--" in words:
        words = words[: words.index("--")]  # What follows is for process 1.
    pairs = (word.partition("=") for word in words)
    return tuple((name.replace("-", "_"), value if equals else None) for name, equals, value in pairs)


def _lockdown(host: Host) -> str | None:
    text = host.text("/sys/kernel/security/lockdown", optional=True)
    match = re.search(r"\[([a-z]{1,20})\]", text or "")
    return match[1] if match else None

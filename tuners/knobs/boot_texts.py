"""The two files by which settings come back at boot: the unit and the settings. What is theirs, and what is not."""

import re
from collections.abc import Iterable

from ..plain import Plain, as_json, from_json

VERSION = 1
_MADE = "# Made by llmtune (apply --persist); removed by llmtune rollback."
_SERVER = re.compile(r"[A-Za-z0-9][\w@.:-]{0,100}\.service\Z", re.ASCII)
_PROGRAM = re.compile(r"/[\w./+-]{1,200}/llmtune\Z", re.ASCII)
_ENGINES = ("llama-server.service", "llama.service", "ollama.service", "vllm.service")
_LINE = re.compile(
    r"(#[ -~]*|\[(Unit|Service|Install)\]|"
    r"(Description|Documentation|After|Before|Wants|Type|RemainAfterExit|ConditionPathExists|StateDirectory"
    r"|StateDirectoryMode|RuntimeDirectory|RuntimeDirectoryMode|RuntimeDirectoryPreserve|UMask|TimeoutStartSec|WantedBy"
    r"|ProtectSystem|ProtectHome|ProtectHostname|ProtectKernelModules|ProtectKernelLogs|ProtectControlGroups|PrivateTmp"
    r"|PrivateNetwork|NoNewPrivileges|LockPersonality|RestrictAddressFamilies|RestrictNamespaces|RestrictRealtime"
    r"|RestrictSUIDSGID|SystemCallArchitectures|CapabilityBoundingSet)=[\w @.,:;/'()+~-]*|"
    r"ExecStart=/[\w./+-]{1,200}/llmtune apply --boot|)\Z",
    re.ASCII,
)
"""Lines that a unit of ours, also of another version, can have."""
_UNIT = """{made}
[Unit]
Description=Settings for language models, applied by llmtune
After=systemd-sysctl.service systemd-modules-load.service systemd-tmpfiles-setup.service local-fs.target
After=nvidia-persistenced.service tuned.service power-profiles-daemon.service cpupower.service
Before={servers}
ConditionPathExists=/etc/llmtune/boot.json

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={program} apply --boot
TimeoutStartSec=60
UMask=0022
# What it changes is /proc/sys, /sys and the GPUs' driver; its own notes are in these two directories.
StateDirectory=llmtune
StateDirectoryMode=0700
RuntimeDirectory=llmtune
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateNetwork=yes
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SYS_NICE CAP_SYS_RESOURCE CAP_NET_ADMIN CAP_DAC_OVERRIDE

[Install]
WantedBy=multi-user.target
"""


_KEY = re.compile(r"[a-z][A-Za-z0-9_./:@+!-]{0,200}\Z", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9_.,:+/ -]{1,200}\Z", re.ASCII)
_PROFILE = re.compile(r"[a-z0-9_-]{1,64}\Z", re.ASCII)


class BootSetting(Plain):
    """One setting that comes back at boot."""

    key: str
    value: str
    required: bool = False
    keep_short: bool = False
    at_least: bool = False


class BootSettings(Plain):
    """All of them, in the order in which they are made."""

    version: int = VERSION
    profile: str | None = None
    settings: tuple[BootSetting, ...]


def render_settings(settings: BootSettings) -> str:
    """The text of boot.json."""
    return as_json(settings, indent=1) + "\n"


def parse_settings(text: str) -> BootSettings | None:
    """What a boot.json says, None where it is none of ours."""
    try:
        found = from_json(BootSettings, text)
    except ValueError:
        return None
    fine = all(_KEY.match(setting.key) and _VALUE.match(setting.value) for setting in found.settings)
    fine = fine and (found.profile is None or _PROFILE.match(found.profile) is not None)
    return found if fine and found.version == VERSION else None


def is_settings(text: str) -> bool:
    """Whether it is a text that `render_settings` makes."""
    found = parse_settings(text)
    return found is not None and render_settings(found) == text


def render_unit(program: str, servers: Iterable[str] = ()) -> str:
    """The unit that applies the settings, before the inference servers; raises ValueError."""
    if not _PROGRAM.match(program) or ".." in program:
        raise ValueError(f"{program[:100]!r} is not a path that a unit can name")
    names = dict.fromkeys((*_ENGINES, *(name for name in servers if _SERVER.match(name))))
    return _UNIT.format(made=_MADE, program=program, servers=" ".join(names))


def is_unit(text: str) -> bool:
    """Whether every line is one that a unit of ours can have."""
    lines = text.split("\n")
    return lines[0] == _MADE and text.endswith("\n") and all(_LINE.match(line) for line in lines)

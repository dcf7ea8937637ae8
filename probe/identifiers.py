"""Where identifiers stand in what was read: whole answers, patterns around a name, and rows of hexadecimal digits."""

import ipaddress
import re
from typing import NamedTuple

from .host import Question
from .placeholders import is_stand_in

_NAME = r"([^/\s:;,\"'\\|(){}\[\]<>=&\0]+)"

_BUS = "(?:ata|nvme|scsi|usb|virtio|mmc|memstick)"

WHOLE = (
    ("host", re.compile(r"/proc/sys/kernel/(hostname|domainname)|/etc/(hostname|mailname)")),
    (
        "serial",
        re.compile(
            r".*/((product|board|chassis|system)_(serial|asset_tag)|serial|serial[-_]number|wwid|wwn|unique_id|phys_switch_id"
            r"|subsysnqn|hostnqn|hostid|nguid|eui|phys_port_id)"
        ),
    ),
)
"""Files whose whole content identifies (UUIDs and MACs are found everywhere by their shape)."""

VARIABLES = {
    "USER": "user",
    "LOGNAME": "user",
    "SUDO_USER": "user",
    "USERNAME": "user",
    "HOSTNAME": "host",
    "HOST": "host",
}

SERIAL_KEYS = re.compile(r"serial|wwn|wwid|asset_?tag|nguid|eui64|unique_?id|_uuid|_ident_", re.IGNORECASE)
"""Names of udev properties and JSON members whose values identify."""


class Around(NamedTuple):
    """A pattern whose first group is an identifier."""

    kind: str
    hint: str
    """A text without which the pattern cannot match: cheap to look for first."""
    pattern: re.Pattern[str]
    everywhere: bool = True
    """Whether the name is then replaced wherever it stands."""


AROUND = (
    Around("user", "/home/", re.compile(rf"/home/{_NAME}")),
    Around("user", "/media/", re.compile(rf"/run/media/{_NAME}")),
    Around("user", "username=", re.compile(r"\busername=([^,\s]+)")),
    Around("user", "Linux version ", re.compile(r"Linux version [^\n(]*\(([^\s@()]+)@"), everywhere=False),
    Around("host", "Linux version ", re.compile(r"Linux version [^\n(]*\([^\s@()]+@([^\s@()]+)\)"), everywhere=False),
    Around("host", "hostname=", re.compile(r"\bhostname=([^\s,;]+)")),
    Around("host", ":/", re.compile(r"(?:^| - \S+ )([A-Za-z][A-Za-z0-9.-]+):/\S* ", re.MULTILINE)),
    Around("host", "//", re.compile(r"(?:^| - \S+ )//([A-Za-z0-9.-]+)/\S* ", re.MULTILINE)),
    Around("serial", "Serial", re.compile(r"\bSerial(?: Number)?\"?\s*: *\"?([^\s\",<>][^\n\",<>]*)")),
    Around("serial", "serial>", re.compile(r"serial>([^<>\n]+)<")),
    Around("serial", "Asset Tag", re.compile(r"\bAsset Tag\s*: *([^\s<>][^\n<>]*)")),
    Around("serial", "Unique ID", re.compile(r"Unique ID\"?\s*: *\"?(0x[0-9A-Fa-f]+)")),
    Around("serial", "identification", re.compile(r"\bidentification = ([0-9A-F]{6})\b"), everywhere=False),
    Around("serial", "Sequence Code", re.compile(r"\bSequence Code: *(\w+)")),
    Around(
        "serial",
        "UUID=",
        re.compile(
            r"\b(?:PART)?UUID=\"?([0-9A-Fa-f]{8}|[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4})(?![0-9A-Za-z])(?!-[0-9A-Fa-f]{4})"
        ),
    ),
    Around("serial", "by-uuid/", re.compile(r"by-uuid/([0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}|[0-9A-Fa-f]{16})(?![0-9A-Za-z])")),
    Around("serial", "by-partuuid/", re.compile(r"by-partuuid/([0-9A-Fa-f]{8})(?=-[0-9]{2}\b)")),
    Around(
        "serial",
        "by-id/",
        re.compile(r"by-id/" + _BUS + r"-(?:[^/\s]*_)?([^/_\s]+?)(?=(?:_\d+)?(?:-part\d+)?(?:[\s/]|$))"),
    ),
    Around("serial", "nvme.", re.compile(r"\bnvme\.[0-9a-f]{4}-([0-9a-f]{4,})-")),
)

HEX = re.compile(
    r"""[0-9A-Fa-f]{8}(?P<sep>[-_])[0-9A-Fa-f]{4}(?P=sep)[0-9A-Fa-f]{4}(?P=sep)[0-9A-Fa-f]{4}(?P=sep)[0-9A-Fa-f]{12}(?![0-9A-Fa-f])
    | (?<![0-9A-Za-z]) [0-9A-Fa-f]{32} (?![0-9A-Za-z])
    | (?<![0-9A-Fa-f:]) (?:[0-9A-Fa-f]{2}:){5,19}[0-9A-Fa-f]{2} (?![0-9A-Fa-f:])
    | (?<![0-9A-Fa-f:]) (?:[0-9A-Fa-f]{4}:){3}[0-9A-Fa-f]{4} (?![0-9A-Fa-f:])
    | (?<![0-9A-Za-z]) (?:naa|eui) \. [0-9A-Fa-f]{16,32} (?![0-9A-Fa-f])
    | wwn-0x [0-9A-Fa-f]{16,32} (?![0-9A-Fa-f])
    | (?<![0-9A-Za-z]) enx[0-9A-Fa-f]{12} (?![0-9A-Za-z])
    """,
    re.VERBOSE,
)
"""UUIDs (also without hyphens: machine ids, NGUIDs), MACs and InfiniBand addresses and GUIDs, world-wide names."""

CONSTANT_UUIDS = {
    "8be4df6193ca11d2aa0d00e098032b8c",  # EFI global variables, the same on every machine (UEFI 2.10, section 3.3)
    "c12a7328f81f11d2ba4b00a0c93ec93b",  # EFI system partition
    "0fc63daf848347728e793d69d8477de4",  # Linux file system data
}

KEPT_USERS = {"root", "linuxbrew", "lost+found"}
_COMMON = """
admin administrator ai alma amd amazon arch archlinux azure azureuser build builder centos cloud cloud-user
container core cuda data debian default dev docker ec2-user fedora git github gpu guest hadoop home host http
huggingface intel jenkins jupyter kvm lab linux llama llamacpp lm lmstudio local localhost mail model models nginx
nobody node nvidia ollama opc opensuse podman pi postgres rhel rocky rocm runner sdcard server service sglang
shared srv ssh storage suse sysadmin system systemd temp test tmp triton ubuntu user users usr vagrant var vllm vm
work workspace www
"""
COMMON_NAMES = frozenset(_COMMON.split())
"""Names that tell nobody who it is; replacing them in other places would only spoil what is read."""

_FILLER = re.compile(
    r"(to be filled|default|not |unknown|none|n/a|na$|null|system |chassis |base ?board|board |no |empty"
    r"|o\.e\.m|oem|\[|\("
    r"|0?123456789|invalid|unspecified|undefined|standard|asset|serial|\*+$|-+$)",
    re.IGNORECASE,
)
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]", re.IGNORECASE)
_NAME_FILLER = {"(none)", "localhost", "localhost.localdomain", "localdomain", "n/a", "none"}


def whole_kind(question: Question) -> str | None:
    """`user`, `host` or `serial` where the whole answer is one."""
    kind, *arguments = question
    subject = str(arguments[0]) if arguments else ""
    if kind == "read":
        return next((name for name, pattern in WHOLE if pattern.fullmatch(subject)), None)
    if kind == "environment":
        return VARIABLES.get(subject)
    return "serial" if kind == "nvml" and "Serial" in subject else None


def identifies(kind: str, value: str) -> bool:
    """Whether a value found where identifiers stand is one, and not a filler or a stand-in."""
    if is_stand_in(kind, value):
        return False
    if kind == "user":
        return len(value) > 1 and value not in KEPT_USERS and not value.isdigit()
    if kind == "host":
        return len(value) > 1 and value.lower() not in _NAME_FILLER
    return len(value) > 3 and len(set(value)) > 2 and not _FILLER.match(value) and not _PCI_ADDRESS.fullmatch(value)


def found_everywhere(kind: str, value: str, vocabulary: set[str]) -> bool:
    """Whether a name is so much its own that it can be replaced wherever it stands as a word."""
    if kind == "serial":
        # A short row of digits may as well be a count of kilobytes, a short word just a word.
        if value.isdigit():
            return len(value) >= 10
        return len(value) >= (5 if any(character.isdigit() for character in value) else 9)
    return len(value) >= 3 and value.lower() not in COMMON_NAMES and value not in vocabulary and not value.isdigit()


_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])")
_WITH_ADDRESSES = re.compile(r"/proc/(cmdline|\d+/|self/|net/|mounts)|/etc/|/run/|/var/lib/")
_STAND_IN_NETWORKS = (ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("2001:db8::/32"))


def may_hold_addresses(question: Question) -> bool:
    """Whether four numbers between dots are an address there, and not a version."""
    kind, *arguments = question
    if kind in ("arguments", "variables", "environment", "http"):
        return True
    return kind == "read" and bool(_WITH_ADDRESSES.match(str(arguments[0])))


def addresses(text: str) -> list[str]:
    """The IP addresses in a text that tell where a machine is."""
    found = []
    for match in [*_IPV4.finditer(text), *(_IPV6.finditer(text) if "::" in text or text.count(":") >= 7 else ())]:
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        if address.is_loopback or address.is_unspecified or match[0].startswith("255.") or address.is_multicast:
            continue
        if any(address in network for network in _STAND_IN_NETWORKS if network.version == address.version):
            continue
        found.append(match[0])
    return found

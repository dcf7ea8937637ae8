"""Settings that are kept in files of llmtune's own, and so outlive a reboot: memlock limits, and what boots with us.

The list of places is all there is; a value is `absent`, or says what llmtune itself would write. Whatever else is found
in such a file is `other` with a hash: it is told and left, and no journal can make llmtune write it.
"""

import errno
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

from ..store import Unsafe
from .boot_texts import is_settings, is_unit
from .kernel_file import LIVE, Tree, printable_value
from .knob import Knob, Refused, Unavailable, describe_os_error
from .own_files import ABSENT, NOWHERE, Place, name_of_other

KEYS = ("memlock@UNIT.service", "memlock@user:NAME")
UNIT_DIRECTORY = "/etc/systemd/system"
UNIT_PATH = f"{UNIT_DIRECTORY}/llmtune.service"
SETTINGS_PATH = "/etc/llmtune/boot.json"
LINKED = "linked"
INFINITY = "infinity"
_LIMITS = "/etc/security/limits.d"
_UNIT = re.compile(r"[A-Za-z0-9][\w@.:-]{0,100}\.service\Z", re.ASCII)
_USER = re.compile(r"user:([a-z_][a-z0-9_-]{0,31})\Z", re.ASCII)
_BYTES = re.compile(r"[1-9]\d{0,17}\Z", re.ASCII)
_OTHER = re.compile(r"other [0-9a-f]{16}\Z", re.ASCII)
_LEAST_BYTES = 65_536
_MADE = "# Made by llmtune; removed by llmtune rollback.\n"


@dataclass(frozen=True)
class OwnFileKnob(Knob):
    """One file of ours."""

    key: str
    place: Place
    render: Callable[[str], bytes] = field(compare=False)
    """The content that a value means."""
    parse: Callable[[bytes], str | None] = field(compare=False)
    """The value of a content, None where it is not one of ours."""
    survives_reboot = True

    def read(self) -> str:
        """The value; raises `Unavailable`."""
        try:
            found = self.place.look()
        except Unsafe as why:
            raise Unavailable(f"{self.key}: {why}") from None
        except FileNotFoundError:
            raise Unavailable(f"{self.key}: this machine has no directory for {self.place.path}") from None
        except OSError as error:
            raise Unavailable(f"{self.key}: {self.place.path}: {describe_os_error(error)}") from None
        return self.value_of(found)

    def value_of(self, found: str | bytes) -> str:
        """What was found as a value."""
        if found in (ABSENT, NOWHERE):
            return str(found)
        value = self.parse(found) if isinstance(found, bytes) else None
        # Exactly what we would write, else it could not be put back byte by byte.
        return value if value is not None and self.render(value) == found else name_of_other(found)

    def write(self, value: str) -> None:
        """Write or remove the file; raises OSError."""
        try:
            if value in (ABSENT, NOWHERE):
                self.place.remove(with_directory=value == NOWHERE)
            elif _OTHER.match(value) or not self.holds(value):
                raise OSError(errno.EINVAL, "llmtune does not write what it did not make")
            else:
                self.put(value)
        except Unsafe as why:
            raise OSError(errno.EPERM, str(why)) from None

    def put(self, value: str) -> None:
        """Write the file."""
        self.place.put(self.render(value))

    def canonical(self, asked: str) -> str:
        """`absent`, or one of its values."""
        if asked != ABSENT and (_OTHER.match(asked) or asked == NOWHERE or not self.holds(asked)):
            raise Refused(f"{self.key}={printable_value(asked)}: it is not what llmtune writes there")
        return asked

    def holds(self, value: str) -> bool:
        """Whether it is a value, or stands for a foreign content that was found."""
        if value in (ABSENT, NOWHERE) or _OTHER.match(value):
            return True
        return self.parse(self.render(value)) == value

    def matches(self, asked: str, found: str) -> bool:
        """Equal; a directory that others use by now stays."""
        return asked == found or {asked, found} == {ABSENT, NOWHERE}

    def falls_short(self, asked: str, found: str) -> bool:
        """Killed between making the directory and the file."""
        return asked not in (ABSENT, NOWHERE) and found == ABSENT

    def check_writable(self) -> None:
        """Raise OSError where a foreign file is there, or the place is not ours alone."""
        try:
            self.place.check()
            if _OTHER.match(self.read()):
                raise OSError(errno.EEXIST, f"{self.place.path} holds what llmtune did not write: move it away")
        except Unsafe as why:
            raise OSError(errno.EPERM, str(why)) from None
        except Unavailable as why:
            raise OSError(errno.ENOENT, str(why)) from None

    def command(self, value: str) -> str:
        """What people type."""
        path, directory = shlex.quote(self.place.path), shlex.quote(self.place.directory)
        if value in (ABSENT, NOWHERE):
            also = f"; rmdir --ignore-fail-on-non-empty {directory}" if value == NOWHERE else ""
            return f"rm -f {path}{also}"
        if _OTHER.match(value):
            return f": # {path} held what llmtune did not make"
        made = f"mkdir -p {directory} && " if self.place.makes_directory else ""
        lines = " ".join(shlex.quote(line) for line in self.render(value).decode().removesuffix("\n").split("\n"))
        return f"{made}printf '%s\\n' {lines} > {path}"


@dataclass(frozen=True)
class MemlockKnob(OwnFileKnob):
    """How much memory a service or a user's sessions may lock: `infinity` or bytes."""

    def canonical(self, asked: str) -> str:
        """`infinity`, whole KiB of bytes, or `absent`."""
        if asked in (ABSENT, INFINITY):
            return asked
        if not _BYTES.match(asked) or int(asked) < _LEAST_BYTES:
            raise Refused(f"{self.key}={printable_value(asked)}: {INFINITY} or bytes, {_LEAST_BYTES} at least")
        return str(-(-int(asked) // 1024) * 1024)


@dataclass(frozen=True)
class LinkKnob(OwnFileKnob):
    """Whether our unit starts with the machine: the link that `systemctl enable` makes."""

    def value_of(self, found: str | bytes) -> str:
        """`linked` for our link."""
        return LINKED if found == f"link {UNIT_PATH}" else super().value_of(found)

    def put(self, value: str) -> None:
        """Make the link."""
        self.place.put_link(UNIT_PATH)

    def holds(self, value: str) -> bool:
        """Linked or not, or something else was found."""
        return value in (ABSENT, NOWHERE, LINKED) or bool(_OTHER.match(value))

    def command(self, value: str) -> str:
        """What people type."""
        return "systemctl enable llmtune.service" if value == LINKED else "systemctl disable llmtune.service"


def _drop_in(value: str) -> bytes:
    return f"{_MADE}[Service]\nLimitMEMLOCK={value}\n".encode()


def _parse_drop_in(data: bytes) -> str | None:
    found = re.search(rb"^LimitMEMLOCK=(\w+)$", data, re.MULTILINE)
    return _limit(found[1].decode()) if found else None


def _limit(text: str) -> str | None:
    return text if text == INFINITY or _BYTES.match(text) else None


def _limits_renderer(user: str) -> Callable[[str], bytes]:
    def render(value: str) -> bytes:
        shown = "unlimited" if value == INFINITY else str(int(value) // 1024) if _BYTES.match(value) else value
        return f"{_MADE}{user} - memlock {shown}\n".encode()

    return render


def _parse_limits(data: bytes) -> str | None:
    found = re.search(rb" - memlock (unlimited|[1-9]\d{0,15})$", data, re.MULTILINE)
    if found is None:
        return None
    return INFINITY if found[1] == b"unlimited" else str(int(found[1]) * 1024)


def _parse_settings(data: bytes) -> str | None:
    text = _text(data)
    return text if text is not None and is_settings(text) else None


def _parse_unit(data: bytes) -> str | None:
    text = _text(data)
    return text if text is not None and is_unit(text) else None


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _encode(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def system_file_knob(key: str, scope: str | None, tree: Tree = LIVE) -> OwnFileKnob | None:
    """The knob of a file on the list, else None."""
    if key == "boot.settings" and scope is None:
        return OwnFileKnob(key, Place(SETTINGS_PATH, True, tree), _encode, _parse_settings)
    if key == "boot.unit" and scope is None:
        return OwnFileKnob(key, Place(UNIT_PATH, False, tree), _encode, _parse_unit)
    if key == "boot.enabled" and scope is None:
        link = f"{UNIT_DIRECTORY}/multi-user.target.wants/{os.path.basename(UNIT_PATH)}"
        return LinkKnob(key, Place(link, True, tree), _encode, lambda _: None)
    if key != "memlock" or scope is None:
        return None
    if _UNIT.match(scope) and ".." not in scope:
        place = Place(f"{UNIT_DIRECTORY}/{scope}.d/90-llmtune.conf", True, tree)
        return MemlockKnob(f"{key}@{scope}", place, _drop_in, _parse_drop_in)
    user = _USER.match(scope)
    if user:
        place = Place(f"{_LIMITS}/90-llmtune-{user[1]}.conf", False, tree)
        return MemlockKnob(f"{key}@{scope}", place, _limits_renderer(user[1]), _parse_limits)
    return None

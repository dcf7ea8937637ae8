"""Where profiles lie: with llmtune, in /etc/llmtune/profiles, and for ordinary users in their own configuration.

The first that has the name counts, in the order: the user's own, /etc, llmtune's. Root takes none from a place that
others could change.
"""

import contextlib
import os
import stat
from dataclasses import dataclass

from ..advisors.system.advise import KNOWN
from ..advisors.system.profile import NAME, BadProfile, Profile, parse_profile
from .knobs.catalogue import NoDevice, expand
from .knobs.knob import Refused as KeyRefused
from .trust import changed_by_others

_OWN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "profiles")
_SYSTEM = "/etc/llmtune/profiles"
_LIMIT_BYTES = 65_536


class BadProfileFile(Exception):
    """No such profile, or one that cannot be taken. The message is one line."""


@dataclass(frozen=True)
class ProfileFile:
    """One profile that can be named."""

    name: str
    path: str


def directories(as_root: bool) -> list[str]:
    """Where profiles are looked for, first first."""
    if as_root:
        return [_SYSTEM, _OWN]
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return [os.path.join(config, "llmtune", "profiles"), _SYSTEM, _OWN]


def list_profiles(as_root: bool) -> list[ProfileFile]:
    """All that can be named, each name once."""
    found: dict[str, ProfileFile] = {}
    for directory in directories(as_root):
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        for file in names:
            name, ending = os.path.splitext(file)
            if ending == ".toml" and NAME.match(name):
                found.setdefault(name, ProfileFile(name, os.path.join(directory, file)))
    return list(found.values())


def load_profile(name: str, *, as_root: bool) -> Profile:
    """The profile of that name; raises `BadProfileFile`."""
    try:
        profile = parse_profile(
            read_profile(name, as_root=as_root), name, KNOWN, lambda base: read_profile(base, as_root=as_root)
        )
        for key in profile.settings:
            with contextlib.suppress(NoDevice):
                expand(key)
    except BadProfile as why:
        raise BadProfileFile(str(why)) from None
    except KeyRefused as why:
        raise BadProfileFile(f"profile {name}: {why}") from None
    return profile


def read_profile(name: str, *, as_root: bool) -> str:
    """A profile's text; raises `BadProfileFile`."""
    known = list_profiles(as_root)
    found = next((profile for profile in known if profile.name == name), None)
    if found is None:
        shown = "".join(letter if letter.isprintable() else "?" for letter in name[:60])
        raise BadProfileFile(f"there is no profile {shown}; there are {', '.join(sorted(item.name for item in known))}")
    # llmtune's own are as good as its code, and that `apply` looks at by itself.
    if as_root and os.path.dirname(found.path) != _OWN:
        _check(found.path)
    try:
        fd = os.open(found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise BadProfileFile(f"{found.path}: not a regular file")
            data = file.read(_LIMIT_BYTES + 1)
        if len(data) > _LIMIT_BYTES:
            raise BadProfileFile(f"{found.path}: too large for a profile")
        return data.decode()
    except OSError as error:
        raise BadProfileFile(f"{found.path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadProfileFile(f"{found.path}: it is not text in UTF-8") from None


def _check(path: str) -> None:
    place = path
    while True:
        if changed_by_others(place):
            raise BadProfileFile(f"{path}: not taken as root: others than root can change {place}")
        if place == "/":
            return
        place = os.path.dirname(place)

"""Settings that outlive a reboot: one oneshot unit of systemd that applies them afresh at every boot.

Afresh means: what is found at that boot is what a rollback puts back, also where an update or the administrator has
changed a default meanwhile. docs/persist.md weighs that against drop-ins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..probe.host import Host
from ..probe.sysctl_files import read_all_sysctl_lines
from .knobs.boot_texts import BootSetting, BootSettings, parse_settings, render_settings, render_unit
from .knobs.catalogue import resolve
from .knobs.kernel_file import LIVE, Tree
from .knobs.knob import Refused, Unavailable
from .knobs.own_files import ABSENT, NOWHERE
from .knobs.system_files import LINKED, SETTINGS_PATH
from .prepare import Wish
from .program import own_program, runs_systemd, trusted_tool

_OWN = ("boot.settings", "boot.unit", "boot.enabled")
_FILES = ("memlock",)
_SECONDS = 20


class CannotPersist(Exception):
    """Nothing that could apply settings at boot. The message is one line."""


def persist_wishes(
    wishes: Iterable[Wish],
    profile: str | None,
    servers: Iterable[str] = (),
    tree: Tree = LIVE,
    program: str | None = None,
) -> list[Wish]:
    """The files that bring these settings back at boot, for the same transaction.

    Settings that an earlier transaction persisted stay, but for the keys that are set anew. `servers` are units of
    inference servers, which are started after it; `program` is for tests. Raises `CannotPersist`, and `Untrusted` for
    a copy of llmtune that others could change.
    """
    if not runs_systemd(tree.root):
        raise CannotPersist(
            "--persist needs systemd as the first process; here, run 'llmtune apply' from your own init"
        )
    kept = {setting.key: setting for setting in _persisted(tree)}
    for wish in wishes:
        if not lasts_by_itself(wish.key):
            kept.pop(wish.key, None)
            kept[wish.key] = _setting(wish)
    settings = BootSettings(profile=profile, settings=tuple(kept.values()))
    return [
        Wish("boot.settings", render_settings(settings)),
        Wish("boot.unit", render_unit(program or own_program(), servers)),
        Wish("boot.enabled", LINKED),
    ]


def lasts_by_itself(key: str) -> bool:
    """Whether a setting is a file already, or belongs to a process that no boot brings back."""
    return key.partition("@")[0] in (*_OWN, *_FILES) or key.startswith("process.")


def _setting(wish: Wish) -> BootSetting:
    try:
        return BootSetting(
            key=wish.key,
            value=wish.value,
            required=wish.required,
            keep_short=wish.keep_short,
            at_least=wish.at_least,
        )
    except ValueError:
        raise CannotPersist(f"{wish.key}: its value cannot be kept in a file") from None


def _persisted(tree: Tree) -> Sequence[BootSetting]:
    try:
        text = resolve("boot.settings", tree).read()
    except Unavailable:
        return ()
    if text in (ABSENT, NOWHERE):
        return ()
    found = parse_settings(text)
    return found.settings if found is not None else ()


def boot_wishes(tree: Tree = LIVE) -> tuple[list[Wish], str | None]:
    """What is to be applied at boot, and the profile's name; raises `CannotPersist` where the file is none of ours.

    No setting is required: a device that is gone must not undo the rest, and the unit's log names it.
    """
    try:
        knob = resolve("boot.settings", tree)
        text = knob.read()
        found = parse_settings(text)
    except (Unavailable, Refused) as why:
        raise CannotPersist(str(why)) from None
    if text in (ABSENT, NOWHERE):
        raise CannotPersist(f"there is no {SETTINGS_PATH}: nothing was persisted")
    if found is None:
        raise CannotPersist(f"{SETTINGS_PATH} holds what llmtune did not write")
    wishes = [
        Wish(item.key, item.value, required=False, keep_short=item.keep_short, at_least=item.at_least)
        for item in found.settings
    ]
    return wishes, found.profile


def touches_units(keys: Iterable[str]) -> bool:
    """Whether changed keys are files that systemd reads."""
    return any(key in _OWN[1:] or (key.startswith("memlock@") and key.endswith(".service")) for key in keys)


def reload_systemd(keys: Iterable[str]) -> str | None:
    """`systemctl daemon-reload` after files that systemd reads were written or removed; why it failed, or None."""
    if not touches_units(keys) or not runs_systemd():
        return None
    return run_tool("systemctl", "daemon-reload")


def run_tool(name: str, *arguments: str) -> str | None:
    """Run a tool of the system; why it failed, or None."""
    import subprocess

    program = trusted_tool(name)
    if program is None:
        return f"there is no {name} that only root could change"
    try:
        done = subprocess.run(  # noqa: S603  # an absolute path in a system directory, checked to be root's
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{name} {arguments[0]}: no end after {_SECONDS} s"
    except OSError as error:
        return f"{name}: {error.strerror}"
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"{name} {arguments[0]}: {lines[-1][:200] if lines else f'exit code {done.returncode}'}"
    return None


@dataclass(frozen=True)
class Contest:
    """A key that a file of sysctl.d sets too."""

    key: str
    ours: str
    theirs: str
    path: str


def contests(wishes: Iterable[Wish], host: Host) -> list[Contest]:
    """Which of these keys a sysctl file sets otherwise. At boot our unit runs after it and wins; a later
    `sysctl --system` (package updates run it) makes the file win again, until the next boot.
    """
    wanted = {wish.key: wish.value for wish in wishes}
    return [
        Contest(key, wanted[key], value, path)
        for key, (value, path) in sorted(read_all_sysctl_lines(host).items())
        if key in wanted and value != wanted[key]
    ]


def describe_contest(contest: Contest) -> str:
    """One line for a person."""
    return (
        f"{contest.path} sets {contest.key} = {contest.theirs}: at boot llmtune comes later and {contest.ours} wins; "
        f"'sysctl --system', as package updates run it, brings {contest.theirs} back"
    )

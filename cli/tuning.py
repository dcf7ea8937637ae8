"""What the commands that change the machine share: root, the lock, errors in words, who asked."""

import os
import pwd
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from ..tuners.journal import Damaged
from ..tuners.knobs.kernel_file import LIVE
from ..tuners.knobs.knob import Refused, describe_os_error
from ..tuners.lock import Busy
from ..tuners.rollback import Undoing
from ..tuners.session import Session, read_here, session
from ..tuners.store import Store, Unsafe
from ..tuners.summary import write_summary
from ..tuners.trust import foreign_code
from . import exit_codes
from .common import InputError

STORE = Store()
_USER = re.compile(r"[\w.@-]{1,64}\Z")


class NeedsPermission(InputError):
    """Not allowed: one line, exit code 5."""

    exit_code = exit_codes.NEEDS_PERMISSION


class Conflict(InputError):
    """Somebody else is at it: one line, exit code 7."""

    exit_code = exit_codes.CONFLICT


class Partly(InputError):
    """Nothing or only a part was done: one line, exit code 6."""

    exit_code = exit_codes.PARTLY


def require_root(command: str) -> None:
    """Raise `NeedsPermission` unless this is root, running code that only root can change."""
    if os.geteuid() != 0:
        raise NeedsPermission(f"'{command}' needs root: sudo llmtune {command}")
    place = foreign_code()
    if place is not None:
        raise NeedsPermission(
            f"as root llmtune changes nothing from code that others could change ({place}); "
            f"install a root-owned copy, in the checkout: sudo make install, then: sudo llmtune {command}"
        )


@contextmanager
def opened(command: str, *, repair: bool = True) -> Iterator[Session]:
    """The session of a command that changes the machine, with every fault in words."""
    require_root(command)
    try:
        with session(STORE, read_here(), LIVE, repair=repair) as found:
            for number, undoing in found.repaired.items():
                tell_repair(number, undoing)
            for journal in found.of_others():
                click.echo(f"llmtune: transaction {journal.id} is another machine's: left alone", err=True)
            yield found
            write_summary(found)
    except Busy as why:
        raise Conflict(str(why)) from None
    except Damaged as why:
        raise InputError(
            f"{STORE.state}/journal/{why}. Nothing was changed. What it knew is in rollback.sh beside it; move the "
            "journal away once the machine is as you want it"
        ) from None
    except Unsafe as why:
        raise NeedsPermission(str(why)) from None
    except Refused as why:
        raise InputError(str(why)) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise NeedsPermission(
            f"the journal in {STORE.state} cannot be written ({place}{describe_os_error(error)}): nothing was changed"
        ) from None


def tell_repair(number: int, undoing: Undoing) -> None:
    """Say that a killed run's changes were put back."""
    count = len(undoing.restored)
    values = "nothing was left to put back" if not count else f"{count} value{'s' * (count > 1)} put back"
    click.echo(f"llmtune: transaction {number} had been broken off: {values}", err=True)
    for why in undoing.failed:
        click.echo(f"llmtune: it could not be put back: {why}", err=True)


def who_asks() -> str:
    """The user's name, the one before sudo where that is known."""
    name = os.environ.get("SUDO_USER", "")
    if _USER.match(name):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def log(message: str) -> None:
    """Tell the system's log who changed what."""
    import syslog

    syslog.openlog("llmtune", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    syslog.syslog(syslog.LOG_NOTICE, message)


def reload_units(keys: Iterable[str]) -> None:
    """Let systemd read its files anew where one of ours was written or removed."""
    if any(key.startswith(("boot.", "memlock@")) for key in keys):
        from ..tuners.persist import reload_systemd

        note(reload_systemd(keys))


def note(why: str | None) -> None:
    """Tell what else did not work, if anything."""
    if why is not None:
        click.echo(f"llmtune: {why}", err=True)


def agreed(question: str) -> bool:
    """Whether to go on; raises `click.UsageError` where nobody can be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked: add --yes to go on without a question")
    return click.confirm(question, default=False, err=True)

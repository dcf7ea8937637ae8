"""`rollback.sh`: the same steps as `llmtune rollback`, in plain sh, for the day when this program is gone."""

import shlex
from collections.abc import Iterable, Iterator

from .journal import Journal
from .knobs.catalogue import coupled, resolve
from .knobs.kernel_file import FileKnob, Tree
from .knobs.knob import Knob
from .records import Change, Values
from .store import replace_file

NAME = "rollback.sh"
_HEAD = """#!/bin/sh
# Puts back what llmtune changed, newest first. Run it as root. What somebody else has changed since is left alone;
# FORCE=1 takes it all the same. After a reboot only files are left to put back.
code=0
back() { # FILE VALUE-BEFORE OUR-VALUE; fails where the value is somebody else's
  now=$(sed 's/.*\\[\\(.*\\)\\].*/\\1/' "$1") || { code=6; return 1; }
  [ "$now" != "$2" ] || return 0
  if [ "$now" != "$3" ] && [ -z "${FORCE:-}" ]; then echo "$1 is $now, not $3: left alone"; code=6; return 1; fi
  put "$1" "$2"
}
held() { # KEY VALUE-NOW VALUE-BEFORE OUR-VALUE; fails where nothing is to be done
  [ "$2" != "$3" ] || return 1
  [ "$2" = "$4" ] || [ -n "${FORCE:-}" ] || { echo "$1 is $2, not $4: left alone"; code=6; return 1; }
}
same() { # PROCESS START-TIME; fails where it is another one
  [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)" = "$2" ] || { echo "$1 is gone"; return 1; }
}
put() { printf %s "$2" > "$1" || code=6; } # FILE VALUE
"""
_SAME_BOOT = """[ "$(cat /proc/sys/kernel/random/boot_id)" = BOOT ] || exit $code  # values of another boot are gone"""


def render_script(journals: Iterable[Journal], tree: Tree) -> str:
    """The script that puts back these transactions, oldest first given."""
    ordered = list(journals)
    if not ordered:
        return "#!/bin/sh\n# llmtune has changed nothing that is still in force.\n"
    files: list[str] = []
    values: list[str] = []
    boot = ordered[-1].begin.boot
    for journal in reversed(ordered):
        for number in reversed(range(len(journal.begin.changes))):
            change = journal.begin.changes[number]
            if number not in journal.failed:
                wrote = journal.wrote.get(number)
                lasts = any(resolve(key, tree).survives_reboot for key in change.targets)
                steps = list(_steps(change, wrote.after if wrote else {}, tree))
                if lasts or journal.begin.boot == boot:
                    (files if lasts else values).extend(steps)
    numbers = ", ".join(str(journal.id) for journal in reversed(ordered))
    return "\n".join(
        [
            _HEAD,
            f"# transactions {numbers}",
            *files,
            _SAME_BOOT.replace("BOOT", shlex.quote(boot)),
            *values,
            "exit $code",
            "",
        ]
    )


def _steps(change: Change, after: Values, tree: Tree) -> Iterator[str]:
    first = True
    for key, before in change.before.items():
        knob = resolve(key, tree)
        ours = after.get(key, change.targets.get(key))
        untouched = before == ours or (key not in change.targets and key not in after)
        if before is None or untouched or (before == knob.unused and _other_counts(change, key, tree)):
            continue
        yield _step(knob, before, ours or "", change.identity.get(key, ""), first)
        first = False
    if not first:
        yield "true"


def _other_counts(change: Change, key: str, tree: Tree) -> bool:
    first = coupled(key, tree)[0]
    return key == first or change.before.get(first) not in (None, "0")


def _step(knob: Knob, before: str, ours: str, identity: str, first: bool) -> str:
    """Putting the first back may reset those that depend on it, so these are written whatever they hold."""
    if not (isinstance(knob, FileKnob) and knob.plain):
        return f"{knob.script_guard(before, ours, identity)}{knob.command(before)}"
    path = shlex.quote(knob.path)
    if first:
        return f"back {path} {shlex.quote(before)} {shlex.quote(ours)} &&"
    return f"put {path} {shlex.quote(before)} &&"


def write_script(directory: int, journals: Iterable[Journal], tree: Tree) -> None:
    """Leave the script beside the journals; raises OSError."""
    replace_file(directory, NAME, render_script(journals, tree).encode(), 0o700)

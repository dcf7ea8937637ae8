"""From what is asked for to changes: which are needed, in which order, with all that they will overwrite."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .journal import Journal
from .knobs.catalogue import NoDevice, coupled, expand, resolve
from .knobs.kernel_file import Tree
from .knobs.knob import Refused, Unavailable, describe_os_error
from .knobs.sysctl import PAIRS
from .records import Change
from .values_now import identities, read_all


@dataclass(frozen=True)
class Wish:
    """One setting that is asked for."""

    key: str
    """With or without its scope."""
    value: str
    required: bool = True
    keep_short: bool = False
    at_least: bool = False
    """A larger value that is there already is right too."""


class CannotChange(Exception):
    """A required change that this machine does not allow; nothing was written. The message is one line."""


class NotThere(CannotChange):
    """What a required change is about is not there: no such device, process or file."""


@dataclass(frozen=True)
class Prepared:
    """What is to be done, and what is not."""

    changes: tuple[Change, ...]
    already: Mapping[str, str]
    """Settings that hold what is asked for."""
    left_out: Mapping[str, str]
    """Optional settings that this machine does not allow, with the reason."""


def prepare(wishes: Iterable[Wish], tree: Tree, *, as_root: bool) -> Prepared:
    """Look at each knob before the first is written; raises `Refused` and `CannotChange`."""
    left_out: dict[str, str] = {}
    targets = _targets(wishes, tree, left_out)
    for one, other in PAIRS:
        if one in targets and other in targets:
            raise Refused(f"{one} and {other} exclude each other: setting one sets the other to 0")
    needed: dict[str, Wish] = {}
    held: dict[str, Wish] = {}
    for key, wish in targets.items():
        try:
            why = _obstacle(wish, tree, as_root)
        except Unavailable as missing:
            if wish.required:
                raise NotThere(str(missing)) from None
            left_out[key] = str(missing)
            continue
        if why is None:
            needed[key] = wish
        elif why == "":
            held[key] = wish
        elif wish.required:
            raise CannotChange(why)
        else:
            left_out[key] = why
    changes = tuple(_changes(needed, held, tree))
    moved = {key for change in changes for key in change.targets}
    return Prepared(changes, {key: wish.value for key, wish in held.items() if key not in moved}, left_out)


def _targets(wishes: Iterable[Wish], tree: Tree, left_out: dict[str, str]) -> dict[str, Wish]:
    """Each full key with its value in canonical form; of several wishes for one the last."""
    targets: dict[str, Wish] = {}
    for wish in wishes:
        try:
            keys = expand(wish.key, tree)
        except NoDevice as missing:
            if wish.required:
                raise
            left_out[wish.key] = str(missing)
            continue
        for key in keys:
            targets.pop(key, None)
            try:
                value = resolve(key, tree).canonical(wish.value)
            except Unavailable as missing:
                if wish.required:
                    raise NotThere(str(missing)) from None
                left_out[key] = str(missing)
                continue
            targets[key] = Wish(key, value, wish.required, wish.keep_short, wish.at_least)
    return targets


def _obstacle(wish: Wish, tree: Tree, as_root: bool) -> str | None:
    """None where the change can be made, empty where none is needed, else why not; raises `Unavailable`."""
    knob = resolve(wish.key, tree)
    now = knob.read()
    knob.identity()
    if knob.matches(wish.value, now) or (wish.at_least and int(now) >= int(wish.value)):
        return ""
    try:
        if as_root:
            knob.check_writable()
    except OSError as error:
        return f"{wish.key}: it cannot be written: {describe_os_error(error)}"
    return None


def _changes(needed: Mapping[str, Wish], held: Mapping[str, Wish], tree: Tree) -> list[Change]:
    """Coupled settings become one change, at the place of the first, also those that are right and could be moved."""
    groups: list[tuple[tuple[str, ...], list[Wish]]] = []
    for key, wish in needed.items():
        touching = [group for group in groups if set(group[0]) & set(coupled(key, tree))]
        members = _united([*(group[0] for group in touching), coupled(key, tree)])
        wishes = [*(earlier for group in touching for earlier in group[1]), wish]
        place = groups.index(touching[0]) if touching else len(groups)
        groups = [group for group in groups if group not in touching]
        groups.insert(place, (members, wishes))
    for members, wishes in groups:
        wishes += [wish for key, wish in held.items() if key in members and not wish.at_least]
    return [
        Change(
            targets={wish.key: wish.value for wish in wishes},
            before=read_all(members, tree),
            identity=identities((wish.key for wish in wishes), tree),
            required=any(wish.required for wish in wishes),
            keep_short=all(wish.keep_short for wish in wishes),
        )
        for members, wishes in groups
    ]


def _united(groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Groups that share a value, as one: first what moves others (boost, governors), then what is moved."""
    moved = dict.fromkeys(key for group in groups for key in group[1:])
    movers = dict.fromkeys(group[0] for group in groups if group[0] not in moved)
    return (*movers, *moved)


def taken_over(change: Change, earlier: Iterable[Journal]) -> tuple[str, ...]:
    """Targets whose value somebody changed since our last transaction that wrote them."""
    last: dict[str, str | None] = {}
    for journal in earlier:
        if not journal.ended:
            for wrote in journal.wrote.values():
                last.update(wrote.after)
    # What was not there came with a scheduler of ours that was chosen since.
    return tuple(key for key in change.targets if last.get(key) not in (None, change.before[key]))

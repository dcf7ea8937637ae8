"""Reading and writing several coupled knobs."""

from collections.abc import Iterable, Mapping

from .knobs.catalogue import coupled, resolve
from .knobs.kernel_file import Tree
from .knobs.knob import Gone, Unavailable
from .records import Values

_PASSES = 3
"""A selector resets what depends on it; one more pass sets that right, and a third proves it."""


def read_all(keys: Iterable[str], tree: Tree) -> Values:
    """Each key's value now, None where it cannot be read or is not there."""
    found: Values = {}
    for key in keys:
        try:
            found[key] = resolve(key, tree).read()
        except Unavailable:
            found[key] = None
    return found


def identities(keys: Iterable[str], tree: Tree) -> dict[str, str]:
    """What tells the devices and processes behind the keys from others; raises `Gone`."""
    return {key: told for key in keys if (told := resolve(key, tree).identity())}


def same_things(identity: Mapping[str, str], tree: Tree) -> str | None:
    """Why the devices and processes are not those that were changed, or None."""
    for key, told in identity.items():
        try:
            now = resolve(key, tree).identity()
        except Gone as why:
            return str(why)
        if now != told:
            return f"{key}: it is another one now"
    return None


def write_targets(targets: Mapping[str, str], order: Iterable[str], tree: Tree) -> None:
    """Write each target in order, where it does not hold already; raises OSError with the key in `filename`."""
    for key in order:
        if key in targets:
            _write(key, targets[key], tree, loosely=False)


def converge(desired: Values, tree: Tree) -> None:
    """Bring all values to what is desired, in order, though writing one may change another; raises OSError."""
    for attempt in range(_PASSES):
        written = [_write(key, value, tree, loosely=attempt > 0) for key, value in _writable(desired, tree)]
        if not any(written):
            return


def _writable(desired: Values, tree: Tree) -> list[tuple[str, str]]:
    # Of a pair whose one member is 0 only the other can be written, and it sets the first to 0.
    found = []
    for key, value in desired.items():
        if value is None:
            continue
        pair = coupled(key, tree)
        first_counts = desired.get(pair[0]) not in (None, "0")
        if value == resolve(key, tree).unused and (key == pair[0] or first_counts):
            continue
        found.append((key, value))
    return found


def _write(key: str, value: str, tree: Tree, *, loosely: bool) -> bool:
    """Write where needed; whether it was."""
    knob = resolve(key, tree)
    now = knob.read()
    if now == value or (loosely and (knob.matches(value, now) or knob.pending(value))):
        return False
    try:
        knob.write(value)
    except OSError as error:
        raise OSError(error.errno, error.strerror, key) from None
    return True

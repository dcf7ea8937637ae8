"""Whether root alone decides what this process runs: its code, its interpreter, everything it may still import."""

import os
import stat
import sys

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def foreign_code() -> str | None:
    """The first place that others than root could change and that code comes from, or None."""
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    places = [here, os.path.realpath(sys.executable), *(os.path.realpath(path) for path in sys.path)]
    seen: set[str] = set()
    for place in places:
        while place not in seen:
            seen.add(place)
            if changed_by_others(place):
                return place
            place = os.path.dirname(place)
    return None


def changed_by_others(path: str) -> bool:
    """Whether others than root can write to a file or directory; what is not there cannot be changed itself."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return status.st_uid != 0 or bool(status.st_mode & _OTHERS_WRITE)

"""Read a file that the user names: bounded, never waiting, and only if its owner may decide what is done."""

import os
import stat
from collections.abc import Callable

from .common import InputError, file_error

MAX_BYTES = 8 << 20


def read_given_file(
    path: str, what: str, check_owner: Callable[[str, os.stat_result], None], *, follow: bool = True
) -> bytes:
    """At most 8 MiB of a regular file; raises `InputError`, and whatever `check_owner` does."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: not a regular file")
            check_owner(path, status)
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise file_error(path, error) from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: too large for {what}")
    return data

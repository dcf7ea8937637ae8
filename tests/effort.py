"""How many inputs a test of hostile input tries: a few for everybody, all of them in `make test-heavy`."""

import os

THOROUGH = bool(os.environ.get("LLMTUNE_THOROUGH"))


def examples(number: int) -> int:
    """`number` where thoroughness is asked for, else an eighth of it."""
    return number if THOROUGH else max(number // 8, 6)

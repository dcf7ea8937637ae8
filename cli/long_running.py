"""What a command does that lives for hours, and the others do not."""

import gc

_M_ARENA_MAX = -8
"""malloc.h of glibc."""


def settle_in() -> None:
    """Collect garbage again, which `__main__` turned off, and share one heap between the threads.

    glibc gives each thread a heap of its own, which keeps what was freed: a dozen threads took ten megabytes.
    """
    gc.freeze()
    gc.enable()
    try:
        import ctypes

        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    except (ImportError, OSError, AttributeError):  # Another C library.
        return

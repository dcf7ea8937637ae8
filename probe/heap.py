"""The memory of a process that runs for hours: one heap for all threads, and what was freed given back.

glibc gives each thread a heap of its own, which keeps what was freed: a dozen threads took ten megabytes. Other C
libraries have neither call and lose nothing.
"""

import contextlib

_ARENA_MAX = -8
"""M_ARENA_MAX of malloc.h."""


def share_one_heap() -> None:
    """From now on new threads have no heap of their own. Before they begin."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import ctypes

        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def give_back_freed() -> None:
    """After something large is done with."""
    import ctypes
    import gc

    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)

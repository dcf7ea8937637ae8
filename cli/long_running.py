"""What a command does that lives for hours, and the others do not."""

import gc

from ..probe.heap import share_one_heap


def settle_in() -> None:
    """Collect garbage again, which `__main__` turned off, and share one heap between the threads."""
    gc.freeze()
    gc.enable()
    share_one_heap()

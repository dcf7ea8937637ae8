"""Block device queues: /sys/block/DEVICE/queue.

Choosing a scheduler resets nr_requests, the write-back throttle and the scheduler's own parameters, and choosing the
old one again does not bring them back (measured, Linux 6.18), so the whole is kept and restored in that order.
"""

import re
from dataclasses import dataclass

from .kernel_file import LIVE, FileKnob, Tree
from .knob import Gone
from .values import Bracketed, Integer, Values

_DEVICE = re.compile(r"[A-Za-z0-9][\w!.:+-]{0,63}\Z", re.ASCII)
_PARAMETER = re.compile(r"block\.iosched\.([a-z0-9_]{1,40})\Z", re.ASCII)
_JIFFY_SLACK = 10
"""A parameter in milliseconds is kept in jiffies: at 100 Hz it may come back 10 off."""
_KEYS: dict[str, Values] = {
    "block.scheduler": Bracketed(),
    "block.nr_requests": Integer(4, 65_536),
    # The kernel keeps pages; a million KiB would be taken without a word.
    "block.read_ahead_kb": Integer(0, 65_536, "KiB", rounded_to=4),
    "block.nomerges": Integer(0, 2),
    "block.rq_affinity": Integer(0, 2),
    "block.add_random": Integer(0, 1),
    "block.wbt_lat_usec": Integer(-1, 10_000_000, "us"),
    "block.max_sectors_kb": Integer(4, 65_536, "KiB"),
}
KEYS = tuple(_KEYS)
_RESET_BY_SCHEDULER = ("block.nr_requests", "block.wbt_lat_usec", "block.add_random", "block.max_sectors_kb")


@dataclass(frozen=True)
class QueueKnob(FileKnob):
    """A value of one device's queue."""

    device: str = ""

    def identity(self) -> str:
        """Serial or WWID with the kernel's sequence number of the disk: another disk may come under this name."""
        base = f"/sys/block/{self.device}"
        if not self.tree.exists(base):
            raise Gone(f"{self.key}: there is no device {self.device}")
        told = (self.tree.text(f"{base}/{name}") for name in ("wwid", "device/serial", "serial", "diskseq", "dev"))
        return " ".join(text for text in told if text)


def block_knob(key: str, scope: str | None, tree: Tree = LIVE) -> FileKnob | None:
    """The knob of a `block.` key for the device that `scope` names, else None."""
    if scope is None or not _DEVICE.match(scope):
        return None
    queue = f"/sys/block/{scope}/queue"
    parameter = _PARAMETER.match(key)
    if parameter:
        values: Values = Integer(0, (1 << 31) - 1, slack=_JIFFY_SLACK)
        path = f"{queue}/iosched/{parameter[1]}"
    elif key in _KEYS:
        values, path = _KEYS[key], f"{queue}/{key.removeprefix('block.')}"
    else:
        return None
    return QueueKnob(f"{key}@{scope}", path, values, tree, belongs_to=f"/sys/block/{scope}", device=scope)


def block_coupled(key: str, tree: Tree = LIVE) -> tuple[str, ...]:
    """What choosing a scheduler resets, for the scheduler; else the key alone."""
    name, _, device = key.partition("@")
    if name != "block.scheduler":
        return (key,)
    queue = f"/sys/block/{device}/queue"
    present = [item for item in _RESET_BY_SCHEDULER if tree.exists(f"{queue}/{item.removeprefix('block.')}")]
    parameters = [
        f"block.iosched.{parameter}@{device}"
        for parameter in tree.names(f"{queue}/iosched")
        if (tree.text(f"{queue}/iosched/{parameter}") or "").lstrip("-").isdigit()
    ]
    return (key, *(f"{item}@{device}" for item in present), *parameters)


def devices(tree: Tree = LIVE) -> list[str]:
    """The names of the block devices with a queue."""
    return [name for name in tree.names("/sys/block") if tree.exists(f"/sys/block/{name}/queue")]

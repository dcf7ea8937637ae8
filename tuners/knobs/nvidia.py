"""NVIDIA GPUs: persistence mode, power limit, locked graphics clocks; what `nvidia-smi -pm`, `-pl`, `-lgc` set.

All three are lost when the driver lets go of the GPU, which it does without persistence mode as soon as nobody uses it.
So persistence mode is set first. Power limits are kept to the milliwatt; people ask for whole watts.

The driver does not tell whether clocks are locked. What llmtune locked it knows from a note in /run. Without a note
clocks are known to be unlocked only where persistence mode is off and no process has the GPU open, for then the driver
has only just taken it up; switching persistence mode on notes that. Anywhere else the value cannot be known, so it
could not be put back, and is refused. What others lock later is not seen.
"""

import errno
import os
import re
from abc import abstractmethod
from dataclasses import dataclass

from ..store import open_directory, replace_file
from .kernel_file import LIVE, Tree, printable_value
from .knob import Gone, Knob, Refused, Unavailable
from .nvml import ask, tell, uuids

KEYS = ("nvidia.persistence@GPU", "nvidia.power_limit_w@GPU", "nvidia.graphics_clocks_mhz@GPU")
UNLOCKED = "unlocked"
_UUID = re.compile(r"GPU(-[0-9a-f]{4,12}){5}\Z", re.ASCII)
_INDEX = re.compile(r"\d{1,3}\Z", re.ASCII)
_WATTS = re.compile(r"[1-9]\d{0,4}\Z", re.ASCII)
_EXACT_WATTS = re.compile(r"([1-9]\d{0,4})(?:\.(\d{1,3}))?\Z", re.ASCII)
_CLOCKS = re.compile(r"([1-9]\d{1,4}),([1-9]\d{1,4})\Z", re.ASCII)
_GRAPHICS = 0
"""NVML_CLOCK_GRAPHICS."""
NOTES = "/run/llmtune"
"""Gone with the boot, like the locks."""
PROCESSES = "/proc"
_LIMIT_BYTES = 100


@dataclass(frozen=True)
class GpuKnob(Knob):
    """A value of one GPU."""

    key: str
    uuid: str
    tree: Tree = LIVE

    def read(self) -> str:
        """The value now; raises `Unavailable`."""
        if self.tree.root:
            raise Unavailable(f"{self.key}: a folder has no NVIDIA driver")
        return self.ask_value()

    @abstractmethod
    def ask_value(self) -> str:
        """What the driver tells; raises `Unavailable`."""

    def identity(self) -> str:
        """The UUID itself, while the GPU is there."""
        try:
            ask(self.key, self.uuid, "nvmlDeviceGetUUID")
        except Gone:
            raise
        except Unavailable as why:
            # Without the driver its settings are gone too.
            raise Gone(str(why)) from None
        return self.uuid

    def check_writable(self) -> None:
        """The driver takes settings from root only."""
        if os.geteuid() != 0:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def command(self, value: str) -> str:
        """What people type."""
        return f"nvidia-smi -i {self.uuid} {self.switch(value)}"

    @abstractmethod
    def switch(self, value: str) -> str:
        """The switch of `nvidia-smi`."""


class PersistenceKnob(GpuKnob):
    """Whether the driver keeps the GPU while nobody uses it."""

    def ask_value(self) -> str:
        """`on` or `off`."""
        return "on" if ask(self.key, self.uuid, "nvmlDeviceGetPersistenceMode") else "off"

    def write(self, value: str) -> None:
        """Switch it. With it on the driver keeps locks, so this is the last moment at which clocks are known."""
        if value == "on":
            ClocksKnob(self.key, self.uuid, self.tree).note_what_is_known()
        tell(self.key, self.uuid, "nvmlDeviceSetPersistenceMode", int(value == "on"))

    def canonical(self, asked: str) -> str:
        """`on` or `off`."""
        if not self.holds(asked):
            raise Refused(f"{self.key}={printable_value(asked)}: it must be on or off")
        return asked

    def holds(self, value: str) -> bool:
        """Whether it is one of the two."""
        return value in ("on", "off")

    def switch(self, value: str) -> str:
        """`-pm`."""
        return f"-pm {int(value == 'on')}"


class PowerKnob(GpuKnob):
    """The power limit in watts, with as many decimals as its milliwatts need."""

    def ask_value(self) -> str:
        """The limit that is set (the one in force may be lower)."""
        return _watts(int(ask(self.key, self.uuid, "nvmlDeviceGetPowerManagementLimit")))

    def write(self, value: str) -> None:
        """Set it."""
        tell(self.key, self.uuid, "nvmlDeviceSetPowerManagementLimit", _milliwatts(value))

    def canonical(self, asked: str) -> str:
        """Whole watts within the card's own limits."""
        if not _WATTS.match(asked):
            raise Refused(f"{self.key}={printable_value(asked)}: whole watts are needed")
        try:
            low, high = ask(self.key, self.uuid, "nvmlDeviceGetPowerManagementLimitConstraints")
        except Unavailable:
            return asked  # reading says why
        if not low <= _milliwatts(asked) <= high:
            raise Refused(f"{self.key}={asked}: this card takes from {_watts(low)} to {_watts(high)} W")
        return asked

    def holds(self, value: str) -> bool:
        """Whether it is a number of watts."""
        return bool(_EXACT_WATTS.match(value))

    def switch(self, value: str) -> str:
        """`-pl`."""
        return f"-pl {value}"


class ClocksKnob(GpuKnob):
    """The range that graphics clocks are locked to, `MIN,MAX` in MHz, or `unlocked`."""

    def ask_value(self) -> str:
        """What our note says, or what can be known without one."""
        noted = self._noted()
        if noted is not None:
            return noted
        kept = ask(self.key, self.uuid, "nvmlDeviceGetPersistenceMode")
        minor = ask(self.key, self.uuid, "nvmlDeviceGetMinorNumber")
        if not kept and is_unused(f"/dev/nvidia{minor}", PROCESSES):
            return UNLOCKED
        raise Unavailable(
            f"{self.key}: the driver does not tell whether clocks are locked, and it has held this GPU since before "
            "llmtune looked: what could not be put back is not changed"
        )

    def write(self, value: str) -> None:
        """Lock or unlock; the note is there before the lock and goes after it."""
        if value == UNLOCKED:
            tell(self.key, self.uuid, "nvmlDeviceResetGpuLockedClocks")
            self._note(value)
            return
        if not ask(self.key, self.uuid, "nvmlDeviceGetPersistenceMode"):
            raise OSError(errno.EINVAL, f"without persistence mode clocks do not stay: nvidia.persistence@{self.uuid}")
        before = self._noted() or UNLOCKED
        self._note(value)
        try:
            tell(self.key, self.uuid, "nvmlDeviceSetGpuLockedClocks", *(int(part) for part in value.split(",")))
        except (OSError, Unavailable):
            self._note(before)
            raise

    def canonical(self, asked: str) -> str:
        """A range that the card can clock to."""
        if asked == UNLOCKED:
            return asked
        found = _CLOCKS.match(asked)
        if found is None or int(found[1]) > int(found[2]):
            raise Refused(f"{self.key}={printable_value(asked)}: MIN,MAX in MHz is needed, or {UNLOCKED}")
        try:
            most = int(ask(self.key, self.uuid, "nvmlDeviceGetMaxClockInfo", _GRAPHICS))
        except Unavailable:
            return asked  # reading says why
        if int(found[2]) > most:
            raise Refused(f"{self.key}={asked}: this card clocks to {most} MHz at most")
        return asked

    def holds(self, value: str) -> bool:
        """Whether it is a range or `unlocked`."""
        return value == UNLOCKED or bool(_CLOCKS.match(value))

    def switch(self, value: str) -> str:
        """`-lgc` or `-rgc`."""
        return "-rgc" if value == UNLOCKED else f"-lgc {value}"

    def note_what_is_known(self) -> None:
        """Note that clocks are unlocked, where that is known now."""
        try:
            self._note(self.ask_value())
        except Unavailable:
            return

    @property
    def _name(self) -> str:
        return f"clocks-{self.uuid}"

    def _noted(self) -> str | None:
        try:
            fd = os.open(f"{NOTES}/{self._name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            if os.fstat(fd).st_uid not in (0, os.geteuid()):
                return None
            text = os.read(fd, _LIMIT_BYTES).decode("ascii", "replace")
        finally:
            os.close(fd)
        return text if self.holds(text) else None

    def _note(self, value: str) -> None:
        directory = open_directory(NOTES, 0o755)
        try:
            replace_file(directory, self._name, value.encode(), 0o644)
        finally:
            os.close(directory)


def _watts(milliwatts: int) -> str:
    whole, rest = divmod(milliwatts, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)


def _milliwatts(watts: str) -> int:
    whole, _, rest = watts.partition(".")
    return int(whole) * 1000 + int(rest.ljust(3, "0"))


def is_unused(device: str, processes: str) -> bool:
    """Whether no process but this one has a device open; False where that cannot be seen."""
    try:
        pids = [name for name in os.listdir(processes) if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return False
    for pid in pids:
        try:
            open_files = os.listdir(f"{processes}/{pid}/fd")
            if any(_leads_to(f"{processes}/{pid}/fd/{number}", device) for number in open_files):
                return False
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        except OSError:
            return False
    return True


def _leads_to(link: str, device: str) -> bool:
    try:
        return os.readlink(link) == device
    except FileNotFoundError:
        return False


_KINDS: dict[str, type[GpuKnob]] = {
    "nvidia.persistence": PersistenceKnob,
    "nvidia.power_limit_w": PowerKnob,
    "nvidia.graphics_clocks_mhz": ClocksKnob,
}


def nvidia_knob(key: str, scope: str | None, tree: Tree = LIVE) -> GpuKnob | None:
    """The knob of an `nvidia.` key for the GPU with the UUID or index that `scope` names; raises `Refused`."""
    if key not in _KINDS or scope is None:
        return None
    if _INDEX.match(scope):
        found = gpus(tree)
        if int(scope) >= len(found):
            raise Refused(f"{key}@{scope}: there is no GPU {scope} here")
        scope = found[int(scope)]
    if not _UUID.match(scope):
        return None
    return _KINDS[key](f"{key}@{scope}", scope, tree)


def nvidia_coupled(key: str, tree: Tree = LIVE) -> tuple[str, ...]:
    """Persistence mode first: switching it off may drop the power limit; locked clocks need it."""
    del tree
    name, _, scope = key.partition("@")
    order = ("nvidia.persistence", "nvidia.power_limit_w", "nvidia.graphics_clocks_mhz")
    if name == order[1]:
        return (key,)
    return tuple(f"{item}@{scope}" for item in (order[:2] if name == order[0] else order))


def gpus(tree: Tree = LIVE) -> list[str]:
    """The UUIDs of the GPUs."""
    return [] if tree.root else [uuid for uuid in uuids() if _UUID.match(uuid)]

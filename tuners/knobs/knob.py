"""`Knob`: one place of the system that holds a value."""

from abc import ABC, abstractmethod


class Refused(Exception):
    """A key or value that llmtune does not write. The message is one line that says what is allowed."""


class Unavailable(Exception):
    """The machine has no such knob, or does not let it be read. The message is one line."""


class Gone(Unavailable):
    """The device or process that had the value is no longer there."""


class Knob(ABC):
    """One value of the system, as text in canonical form: what `read` returns, `write` accepts.

    `key` is what people and journals call it. A `Knob` is cheap to make and touches nothing until it is asked.
    """

    key: str
    unused: str | None = None
    """A value that means "another member of the pair counts": it is never written (`vm.dirty_bytes` 0)."""
    survives_reboot = False
    is_sum: bool = False
    """Whether it is the sum of those that follow in its group: writing it deals them out anew."""

    @abstractmethod
    def read(self) -> str:
        """The value now; raises `Unavailable`."""

    @abstractmethod
    def write(self, value: str) -> None:
        """Set the value; raises OSError with what the kernel answered."""

    @abstractmethod
    def canonical(self, asked: str) -> str:
        """A value asked for in canonical form; raises `Refused` where it is out of range or no such value."""

    @abstractmethod
    def command(self, value: str) -> str:
        """The shell command, for root, that does what `write` does."""

    def holds(self, value: str) -> bool:
        """Whether text from a journal has the form of a value of this knob (the kernel may have held any number)."""
        return bool(value)

    def matches(self, asked: str, found: str) -> bool:
        """Whether `found` is what the kernel makes of `asked`; kernels round."""
        return asked == found

    def falls_short(self, asked: str, found: str) -> bool:
        """Whether `found` is a part of what was `asked`, such as fewer huge pages."""
        return False

    def between(self, start: str, end: str, found: str) -> bool:
        """Whether a write of `end` over `start` that was broken off may leave `found`."""
        return False

    def pending(self, asked: str) -> str | None:
        """Why the value is not yet as `asked` although the kernel took it, or None."""
        return None

    def script_guard(self, before: str, ours: str, identity: str) -> str:
        """What stands before `command` in rollback.sh, so that it does nothing to what is no longer ours."""
        del before, ours, identity
        return ""

    def identity(self) -> str:
        """What tells this device or process from another of the same name; raises `Gone`."""
        return ""

    def check_writable(self) -> None:
        """Raise OSError where `write` is known to be refused; changes nothing."""
        return


def describe_os_error(error: OSError) -> str:
    """What the kernel answered, in its words."""
    return error.strerror or str(error)

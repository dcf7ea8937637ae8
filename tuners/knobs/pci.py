"""Runtime power management of PCI devices: Documentation/power/pci.rst, power/control."""

import re
from dataclasses import dataclass

from .kernel_file import LIVE, FileKnob, Tree
from .knob import Gone
from .values import Bracketed, Word

_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\Z", re.ASCII)
_DEVICES = "/sys/bus/pci/devices"
_ASPM = "/sys/module/pcie_aspm/parameters/policy"


@dataclass(frozen=True)
class PciKnob(FileKnob):
    """A value of one PCI device."""

    directory: str = ""

    def identity(self) -> str:
        """Vendor and device: another card may sit in this slot."""
        if not self.tree.exists(self.directory):
            raise Gone(f"{self.key}: there is no such device")
        return " ".join(self.tree.text(f"{self.directory}/{name}") or "" for name in ("vendor", "device"))


def pci_knob(key: str, scope: str | None, tree: Tree = LIVE) -> FileKnob | None:
    """The knob of a `pci.` key, else None."""
    if key == "pci.aspm_policy" and scope is None:
        return FileKnob(key, _ASPM, Bracketed(), tree)
    if key == "pci.runtime_power" and scope is not None and _ADDRESS.match(scope):
        directory = f"{_DEVICES}/{scope}"
        path = f"{directory}/power/control"
        return PciKnob(f"{key}@{scope}", path, Word(("auto", "on")), tree, belongs_to=directory, directory=directory)
    return None


def devices(tree: Tree = LIVE) -> list[str]:
    """The addresses of the PCI devices."""
    return [name for name in tree.names(_DEVICES) if _ADDRESS.match(name)]
